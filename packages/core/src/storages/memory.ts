/** The storage that keeps files in memory. */
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { ChunkBuffer, detachedBytes } from '../bytes/chunk-buffer.js'
import type { ByteRange, Storage, StoredFile } from './storage.js'
import { LocalFile, StorageDirectory } from './temp-file.js'

/**
 * Keeps files in memory, up to `limits.fileSize`. A file takes about its size: its chunks are never joined.
 *
 * ```ts
 * multipart({ storage: memory(), limits: { fileSize: 1_000_000 } })
 * ```
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

let systemPlace: StorageDirectory | undefined

/** A file in memory, as a list of chunks. */
export class MemoryFile implements StoredFile {
  readonly size: number
  #chunks: readonly Uint8Array[]
  readonly #place: StorageDirectory | undefined

  /** Copies the bytes if they would keep a buffer of more than twice their size in memory. */
  static of(bytes: Buffer, place?: StorageDirectory): MemoryFile {
    return new MemoryFile([detachedBytes(bytes)], place)
  }

  /** @param place where `toLocal()` writes. Default: the temporary directory of the system */
  constructor(chunks: readonly Uint8Array[], place?: StorageDirectory) {
    this.#chunks = chunks
    this.#place = place
    let size = 0
    for (const chunk of chunks) size += chunk.length
    this.size = size
  }

  /** @throws RangeError if the start is negative or after the end, as `fs.createReadStream` does */
  createReadStream({ start = 0, end = Infinity }: ByteRange = {}): Readable {
    if (start < 0) throw new RangeError(`Invalid range: start ${start} is negative.`)
    if (start > end) throw new RangeError(`Invalid range: start ${start} is after end ${end}.`)
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

  async toLocal(): Promise<LocalFile> {
    const place = this.#place ?? (systemPlace ??= new StorageDirectory({ directory: tmpdir() }))
    const buffer = new ChunkBuffer(this.createReadStream(), new AbortController().signal)
    const { path, size } = await place.write(buffer)
    return LocalFile.at(path, size)
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
