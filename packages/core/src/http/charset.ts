/** Reads a whole body and decodes it. */

import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { ByteBuffer } from '../bytes/byte-buffer.js'
import { BodyError } from '../errors.js'
import { BodyStream, forEachChunk } from './body-stream.js'
import {
  type Decoder,
  findDecoder,
  isKnownCharset,
  isUtf8Label,
  type MediaType,
  parameter,
} from './media-type.js'

/** Collects a stream, which has to limit its own size. */
export async function readBytes(stream: Readable): Promise<Buffer> {
  const bytes = new ByteBuffer(stream instanceof BodyStream ? stream.expected : undefined)
  await forEachChunk(stream, (chunk) => {
    bytes.add(chunk, 0, chunk.length)
    return undefined
  })
  return bytes.toBuffer()
}

/**
 * The charset of a text body. Default: `utf-8`.
 *
 * @throws BodyError `UNSUPPORTED_MEDIA_TYPE` for an unknown charset
 */
export function charsetOf(mediaType: MediaType): string {
  const label = parameter(mediaType, 'charset') ?? 'utf-8'
  if (isKnownCharset(label)) return label
  throw new BodyError('UNSUPPORTED_MEDIA_TYPE', {
    detail: `Unsupported charset "${label}" in the Content-Type header.`,
    hint: 'Send the body as UTF-8.',
  })
}

/** Decodes the text of a body. Invalid bytes become U+FFFD. */
export function decodeText(bytes: Buffer, charset: string): string {
  return isUtf8Label(charset) ? bytes.toString() : decodeWhole(bytes, byteOrdered(bytes, charset))
}

/** True if `decodeText` loses no byte. */
export function isTextIn(bytes: Buffer, charset: string): boolean {
  if (isUtf8Label(charset)) return isUtf8(bytes)
  try {
    decodeStrictly(bytes, byteOrdered(bytes, charset))
    return true
  } catch {
    return false
  }
}

/** The charset of a text, which may begin with a byte order mark. */
function byteOrdered(bytes: Buffer, charset: string): string {
  const isBigEndian = /^utf-16$/i.test(charset) && bytes[0] === 0xfe && bytes[1] === 0xff
  return isBigEndian ? 'utf-16be' : charset
}

/** Decodes a whole text in a charset that TextDecoder knows. Invalid bytes become U+FFFD. */
export function decodeWhole(bytes: Uint8Array, charset: string): string {
  return decodeOnce(findDecoder(charset)!, bytes)
}

/** Decodes a whole text. @throws TypeError for invalid bytes */
export function decodeStrictly(bytes: Uint8Array, charset: string): string {
  // Not a shared decoder: one that has thrown may keep state.
  return decodeOnce(new TextDecoder(charset, { fatal: true }), bytes)
}

/**
 * Decodes as a stream of one chunk: without `stream`, Node 20.18.3 and later decode windows-1252 as Latin-1, which has no
 * euro sign (https://github.com/nodejs/node/issues/60888).
 */
function decodeOnce(decoder: Decoder, bytes: Uint8Array): string {
  return decoder.decode(bytes, { stream: true }) + decoder.decode()
}

export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Decodes a percent-encoded text. A `%` without two hexadecimal digits after it is literal. */
export function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  let size = bytes.indexOf(percent)
  if (size === -1) return bytes
  // In place: decoding never makes a text longer.
  for (let at = size; at < bytes.length; at += 1) {
    let byte = bytes[at]!
    if (byte === percent && at + 2 < bytes.length) {
      const value = (hexValue(bytes[at + 1]!) << 4) | hexValue(bytes[at + 2]!)
      if (value >= 0) {
        byte = value
        at += 2
      }
    }
    bytes[size++] = byte
  }
  return bytes.subarray(0, size)
}

const percent = 0x25

/** The value of a hexadecimal digit; -1 if the byte is another character. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  // Lower case.
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
