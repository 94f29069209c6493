/** A whole body as text, in the charset that its header declares. */
import type { Readable } from 'node:stream'
import { BodyStream } from '../body-stream.js'
import { BodyError } from '../errors.js'
import { isKnownCharset, isUtf8Label, parameter, type MediaType } from '../media-type.js'
import { eachPiece } from './each-piece.js'
import { GatheredBytes } from '../gathered-bytes.js'

/** Collects a stream. Its limit is the stream's own. */
export async function readBytes(stream: Readable): Promise<Buffer> {
  const bytes = new GatheredBytes(stream instanceof BodyStream ? stream.expected : undefined)
  await eachPiece(stream, (piece) => {
    bytes.add(piece, 0, piece.length)
    return undefined
  })
  return bytes.toBuffer()
}

/**
 * The charset of a text body.
 *
 * @returns a label that TextDecoder knows; `utf-8` where none is declared
 * @throws BodyError `UNSUPPORTED_MEDIA_TYPE` for a charset that is not known
 */
export function charsetOf(mediaType: MediaType): string {
  const label = parameter(mediaType, 'charset') ?? 'utf-8'
  if (isKnownCharset(label)) return label
  throw new BodyError('UNSUPPORTED_MEDIA_TYPE', {
    detail: `Unsupported charset "${label}" in the Content-Type header.`,
    hint: 'Send the body as UTF-8.',
  })
}

/** Decodes text in a charset that TextDecoder knows. Bytes that are not of the charset become U+FFFD. */
export function decodeText(bytes: Buffer, charset: string): string {
  if (isUtf8Label(charset)) return bytes.toString()
  const isBigEndian = /^utf-16$/i.test(charset) && bytes[0] === 0xfe && bytes[1] === 0xff
  return decodeWhole(bytes, isBigEndian ? 'utf-16be' : charset)
}

/**
 * Decodes as a stream of one piece. At once, Node 20.18.3 and later take windows-1252 for Latin-1 and so have no euro sign
 * (https://github.com/nodejs/node/issues/60888).
 */
export function decodeWhole(bytes: Uint8Array, charset: string, options?: { fatal: boolean }): string {
  const decoder = new TextDecoder(charset, options)
  return decoder.decode(bytes, { stream: true }) + decoder.decode()
}

/** A text without its byte order mark. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}
