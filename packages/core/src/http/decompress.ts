/** Decompresses bodies with a Content-Encoding. */
import { constants } from 'node:buffer'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib'
import type { BodyBounds, BodyStream } from './body-stream.js'
import { BodyError } from '../errors.js'
import { readBytes } from './charset.js'

/** With the option `info`. */
type Inflate = (
  bytes: Buffer,
  options: ZlibOptions,
) => Promise<{ readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }>

/** Keys are names of encodings in lower case. */
export const inflaters = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as unknown as Readonly<Record<string, Inflate>>

/** The limit is that of the decompressed body. */
interface CompressedBody extends Pick<BodyBounds, 'limit' | 'tooLarge'> {
  readonly body: BodyStream
  /** A key of {@link inflaters}. */
  readonly encoding: string
  /** Whether the client has gone without its answer. */
  readonly isAbandoned: () => boolean
}

/**
 * Collects a compressed body and decompresses it once it is complete. An inflater needs up to 16 MiB for brotli, and 14 bytes
 * may become megabytes: a client that withholds the last byte must not make the server hold them.
 *
 * The stream reads the body when it is read, and destroys it when it is destroyed. It fails with the error of the body, with
 * `MALFORMED_ENCODING` if the body is invalid, truncated or has trailing bytes, or with the 413.
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
    return await decompress(bytes, compressed)
  } finally {
    endTurn()
  }
}

/** The default number of threads in Node's pool: more inflaters at once would only hold more memory. */
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

async function decompress(bytes: Buffer, { encoding, limit, tooLarge }: CompressedBody): Promise<Buffer> {
  try {
    const { buffer, engine } = await inflaters[encoding]!(bytes, {
      chunkSize: 64 * 1024,
      maxOutputLength: Math.min(limit, constants.MAX_LENGTH),
      info: true,
    })
    // An inflater ignores trailing bytes.
    if (engine.bytesWritten === bytes.length) return buffer
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : malformedEncoding(message, error)
  }
  throw malformedEncoding('it has bytes after its end')
}

function malformedEncoding(what: string, cause?: unknown): BodyError {
  const detail = `The body does not match its Content-Encoding header: ${what}.`
  return new BodyError('MALFORMED_ENCODING', { detail, ...(cause !== undefined && { cause }) })
}
