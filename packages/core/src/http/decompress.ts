/** A body as it was before its Content-Encoding. */
import { Readable } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
} from 'node:zlib'
import type { BodyStream } from './body-stream.js'
import { BodyError } from '../errors.js'
import { readBytes } from './charset.js'

/** By the name of the encoding, in lower case. */
export const inflaters: Readonly<
  Record<string, (options: { chunkSize: number }) => Gunzip | Inflate | BrotliDecompress>
> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** A compressed body, and the bound of what it inflates to. */
interface CompressedBody {
  readonly body: BodyStream
  /** One of {@link inflaters}. */
  readonly encoding: string
  /** Bytes. */
  readonly limit: number
  /** The 413 for more bytes than that. */
  readonly tooLarge: () => BodyError
  /** Whether the client has gone without its answer. */
  readonly isAbandoned: () => boolean
}

/**
 * Gathers a body and inflates it when it is whole. An inflater takes memory of its own, brotli's up to 16 MiB, and what
 * it has made of 14 bytes may be megabytes: a client that keeps back the last byte must not make the server hold that.
 *
 * The stream begins to read the body when it is read itself, and destroys it when it is destroyed. It fails with what the
 * body fails with; with `UNSUPPORTED_ENCODING` where that is not encoded so, is cut, or has something behind its end; and
 * with the 413 where it inflates to more than the limit.
 */
export function inflatedStream(compressed: CompressedBody): Readable {
  const { body } = compressed
  return new Readable({
    read() {
      gatherAndInflate(compressed).then(
        (bytes) => {
          if (this.destroyed) return
          this.push(bytes)
          this.push(null)
        },
        (error: unknown) => this.destroy(error as Error),
      )
    },
    destroy(error, callback) {
      body.destroy()
      callback(error)
    },
  })
}

async function gatherAndInflate(compressed: CompressedBody): Promise<Buffer> {
  const bytes = await readBytes(compressed.body)
  await takeTurn()
  try {
    // While it waited. Clients that send a few bytes and leave must not keep others waiting.
    if (compressed.isAbandoned()) throw new BodyError('CLIENT_ABORTED')
    return await inflate(bytes, compressed)
  } finally {
    endTurn()
  }
}

/** As many as threads of the pool, by default: more inflaters at once would only hold more memory. */
const mostAtOnce = 4
let atWork = 0
const waiting: (() => void)[] = []

function takeTurn(): Promise<void> | undefined {
  if (atWork < mostAtOnce) {
    atWork += 1
    return undefined
  }
  return new Promise((resolve) => waiting.push(resolve))
}

function endTurn(): void {
  const next = waiting.shift()
  if (next === undefined) atWork -= 1
  else next()
}

async function inflate(bytes: Buffer, { encoding, limit, tooLarge }: CompressedBody): Promise<Buffer> {
  const inflater = inflaters[encoding]!({ chunkSize: 64 * 1024 })
  const chunks: Buffer[] = []
  let size = 0
  inflater.end(bytes)
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limit) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof BodyError ? error : notEncodedSo((error as Error).message, error)
  }
  // What it has not taken, it would drop without a word.
  if (inflater.bytesWritten < bytes.length) throw notEncodedSo('something stands behind its end')
  return Buffer.concat(chunks, size)
}

function notEncodedSo(what: string, cause?: unknown): BodyError {
  const detail = `The body is not what its Content-Encoding header says: ${what}.`
  return new BodyError('UNSUPPORTED_ENCODING', { detail, ...(cause !== undefined && { cause }) })
}
