/** Finds the parts of a multipart body (RFC 2046, 5.1.1), however it is cut into chunks. */
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { bodyUnlikeHeader, checkHeader, headerTooLong, lfLineEndings } from './diagnose.js'

/** Is told of the parts by a {@link MultipartScanner}, in the order of the body. */
export interface PartListener {
  /** A part begins. @param header the text between its delimiter and its empty line, one character for each byte */
  openPart(header: string): void
  /** More content of the open part: the bytes of `chunk` from `from` up to, not including, `to`. */
  partContent(chunk: Buffer, from: number, to: number): void
  /** The open part is complete. */
  closePart(): void
  /** True while it is not ready for the content of the part that it has just opened. */
  readonly isWaiting?: boolean
}

/** Bytes before the first delimiter. */
const longestPreamble = 64 * 1024

const [TAB, LF, CR, SPACE, DASH] = [9, 10, 13, 32, 45] as const
const crlf = Buffer.from('\r\n')

/**
 * Cuts a body into its parts.
 *
 * A delimiter is CRLF, `--` and the boundary, followed by `--` (the closing one) or by optional white space and CRLF; at
 * the start of the body it needs no CRLF before it. The boundary with anything else around it is content. The preamble,
 * which must not contain the boundary, and the epilogue are ignored.
 */
export class MultipartScanner {
  readonly #boundary: string
  readonly #delimiter: Buffer
  readonly #dashBoundary: Buffer
  readonly #headerSize: number
  readonly #listener: PartListener
  #state: 'content' | 'delimiter' | 'header' | 'epilogue' = 'content'
  /** The number of the open part; 0 before the first. */
  #part = 0
  /** Bytes of the delimiter that precede the next byte. They are not kept, since the delimiter has them. */
  #matched = crlf.length
  /**
   * Matched bytes that are not content even if the match fails: the CRLF that ended the header, or the implied CRLF
   * before the body.
   */
  #borrowed = crlf.length
  /** The bytes after a boundary, until it is clear whether that was a delimiter. */
  readonly #padding = new ByteBuffer()
  readonly #preamble = new ByteBuffer()
  readonly #header = new ByteBuffer()

  /** @param headerSize bytes that the header of a part may have */
  constructor(boundary: string, headerSize: number, listener: PartListener) {
    this.#boundary = boundary
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#dashBoundary = this.#delimiter.subarray(crlf.length)
    this.#headerSize = headerSize
    this.#listener = listener
  }

