/** Bodies that other middleware, or a serverless host, has read, and what it has left of them. */
import type { IncomingHttpHeaders } from 'node:http'
import { brotliDecompressSync } from 'node:zlib'
import { BodyError } from '../errors.js'
import { isUtf8Label, parameter, parseMediaType } from './media-type.js'

/** A body that another parser has read into a value. */
export class ParsedElsewhere {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** Where others leave a body: on the request of the framework, on Node's own, or on both. */
interface Holder {
  readonly headers: IncomingHttpHeaders
  readonly rawBody?: unknown
  readonly body?: unknown
}

/**
 * What another parser has made of a body, as `express.json()` leaves it in `req.body`. Not a text or bytes: whether those are a
 * value or the body itself cannot be told.
 */
export function parsedValue(target: Holder, request: Holder): ParsedElsewhere | undefined {
  const body = target.body === undefined ? request.body : target.body
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return undefined
  return new ParsedElsewhere(body)
}

/** True if the code that read a body has left it in `rawBody`. */
export function hasRawBody(target: Holder, request: Holder): boolean {
  return target.rawBody !== undefined || request.rawBody !== undefined
}

/**
 * The bytes of a body, where the code that read it has left them in `rawBody`, or in `body` as `express.raw()` does.
 *
 * @throws BodyError `BODY_ALREADY_READ` for a text whose bytes cannot be told
 */
export function keptBytes(target: Holder, request: Holder): Buffer | undefined {
  const kept = [target.rawBody, request.rawBody, target.body, request.body]
  const bytes = kept.find((each) => each instanceof Uint8Array)
  if (bytes !== undefined) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = kept.slice(0, 2).find((each) => typeof each === 'string')
  return text === undefined ? undefined : encoded(text, request.headers)
}

/** Encodes a text back into the bytes that it was decoded from. @throws BodyError if more than one encoding is possible */
function encoded(text: string, headers: IncomingHttpHeaders): Buffer {
  const length = headers['content-encoding'] === undefined ? headers['content-length'] : undefined
  const utf8 = Buffer.from(text)
  const isLossless = utf8.toString() === text && !text.includes('\uFFFD')
  if (length !== undefined) {
    if (isLossless && utf8.length === Number(length)) return utf8
    const latin1 = Buffer.from(text, 'latin1')
    if (latin1.length === Number(length) && latin1.toString('latin1') === text) return latin1
  } else if (isLossless && isUtf8(headers['content-type']) && (utf8.length === text.length || isWide(text)))
    return utf8
  throw new BodyError('BODY_ALREADY_READ', {
    detail: 'The rawBody of the request is a text, from which the bytes of the body cannot be told.',
    hint: 'Leave the bytes in rawBody as a Buffer.',
  })
}

/** True if a text has a character that Latin-1 does not have: it was decoded from UTF-8. */
function isWide(text: string): boolean {
  return /[^\0-\xff]/.test(text)
}

function isUtf8(contentType: string | undefined): boolean {
  const mediaType = parseMediaType(contentType ?? '')
  return isUtf8Label((mediaType && parameter(mediaType, 'charset')) ?? 'utf-8')
}

/**
 * True if the code that has read a body has also decompressed it, as `express.json()` does before it calls `verify`.
 *
 * @param encoding the Content-Encoding
 * @param length the Content-Length
 */
export function isInflated(bytes: Buffer, encoding: string, length: number | undefined): boolean {
  if (length !== undefined && length !== bytes.length) return true
  const [first = 0, second = 0] = bytes
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return first !== 0x1f || second !== 0x8b
    case 'deflate':
      return (first & 0x0f) !== 8 || (first * 256 + second) % 31 !== 0
    case 'br':
      return !isBrotli(bytes)
    default:
      return false
  }
}

/** Brotli has no signature. */
function isBrotli(bytes: Buffer): boolean {
  try {
    brotliDecompressSync(bytes, { maxOutputLength: 64 * 1024 })
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
  }
}
