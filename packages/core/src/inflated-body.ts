/** A body as it was before its Content-Encoding. */
import type { Readable } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
} from 'node:zlib'
import { BodyStream, type BodyBounds } from './body-stream.js'
import { BodyError } from './errors.js'

export type Inflater = Gunzip | Inflate | BrotliDecompress

/** By the name of the encoding, in lower case. */
export const inflaters: Readonly<Record<string, () => Inflater>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/**
 * Inflates a body, within the bounds that hold for it as it comes.
 *
 * The stream fails with `UNSUPPORTED_ENCODING` where the body is not encoded so: where it is cut, too, and where
 * something stands behind its end.
 */
export function inflated(body: Readable, inflater: Inflater, bounds: BodyBounds): Readable {
  let received = 0
  body.on('data', (chunk: Buffer) => (received += chunk.length))
  body.on('error', (error) => inflater.destroy(error))
  const refuse = (what: string, cause?: Error): void => {
    const detail = `The body is not what its Content-Encoding header says: ${what}.`
    out.destroy(new BodyError('UNSUPPORTED_ENCODING', { detail, ...(cause !== undefined && { cause }) }))
  }
  inflater.on('error', (cause) => {
    if (!(cause instanceof BodyError)) refuse(cause.message, cause)
  })
  // What it has not taken, it would drop without a word.
  inflater.on('end', () => {
    if (inflater.bytesWritten < received) refuse('something stands behind its end')
  })
  const out = new BodyStream(inflater, { ...bounds, onProgress: undefined })
  out.on('close', () => {
    inflater.destroy()
    body.destroy()
  })
  body.pipe(inflater)
  return out
}
