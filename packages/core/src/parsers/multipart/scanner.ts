/** Finds the delimiters of a multipart body (RFC 2046, 5.1.1), whatever chunks it comes in. */

import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { bodyUnlikeHeader, hasBareLf, lfLineEndings } from './diagnose.js'
import { malformedPart } from './part-header.js'

/** What a {@link MultipartScanner} tells, in the order of the body. */
export interface PartListener {
  /** A part begins. `header` is what stands between its delimiter and its empty line, one character for each byte. */
  openPart(header: string): void
  /** More of the open part's content: the bytes of `chunk` from `from` up to, not with, `to`. */
  partContent(chunk: Buffer, from: number, to: number): void
  /** The open part is complete. */
  closePart(): void
}

/** How much may stand before the first delimiter. */
const longestPreamble = 64 * 1024

const CR = 13
const LF = 10
const TAB = 9
const SPACE = 32
const DASH = 45
const crlf = Buffer.from('\r\n')

/**
 * Cuts a body into its parts.
 *
 * A delimiter is CRLF, `--` and the boundary, at the start of the body without the CRLF; after it stand white space and
 * CRLF, or `--` if it is the closing one. The same boundary followed by anything else is content. What stands before the
 * first delimiter and after the closing one is no part; before the first, the boundary may not stand at all.
 */
export class MultipartScanner {
  readonly #boundary: string
  readonly #delimiter: Buffer
  /** The delimiter without its CRLF. */
  readonly #dashBoundary: Buffer
  readonly #headerSize: number
  readonly #listener: PartListener
  #state: 'content' | 'delimiter' | 'header' | 'epilogue' = 'content'
  /** The number of the open part; 0 before the first. */
  #part = 0
  /** How many bytes of the delimiter stand before the next byte. They are not kept: the delimiter has them. */
  #matched = crlf.length
  /**
   * How many of these are not content even if no delimiter comes of them: the CRLF that ends a header, and the one that
   * is thought before the body.
   */
  #borrowed = crlf.length
  /** What stands behind the boundary, until it is known whether that was a delimiter. */
  readonly #padding = new ByteBuffer()
  readonly #preamble = new ByteBuffer()
  readonly #header = new HeaderBytes()

  /** @param headerSize the longest header of a part, in bytes */
  constructor(boundary: string, headerSize: number, listener: PartListener) {
    this.#boundary = boundary
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#dashBoundary = this.#delimiter.subarray(crlf.length)
    this.#headerSize = headerSize
    this.#listener = listener
  }

