/** A stored file of this machine. */
import { createReadStream, openAsBlob } from 'node:fs'
import { unlink } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { codeOf } from './error-code.js'
import type { ByteRange, StoredFile } from './storage.js'

/** Node takes the size of a file modulo 4 GiB in `openAsBlob` (nodejs/node#52585). */
const maxBlobSize = 2 ** 32 - 1

/** Bytes to read ahead: fewer and larger reads than Node's 64 KiB. */
const readAhead = 256 * 1024

/** A file under a path of this machine. It is opened when it is read, and never held open. */
export class LocalFile implements StoredFile {
  readonly path: string
  readonly size: number
  readonly #blob: Blob | undefined

  private constructor(path: string, size: number, blob: Blob | undefined) {
    this.path = path
    this.size = size
    this.#blob = blob
  }

  /** @param size bytes; the file must be whole, since a change makes its native blob unreadable */
  static async at(path: string, size: number): Promise<LocalFile> {
    // Asked for now, because a native constructor that wants it later cannot wait. It reads nothing (about 10 µs).
    const blob = size > maxBlobSize ? undefined : await openAsBlob(path).catch(() => undefined)
    return new LocalFile(path, size, blob)
  }

  createReadStream(range: ByteRange = {}): Readable {
    return createReadStream(this.path, { ...range, highWaterMark: readAhead })
  }

  blob(): Blob | undefined {
    return this.#blob
  }

  async remove(): Promise<void> {
    await unlink(this.path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
  }
}
