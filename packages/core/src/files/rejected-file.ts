/** A file that a schema refuses before it is stored: what of it is known, without its content. */
import { Readable } from 'node:stream'
import type { FileInfo } from '../storages/storage.js'
import { UploadedFile } from './uploaded-file.js'

/** As much of a refused file is kept as `sniff()` looks at. */
const sampleSize = 4096

const unstored = new WeakSet<UploadedFile>()

/** Whether a file was refused before it was stored. */
export function isRejected(file: UploadedFile): boolean {
  return unstored.has(file)
}

/** Takes the bytes of such a file, and keeps the first of them. */
export class RejectedContent {
  /** Where they are copied to, however many chunks they come in: a chunk of one byte must not cost an object. */
  #sample = Buffer.alloc(0)
  #kept = 0
  #size = 0

  /** How many bytes there were. */
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

  toFile(info: FileInfo): UploadedFile {
    const sample = this.#sample.subarray(0, this.#kept)
    const size = this.#size
    const file = new UploadedFile(
      {
        size,
        createReadStream({ start = 0, end = size - 1 } = {}) {
          if (end < sample.length)
            return Readable.from(sample.subarray(start, end + 1), { objectMode: false })
          throw new Error(`The file "${info.name}" was not stored, since the schema refuses it.`)
        },
        remove: () => Promise.resolve(),
      },
      info,
    )
    unstored.add(file)
    return file
  }
}
