/** Finds the delimiters of a multipart body (RFC 2046, 5.1.1), whatever pieces it comes in. */
import { BodyError } from '../../errors.js'
import { bodyUnlikeHeader, hasBareLf, lfLineEndings } from './explain.js'
import { HeaderBytes } from './header-bytes.js'

/** What a {@link Framing} tells, in the order of the body. */
export interface PartListener {
  /** A part begins. `header` is what stands between its delimiter and its empty line. */
  openPart(header: Buffer): void
  /** More of the open part's content. */
  partContent(content: Buffer): void
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
 * first delimiter and after the closing one is no part.
 */
export class Framing {
  readonly #boundary: string
  readonly #delimiter: Buffer
  readonly #headerSize: number
  readonly #listener: PartListener
  #state: 'content' | 'delimiter' | 'header' | 'epilogue' = 'content'
  #inPart = false
  /** How many bytes of the delimiter stand before the next byte. They are not kept: the delimiter has them. */
  #matched = crlf.length
  /**
   * How many of these are not content even if no delimiter comes of them: the CRLF that ends a header, and the one that
   * is thought before the body.
   */
  #borrowed = crlf.length
  /** What stands behind the boundary, until it is known whether that was a delimiter. */
  #padding = ''
  readonly #preamble: Buffer[] = []
  #preambleSize = 0
  readonly #header = new HeaderBytes()

  /** @param headerSize the longest header of a part, in bytes */
  constructor(boundary: string, headerSize: number, listener: PartListener) {
    this.#boundary = boundary
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#headerSize = headerSize
    this.#listener = listener
  }