  /**
   * Takes the next chunk of the body.
   *
   * @throws BodyError `BOUNDARY_MISMATCH`, `NOT_MULTIPART`, `LF_LINE_ENDINGS`, `MALFORMED_PART` or `LIMIT_HEADER_SIZE`;
   * and what the listener throws
   */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'content') at = this.#readContent(chunk, at)
      else if (this.#state === 'delimiter') at = this.#readDelimiterEnd(chunk, at)
      else if (this.#state === 'header') at = this.#readHeader(chunk, at)
      else return
    }
  }

  /**
   * The body has ended.
   *
   * @throws BodyError `TRUNCATED_BODY` before the closing delimiter; `BOUNDARY_MISMATCH`, `NOT_MULTIPART` or
   * `LF_LINE_ENDINGS` where no delimiter was seen; `MALFORMED_PART` where a header has no end
   */
  end(): void {
    if (this.#state === 'epilogue') return
    if (this.#state === 'header') this.#checkHeader(this.#header.text(), true)
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
      // A delimiter has one CR only, its first byte, so that no other match can begin inside the one that failed.
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
   * Where the next delimiter begins, or what may become one. What is certainly none stays in the content around it: a body
   * can hold the boundary of one character every few bytes, each with something behind it that follows no delimiter.
   *
   * Text is full of CRLFs, so that it is faster to look for what stands behind one.
   */
  #find(chunk: Buffer, from: number): number {
    const { length } = this.#dashBoundary
    let at = chunk.indexOf(this.#dashBoundary, from + crlf.length)
    while (at !== -1) {
      const isAtLineStart = chunk[at - 1] === LF && chunk[at - 2] === CR
      if (isAtLineStart && this.#mayEnd(chunk, at + length)) return at - crlf.length
      // No delimiter before the next line: a long line of dashes can hold a boundary of dashes at every byte.
      const lineEnd = chunk.indexOf(LF, at + length)
      at = lineEnd === -1 ? -1 : chunk.indexOf(this.#dashBoundary, lineEnd + 1)
    }
    return -1
  }

  /** Whether what stands behind the boundary may be the rest of a delimiter. If so, or if more has to come, that is read. */
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
      if (padding.size + at - from > this.#headerSize) throw this.#headerTooLong()
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

  /** Closes the open part, or the preamble, where a spoilt delimiter would have made a preamble of a part. */
  #closePart(): void {
    if (this.#part > 0) this.#listener.closePart()
    else if (this.#preamble.indexOf(this.#dashBoundary, 0) !== -1) throw this.#unlikeHeader()
  }

  /** The boundary was followed by something that follows no delimiter: it was content. */
  #notADelimiter(next: number): number {
    const borrowed = this.#borrowed
    const padding = this.#padding.toBuffer()
    this.#padding.truncate(0)
    // The CR that it may end with may begin the real delimiter.
    const matched = padding.at(-1) === CR ? 1 : 0
    this.#expectContent(matched, 0)
    this.#content(this.#delimiter, borrowed, this.#delimiter.length)
    this.#content(padding, 0, padding.length - matched)
    return next
  }

  #readHeader(chunk: Buffer, from: number): number {
    const next = this.#header.add(chunk, from)
    // An unfinished header may end with the start of its empty line.
    const longest = this.#headerSize + (next === undefined ? crlf.length * 2 - 1 : 0)
    if (this.#header.size > longest) {
      this.#checkHeader(this.#header.text().slice(0, this.#headerSize), true)
      throw this.#headerTooLong()
    }
    if (next === undefined) return chunk.length
    const header = this.#header.text()
    this.#header.clear()
    this.#checkHeader(header, false)
    // The delimiter after an empty part may stand right behind the header, sharing its CRLF (RFC 2046, body-part).
    this.#expectContent(crlf.length, crlf.length)
    this.#listener.openPart(header)
    return next
  }

  /** Looks for what keeps a header from ending where it should. */
  #checkHeader(header: string, isEndless: boolean): void {
    const holdsNext = holdsDelimiter(header, this.#boundary)
    if ((isEndless || holdsNext) && hasBareLf(header)) throw lfLineEndings()
    if (holdsNext) throw malformedPart(this.#part, 'its header does not end with an empty line')
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

  #headerTooLong(): BodyError {
    const limit = this.#headerSize
    return new BodyError('LIMIT_HEADER_SIZE', {
      detail: `The header of a part is longer than ${limit} bytes.`,
      limit,
    })
  }
}

/** How many of the last bytes of a chunk, from `from` on, are the first bytes of the delimiter. */
function matchAtEnd(chunk: Buffer, from: number, delimiter: Buffer): number {
  const earliest = Math.max(from, chunk.length - delimiter.length + 1)
  for (let at = chunk.indexOf(CR, earliest); at !== -1; at = chunk.indexOf(CR, at + 1)) {
    const length = chunk.length - at
    if (chunk.compare(delimiter, 0, length, at) === 0) return length
  }
  return 0
}

/** Whether a delimiter stands in a header: then what is behind it belongs to the next part, or to none. */
function holdsDelimiter(header: string, boundary: string): boolean {
  // Most headers are one line.
  if (!header.startsWith('--') && !header.includes('\n--')) return false
  const dashBoundary = `--${boundary}`
  for (let at = header.indexOf(dashBoundary); at !== -1; at = header.indexOf(dashBoundary, at + 1)) {
    const isAtLineStart = at === 0 || (header[at - 1] === '\n' && header[at - 2] === '\r')
    if (isAtLineStart && endsDelimiter(header, at + dashBoundary.length)) return true
  }
  return false
}

/** Whether what stands behind a boundary is the rest of a delimiter, as far as the header goes. */
function endsDelimiter(header: string, from: number): boolean {
  if (header.startsWith('--', from)) return true
  let at = from
  while (header[at] === ' ' || header[at] === '\t') at += 1
  return at === header.length || header.startsWith('\r\n', at)
}

const endOfHeader = Buffer.from('\r\n\r\n')

/** Gathers a header. */
export class HeaderBytes {
  readonly #bytes = new ByteBuffer()

  /** Bytes so far, and of the whole header once `add` has found its end. */
  get size(): number {
    return this.#bytes.size
  }

  /** The header, one character for each byte. */
  text(): string {
    return this.#bytes.latin1()
  }

  /**
   * Takes bytes of `chunk` from `from` on.
   *
   * @returns where the content begins that stands behind the header; `undefined` if the header goes on
   */
  add(chunk: Buffer, from: number): number | undefined {
    const bytes = this.#bytes
    const known = bytes.size
    bytes.add(chunk, from, chunk.length)
    const isEmpty = bytes.at(0) === CR && bytes.at(1) === LF
    const end = isEmpty ? 0 : this.#end(Math.max(0, known - endOfHeader.length + 1))
    if (end === -1) return undefined
    bytes.truncate(end)
    // What was known belongs to earlier chunks, and the empty line may have begun there.
    return from - known + end + (isEmpty ? 2 : endOfHeader.length)
  }

  /** Where the empty line begins. Node finds one byte in a third of the time of four, and most headers are one line. */
  #end(from: number): number {
    const bytes = this.#bytes
    const first = bytes.indexOf(CR, from)
    const isEnd = bytes.at(first + 1) === LF && bytes.at(first + 2) === CR && bytes.at(first + 3) === LF
    return first === -1 || isEnd ? first : bytes.indexOf(endOfHeader, first + 1)
  }

  /** Forgets the header, so that the next one can be gathered. */
  clear(): void {
    this.#bytes.truncate(0)
  }
}
