/** A file that the schema rejected before it was stored: its description, size and first bytes. */
import { Readable } from 'node:stream'
import { sampleSize } from '../checks/detect-type.js'
import type { FileDescription } from '../storages/storage.js'
import { UploadedFile } from './uploaded-file.js'

const rejectedFiles = new WeakSet<UploadedFile>()

/** True if a file was rejected before it was stored. */
export const isRejected: (file: UploadedFile) => boolean = rejectedFiles.has.bind(rejectedFiles)

/** Drains the bytes of such a file, and keeps as many of them as `sniff()` reads. */
export class RejectedContent {
  /** A copy: a client that sends byte by byte must not make every byte cost an object. */
  #sample = Buffer.alloc(0)
  #kept = 0
  #size = 0

  /** Bytes drained. */
  get size(): number {
    return this.#size
  }

  add(chunk: Buffer, from: number, to: number): void {
    this.#size += to - from
    const kept = Math.min(this.#kept + to - from, sampleSize)
    if (kept === this.#kept) return
    if (kept > this.#sample.length) {
      const room = Buffer.allocUnsafeSlow(Math.min(kept * 2, sampleSize))
      this.#sample.copy(room, 0, 0, this.#kept)
      this.#sample = room
    }
    chunk.copy(this.#sample, this.#kept, from, from + kept - this.#kept)
    this.#kept = kept
  }

  toFile(info: FileDescription): UploadedFile {
    const sample = this.#sample.subarray(0, this.#kept)
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
