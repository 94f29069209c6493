/** Finds the parts of a multipart body (RFC 2046, 5.1.1), however it is cut into chunks. */
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { bodyUnlikeHeader, checkHeader, headerTooLong, lfLineEndings, truncatedBody } from './diagnose.js'

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

/** Bytes at the end of a body that tell why it has no closing delimiter: two of the longest delimiters. */
const tailSize = 512

const [TAB, LF, CR, SPACE, DASH] = [9, 10, 13, 32, 45] as const
const crlf = Buffer.from('\r\n')

/**
 * Cuts a body into its parts.
 *
 * A delimiter is CRLF, `--` and the boundary, followed by `--` (the closing one) or by optional white space and CRLF; at
 * the start of the body it needs no CRLF before it. The boundary with anything else around it is content, except where a
 * line that would be a delimiter follows a bare LF: that is refused, since it would make one part swallow the next. The
 * preamble, which must not contain the boundary, and the epilogue are ignored.
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
   * Matched bytes that are not content even if the match fails: the CRLF that ended the header, the implied CRLF before
   * the body, or the CR that a bare LF lacks.
   */
  #borrowed: number = crlf.length
  /** Whether the content of the open part has a closing delimiter after a bare LF. */
  #hasBareClosing = false
  /** The end of the chunks so far, if they are not the whole body: a line end and their last bytes. */
  #tail: Buffer | undefined
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
    if (at === chunk.length && this.#state !== 'epilogue') this.#keepTail(chunk)
    return at
  }

  #keepTail(chunk: Buffer): void {
    const tail = (this.#tail ??= Buffer.alloc(tailSize, crlf))
    const from = Math.max(0, chunk.length - tailSize)
    tail.copyWithin(0, chunk.length - from)
    chunk.copy(tail, tailSize - (chunk.length - from), from)
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
    const isBare = this.#borrowed === 1
    if (this.#state === 'delimiter' && this.#part === 0 && isBare) this.#notADelimiter(0)
    const isCutInFirstDelimiter = this.#preamble.size === 0 && this.#matched > this.#borrowed && !isBare
    if (this.#state === 'content' && this.#part === 0 && !isCutInFirstDelimiter) throw this.#noDelimiter()
    throw truncatedBody(this.#tail?.toString('latin1') ?? '', this.#boundary)
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
      // No match can begin inside one that failed: a delimiter has a single CR and a single LF, its first bytes.
      const [from, to] = [this.#borrowed, this.#matched]
      this.#expectContent(0, 0)
      this.#content(delimiter, from, to)
    }
    const found = this.#find(chunk, at)
    if (found !== -1) {
      // What precedes `at` ends in no CR: that would have been matched.
      this.#borrowed = found >= at + crlf.length && chunk[found - 2] === CR ? 0 : 1
      this.#content(chunk, at, found - crlf.length + this.#borrowed)
      this.#state = 'delimiter'
      return found + this.#dashBoundary.length
    }
    const end = matchAtEnd(chunk, at, delimiter)
    this.#borrowed = chunk[end] === LF ? 1 : 0
    this.#matched = chunk.length - end + this.#borrowed
    this.#content(chunk, at, end)
    return chunk.length
  }

  /**
   * Where the boundary of the next delimiter, or of what may turn out to be one, begins. Boundaries that clearly are none
   * stay in the content around them: a body may contain a one-character boundary every few bytes.
   *
   * It searches for the boundary without its CRLF, since text is full of CRLFs.
   */
  #find(chunk: Buffer, from: number): number {
    const { length } = this.#dashBoundary
    let at = chunk.indexOf(this.#dashBoundary, from + 1)
    while (at !== -1) {
      if (chunk[at - 1] === LF && this.#mayEnd(chunk, at + length)) return at
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
    const isBare = this.#borrowed === 1
    let last = padding.at(padding.size - 1)
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!
      if (last === DASH && byte === DASH && !isBare) return this.#closeDelimiter(at + 1)
      if (last === CR && byte === LF) return this.#openDelimiter(at + 1)
      const isOver = last === DASH || last === CR
      this.#hasBareClosing ||= isBare && last === DASH && byte === DASH
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
    if (this.#borrowed === 1) throw this.#afterBareLf()
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
    if (this.#hasBareClosing) throw this.#afterBareLf()
    if (this.#part > 0) this.#listener.closePart()
    else if (this.#preamble.indexOf(this.#dashBoundary, 0) !== -1) throw this.#unlikeHeader()
  }

  #afterBareLf(): BodyError {
    return lfLineEndings(`The delimiter "--${this.#boundary}" follows LF where CRLF is required.`)
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

/** Where the bytes at the end of a chunk that begin the delimiter, or begin it without its CR, are; not before `from`. */
function matchAtEnd(chunk: Buffer, from: number, delimiter: Buffer): number {
  const earliest = Math.max(from, chunk.length - delimiter.length + 1)
  for (let at = earliest; at < chunk.length; at += 1) {
    const begin = chunk[at] === CR ? 0 : 1
    const mayMatch = chunk[at] === delimiter[begin]
    if (mayMatch && chunk.compare(delimiter, begin, begin + chunk.length - at, at) === 0) return at
  }
  return chunk.length
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
