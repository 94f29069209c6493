/** `bytes()` and `stream()`, which a route takes in place of a schema for the raw body. */
import { Readable } from 'node:stream'
import { BodyError } from '../errors.js'
import { BaseParser } from '../parsers/base-parser.js'
import { readBytes } from '../http/charset.js'
import { counted } from '../http/shown-text.js'

/** The whole body as a Buffer. */
export interface RawBytes {
  readonly kind: 'bytes'
  readonly min: number
  readonly max: number
}

/** The body as an unread stream. */
export interface RawStream {
  readonly kind: 'stream'
}

/**
 * The raw body as a `Buffer`.
 *
 * ```ts
 * body(bytes({ max: 1024 })) // data is a Buffer
 * ```
 *
 * @param length in bytes: `min` defaults to 0, `max` to the `bodySize` limit. A shorter body is a 422, a longer one a 413.
 * @throws TypeError for an invalid length
 */
export function bytes(length: { readonly min?: number; readonly max?: number } = {}): RawBytes {
  const { min = 0, max = Infinity } = length
  for (const [name, value] of Object.entries({ min, max })) {
    if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new TypeError(`bytes({ ${name} }) must be a whole number from 0 up, but is ${String(value)}.`)
    }
  }
  if (min > max) throw new TypeError(`bytes({ min: ${min}, max: ${max} }): min is greater than max.`)
  return { kind: 'bytes', min, max }
}

/**
 * The raw body as an unread `Readable`, which fails with a 413 beyond the `bodySize` limit.
 *
 * ```ts
 * body(stream(), { contentType: 'text/csv' }) // data is a Readable
 * ```
 */
export function stream(): RawStream {
  return { kind: 'stream' }
}

/** True for a value that `bytes()` or `stream()` returned. */
export function isRawBody(value: unknown): value is RawBytes | RawStream {
  const kind = (value as { kind?: unknown } | undefined)?.kind
  return (kind === 'bytes' || kind === 'stream') && !('~standard' in (value as object))
}

export class BytesParser extends BaseParser {
  readonly mediaType = '*/*'

  parse(body: Readable): Promise<Buffer> {
    return readBytes(body)
  }
}

export class StreamParser extends BaseParser {
  readonly mediaType = '*/*'

  parse(body: Readable): Readable {
    // An abort before the handler listens for errors must not end the process.
    return body.on('error', () => undefined)
  }
}

/** The value of a raw body, empty if nothing was sent. @throws BodyError `VALIDATION_FAILED` if it is too short */
export function rawBodyValue(
  type: RawBytes | RawStream,
  body: unknown,
  status: number | undefined,
): Buffer | Readable {
  if (type.kind === 'stream')
    return body instanceof Readable ? body : Readable.from([], { objectMode: false })
  const buffer = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  if (buffer.length >= type.min) return buffer
  const message = `Data should have at least ${counted(type.min, 'byte')}`
  throw new BodyError('VALIDATION_FAILED', {
    errors: [{ path: '', message, code: 'too_small' }],
    status,
  })
}