  /**
   * Takes the next piece of the body.
   *
   * @throws BodyError `BOUNDARY_MISMATCH`, `NOT_MULTIPART`, `LF_LINE_ENDINGS` or `LIMIT_HEADER_SIZE`; and what the
   * listener throws
   */
  push(piece: Buffer): void {
    let at = 0
    while (at < piece.length) {
      if (this.#state === 'content') at = this.#readContent(piece, at)
      else if (this.#state === 'delimiter') at = this.#readDelimiterEnd(piece, at)
      else if (this.#state === 'header') at = this.#readHeader(piece, at)
      else return
    }
  }

  /**
   * The body has ended.
   *
   * @throws BodyError `TRUNCATED_BODY` before the closing delimiter; `BOUNDARY_MISMATCH`, `NOT_MULTIPART` or
   * `LF_LINE_ENDINGS` where no delimiter was seen
   */
  end(): void {
    if (this.#state === 'epilogue') return
    if (this.#state === 'header' && hasBareLf(this.#header.bytes)) throw lfLineEndings()
    const isCutInFirstDelimiter = this.#preambleSize === 0 && this.#matched > this.#borrowed
    if (this.#state === 'content' && !this.#inPart && !isCutInFirstDelimiter) throw this.#noDelimiter()
    throw new BodyError('TRUNCATED_BODY', {
      detail: `The body ends before its closing delimiter "--${this.#boundary}--".`,
    })
  }

  #readContent(piece: Buffer, from: number): number {
    const delimiter = this.#delimiter
    let at = from
    if (this.#matched > 0) {
      const rest = Math.min(delimiter.length - this.#matched, piece.length - at)
      if (piece.compare(delimiter, this.#matched, this.#matched + rest, at, at + rest) === 0) {
        this.#matched += rest
        at += rest
        if (this.#matched === delimiter.length) this.#state = 'delimiter'
        return at
      }
      // A delimiter has one CR only, its first byte, so that no other match can begin inside the one that failed.
      const falseMatch = delimiter.subarray(this.#borrowed, this.#matched)
      this.#expectContent(0, 0)
      if (falseMatch.length > 0) this.#content(falseMatch)
    }
    const found = piece.indexOf(delimiter, at)
    if (found !== -1) {
      if (found > at) this.#content(piece.subarray(at, found))
      this.#state = 'delimiter'
      return found + delimiter.length
    }
    this.#matched = matchAtEnd(piece, at, delimiter)
    const end = piece.length - this.#matched
    if (end > at) this.#content(piece.subarray(at, end))
    return piece.length
  }

  #readDelimiterEnd(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at += 1) {
      const byte = piece[at]
      const last = this.#padding.at(-1)
      if (last === '-') return byte === DASH ? this.#closeDelimiter(at + 1) : this.#notADelimiter(at)
      if (last === '\r') return byte === LF ? this.#openDelimiter(at + 1) : this.#notADelimiter(at)
      if (byte === LF) throw lfLineEndings()
      const mayGoOn = byte === CR || byte === SPACE || byte === TAB || (byte === DASH && last === undefined)
      if (!mayGoOn) return this.#notADelimiter(at)
      if (this.#padding.length > this.#headerSize) throw this.#headerTooLong()
      this.#padding += String.fromCharCode(byte)
    }
    return piece.length
  }

  #openDelimiter(next: number): number {
    if (this.#inPart) this.#listener.closePart()
    this.#inPart = true
    this.#padding = ''
    this.#state = 'header'
    return next
  }

  #closeDelimiter(next: number): number {
    if (this.#inPart) this.#listener.closePart()
    this.#state = 'epilogue'
    return next
  }

  /** The boundary was followed by something that follows no delimiter: it was content. */
  #notADelimiter(next: number): number {
    const falseDelimiter = this.#delimiter.subarray(this.#borrowed)
    // The CR that it may end with may begin the real delimiter.
    const matched = this.#padding.endsWith('\r') ? 1 : 0
    const padding = this.#padding.slice(0, this.#padding.length - matched)
    this.#padding = ''
    this.#expectContent(matched, 0)
    this.#content(falseDelimiter)
    if (padding !== '') this.#content(Buffer.from(padding, 'latin1'))
    return next
  }

  #readHeader(piece: Buffer, from: number): number {
    const next = this.#header.add(piece, from)
    // An unfinished header may end with the start of its empty line.
    const longest = this.#headerSize + (next === undefined ? crlf.length * 2 - 1 : 0)
    if (this.#header.bytes.length > longest) {
      throw hasBareLf(this.#header.bytes.subarray(0, this.#headerSize))
        ? lfLineEndings()
        : this.#headerTooLong()
    }
    if (next === undefined) return piece.length
    const header = this.#header.take()
    // The delimiter after an empty part may stand right behind the header, sharing its CRLF (RFC 2046, body-part).
    this.#expectContent(crlf.length, crlf.length)
    this.#listener.openPart(header)
    return next
  }

  #expectContent(matched: number, borrowed: number): void {
    this.#state = 'content'
    this.#matched = matched
    this.#borrowed = borrowed
  }

  #content(bytes: Buffer): void {
    if (this.#inPart) {
      this.#listener.partContent(bytes)
      return
    }
    this.#preamble.push(bytes)
    this.#preambleSize += bytes.length
    if (this.#preambleSize > longestPreamble) throw this.#noDelimiter()
  }

  #noDelimiter(): BodyError {
    const unsure = this.#delimiter.subarray(this.#borrowed, this.#matched)
    return bodyUnlikeHeader(
      Buffer.concat([...this.#preamble, unsure]).subarray(0, longestPreamble),
      this.#boundary,
    )
  }

  #headerTooLong(): BodyError {
    const limit = this.#headerSize
    return new BodyError('LIMIT_HEADER_SIZE', {
      detail: `The header of a part is longer than ${limit} bytes.`,
      limit,
    })
  }
}

/** How many of the last bytes of a piece, from `from` on, are the first bytes of the delimiter. */
function matchAtEnd(piece: Buffer, from: number, delimiter: Buffer): number {
  const earliest = Math.max(from, piece.length - delimiter.length + 1)
  for (let at = piece.indexOf(CR, earliest); at !== -1; at = piece.indexOf(CR, at + 1)) {
    const length = piece.length - at
    if (piece.compare(delimiter, 0, length, at) === 0) return length
  }
  return 0
}
