/** The storage that keeps files in memory. */
import { Readable } from 'node:stream'
import { ChunkBuffer, detachedBytes } from '../bytes/chunk-buffer.js'
import type { ByteRange, Storage, StoredFile } from './storage.js'

/**
 * Keeps files in memory, however large: `limits.fileSize` is the bound. A file costs about its size, since its chunks
 * are kept as they came and never joined.
 */
export function memory(): Storage {
  return {
    name: 'memory',
    async store(stream, _info, signal) {
      const buffer = new ChunkBuffer(stream, signal)
      await buffer.fill(Infinity)
      return new MemoryFile(buffer.drain())
    },
    storeBytes: (bytes) => MemoryFile.of(bytes),
  }
}

/** A file whose bytes are in memory, as a list of chunks. */
export class MemoryFile implements StoredFile {
  readonly size: number
  #chunks: readonly Uint8Array[]

  static of(bytes: Buffer): MemoryFile {
    return new MemoryFile([detachedBytes(bytes)])
  }

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
    let size = 0
    for (const chunk of chunks) size += chunk.length
    this.size = size
  }

  /** @throws RangeError for a range whose start is negative or lies behind its end, as `fs.createReadStream` does */
  createReadStream({ start = 0, end = Infinity }: ByteRange = {}): Readable {
    if (start < 0 || start > end) throw new RangeError(`There are no bytes from ${start} up to ${end}.`)
    const chunks = within(this.#chunks, start, end)
    return new Readable({
      read() {
        this.push(chunks.next().value ?? null)
      },
    })
  }

  blob(): Blob {
    return new Blob([...this.#chunks])
  }

  remove(): void {
    this.#chunks = []
  }
}

function* within(
  chunks: readonly Uint8Array[],
  start: number,
  end: number,
): Generator<Uint8Array, undefined> {
  let offset = 0
  for (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, start - offset), Math.max(0, end + 1 - offset))
    offset += chunk.length
    if (part.length > 0) yield part
    if (offset > end) return
  }
}
