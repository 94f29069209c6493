/** A file that the schema rejected before it was stored: its description, size and first bytes. */
import { Readable } from 'node:stream'
import { ByteBuffer } from '../bytes/byte-buffer.js'
import { detachedBytes } from '../bytes/chunk-buffer.js'
import { sampleSize } from '../checks/detect-type.js'
import type { FileDescription } from '../storages/storage.js'
import { UploadedFile } from './uploaded-file.js'

const rejectedFiles = new WeakSet<UploadedFile>()

/** True if a file was rejected before it was stored. */
export const isRejected: (file: UploadedFile) => boolean = rejectedFiles.has.bind(rejectedFiles)

/** Drains the bytes of such a file, and keeps as many of them as `sniff()` reads. */
export class RejectedContent {
  readonly #sample = new ByteBuffer(sampleSize)
  #size = 0

  /** Bytes drained. */
  get size(): number {
    return this.#size
  }

  add(chunk: Buffer, from: number, to: number): void {
    this.#size += to - from
    const room = sampleSize - this.#sample.size
    if (room === 0) return
    // A copy: the reader of another file may transfer the memory of the chunk.
    const bytes = Buffer.from(chunk.subarray(from, Math.min(to, from + room)))
    this.#sample.add(bytes, 0, bytes.length)
  }

  toFile(info: FileDescription): UploadedFile {
    const sample = detachedBytes(this.#sample.toBuffer())
    const size = this.#size
    const stored = {
      size,
      createReadStream({ start = 0, end = size - 1 } = {}) {
        if (end < sample.length) return Readable.from(sample.subarray(start, end + 1), { objectMode: false })
        throw new Error(`The file "${info.name}" was not stored: the schema rejected it.`)
      },
      remove: () => undefined,
    }
    const file = new UploadedFile(stored, info)
    rejectedFiles.add(file)
    return file
  }
}