  /**
   * Reads the next chunk of the body, from a place in it on.
   *
   * @returns where it stopped: before the end of the chunk if the listener is waiting
   * @throws BodyError `BOUNDARY_MISMATCH`, `NOT_MULTIPART`, `LF_LINE_ENDINGS`, `MALFORMED_PART` or `LIMIT_HEADER_SIZE`;
   * also whatever the listener throws
   */
  push(chunk: Buffer, from = 0): number {
    let at = from
    while (at < chunk.length && this.#listener.isWaiting !== true) {
      if (this.#state === 'content') at = this.#readContent(chunk, at)
      else if (this.#state === 'delimiter') at = this.#readDelimiterEnd(chunk, at)
      else if (this.#state === 'header') at = this.#readHeader(chunk, at)
      else break
    }
    return at
  }

  /**
   * Ends the body.
   *
   * @throws BodyError `TRUNCATED_BODY` before the closing delimiter; `BOUNDARY_MISMATCH`, `NOT_MULTIPART` or
   * `LF_LINE_ENDINGS` if no delimiter was found; `MALFORMED_PART` if a header does not end
   */
  end(): void {
    if (this.#state === 'epilogue') return
    if (this.#state === 'header') checkHeader(this.#header.latin1(), this.#boundary, this.#part, true)
    const isCutInFirstDelimiter = this.#preamble.size === 0 && this.#matched > this.#borrowed
    if (this.#state === 'content' && this.#part === 0 && !isCutInFirstDelimiter) throw this.#noDelimiter()
    throw new BodyError('TRUNCATED_BODY', {
      detail: `The body ends before its closing delimiter "--${this.#boundary}--".`,
    })
  }

  #readContent(chunk: Buffer, from: number): number {
    const delimiter = this.#delimiter
    let at = from
    if (this.#matched > 0) {
      const rest = Math.min(delimiter.length - this.#matched, chunk.length - at)
      const mayMatch = chunk[at] === delimiter[this.#matched]
      if (mayMatch && chunk.compare(delimiter, this.#matched, this.#matched + rest, at, at + rest) === 0) {
        this.#matched += rest
        at += rest
        if (this.#matched === delimiter.length) this.#state = 'delimiter'
        return at
      }
      // No match can begin inside one that failed: a delimiter has a single CR, its first byte.
      const [from, to] = [this.#borrowed, this.#matched]
      this.#expectContent(0, 0)
      this.#content(delimiter, from, to)
    }
    const found = this.#find(chunk, at)
    if (found !== -1) {
      this.#content(chunk, at, found)
      this.#state = 'delimiter'
      return found + delimiter.length
    }
    this.#matched = matchAtEnd(chunk, at, delimiter)
    this.#content(chunk, at, chunk.length - this.#matched)
    return chunk.length
  }

  /**
   * Where the next delimiter, or what may turn out to be one, begins. Boundaries that clearly are none stay in the content
   * around them: a body may contain a one-character boundary every few bytes.
   *
   * It searches for the boundary without its CRLF, since text is full of CRLFs.
   */
  #find(chunk: Buffer, from: number): number {
    const { length } = this.#dashBoundary
    let at = chunk.indexOf(this.#dashBoundary, from + crlf.length)
    while (at !== -1) {
      const isAtLineStart = chunk[at - 1] === LF && chunk[at - 2] === CR
      if (isAtLineStart && this.#mayEnd(chunk, at + length)) return at - crlf.length
      // On to the next line: a long line of dashes contains a boundary of dashes at every byte.
      const lineEnd = chunk.indexOf(LF, at + length)
      at = lineEnd === -1 ? -1 : chunk.indexOf(this.#dashBoundary, lineEnd + 1)
    }
    return -1
  }

  /** True unless the bytes after the boundary rule out a delimiter. */
  #mayEnd(chunk: Buffer, from: number): boolean {
    let at = from
    const longest = from + this.#headerSize
    while (at < longest && (chunk[at] === SPACE || chunk[at] === TAB)) at += 1
    const byte = chunk[at]
    if (byte === CR) return at + 1 === chunk.length || chunk[at + 1] === LF
    if (byte === DASH) return at === from && (at + 1 === chunk.length || chunk[at + 1] === DASH)
    return at >= longest || byte === undefined || byte === LF
  }

  #readDelimiterEnd(chunk: Buffer, from: number): number {
    const padding = this.#padding
    if (padding.size === 0 && chunk[from] === CR && chunk[from + 1] === LF)
      return this.#openDelimiter(from + 2)
    let last = padding.at(padding.size - 1)
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!
      if (last === DASH && byte === DASH) return this.#closeDelimiter(at + 1)
      if (last === CR && byte === LF) return this.#openDelimiter(at + 1)
      const isOver = last === DASH || last === CR
      if (byte === LF && !isOver) throw lfLineEndings()
      const mayGoOn = byte === CR || byte === SPACE || byte === TAB || (byte === DASH && last === undefined)
      if (isOver || !mayGoOn) {
        padding.add(chunk, from, at)
        return this.#notADelimiter(at)
      }
      if (padding.size + at - from > this.#headerSize) throw headerTooLong(this.#headerSize)
      last = byte
    }
    padding.add(chunk, from, chunk.length)
    return chunk.length
  }

  #openDelimiter(next: number): number {
    this.#closePart()
    this.#part += 1
    this.#padding.truncate(0)
    this.#state = 'header'
    return next
  }

  #closeDelimiter(next: number): number {
    this.#closePart()
    this.#state = 'epilogue'
    return next
  }

  /** Closes the open part, or a preamble, which a broken delimiter must not turn a part into. */
  #closePart(): void {
    if (this.#part > 0) this.#listener.closePart()
    else if (this.#preamble.indexOf(this.#dashBoundary, 0) !== -1) throw this.#unlikeHeader()
  }

  /** The boundary and the bytes after it were content. */
  #notADelimiter(next: number): number {
    const borrowed = this.#borrowed
    const padding = this.#padding.toBuffer()
    this.#padding.truncate(0)
    // A CR at its end may begin the real delimiter.
    const matched = padding.at(-1) === CR ? 1 : 0
    this.#expectContent(matched, 0)
    this.#content(this.#delimiter, borrowed, this.#delimiter.length)
    this.#content(padding, 0, padding.length - matched)
    return next
  }

  #readHeader(chunk: Buffer, from: number): number {
    const next = readHeader(this.#header, chunk, from)
    // An unfinished header may end with the start of its empty line.
    const longest = this.#headerSize + (next === undefined ? crlf.length * 2 - 1 : 0)
    if (this.#header.size > longest) {
      checkHeader(this.#header.latin1().slice(0, this.#headerSize), this.#boundary, this.#part, true)
      throw headerTooLong(this.#headerSize)
    }
    if (next === undefined) return chunk.length
    const header = this.#header.latin1()
    this.#header.truncate(0)
    // Most headers hold nothing that could be a delimiter.
    if (header.startsWith('--') || header.includes('\n--'))
      checkHeader(header, this.#boundary, this.#part, false)
    // The delimiter after an empty part may share the CRLF that ends the header (RFC 2046, body-part).
    this.#expectContent(crlf.length, crlf.length)
    this.#listener.openPart(header)
    return next
  }

  #expectContent(matched: number, borrowed: number): void {
    this.#state = 'content'
    this.#matched = matched
    this.#borrowed = borrowed
  }

  #content(chunk: Buffer, from: number, to: number): void {
    if (from === to) return
    if (this.#part > 0) {
      this.#listener.partContent(chunk, from, to)
      return
    }
    this.#preamble.add(chunk, from, to)
    if (this.#preamble.size > longestPreamble) throw this.#noDelimiter()
  }

  #noDelimiter(): BodyError {
    this.#preamble.add(this.#delimiter, this.#borrowed, this.#matched)
    return this.#unlikeHeader()
  }

  #unlikeHeader(): BodyError {
    return bodyUnlikeHeader(this.#preamble.toBuffer().subarray(0, longestPreamble), this.#boundary)
  }
}

/** How many bytes at the end of a chunk, not before `from`, begin the delimiter. */
function matchAtEnd(chunk: Buffer, from: number, delimiter: Buffer): number {
  const earliest = Math.max(from, chunk.length - delimiter.length + 1)
  for (let at = chunk.indexOf(CR, earliest); at !== -1; at = chunk.indexOf(CR, at + 1)) {
    const length = chunk.length - at
    if (chunk.compare(delimiter, 0, length, at) === 0) return length
  }
  return 0
}

const endOfHeader = Buffer.from('\r\n\r\n')

/**
 * Adds the bytes of `chunk` from `from` on to a header. Once its end is found, `header` has its bytes and no others.
 *
 * @returns where the content after the header begins; `undefined` if the header goes on
 */
export function readHeader(header: ByteBuffer, chunk: Buffer, from: number): number | undefined {
  const known = header.size
  header.add(chunk, from, chunk.length)
  const isEmpty = header.at(0) === CR && header.at(1) === LF
  const end = isEmpty ? 0 : emptyLine(header, Math.max(0, known - endOfHeader.length + 1))
  if (end === -1) return undefined
  header.truncate(end)
  // The known bytes came in earlier chunks; the empty line may have begun there.
  return from - known + end + (isEmpty ? 2 : endOfHeader.length)
}

/** Node finds one byte three times as fast as four, and most headers are one line. */
function emptyLine(header: ByteBuffer, from: number): number {
  const first = header.indexOf(CR, from)
  const isEnd = header.at(first + 1) === LF && header.at(first + 2) === CR && header.at(first + 3) === LF
  return first === -1 || isEnd ? first : header.indexOf(endOfHeader, first + 1)
}
