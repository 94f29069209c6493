/** A file that a schema refuses before it is stored: what of it is known, without its content. */
import { Readable } from 'node:stream'
import type { FileInfo } from './storage.js'
import { UploadedFile } from './uploaded-file.js'

/** As much of a refused file is kept as `sniff()` looks at. */
const sampleSize = 4096

const unstored = new WeakSet<UploadedFile>()

/** Whether a file was refused before it was stored. */
export function isUnstored(file: UploadedFile): boolean {
  return unstored.has(file)
}

/** Takes the bytes of such a file, and keeps the first of them. */
export class UnstoredContent {
  readonly #sample: Buffer[] = []
  #kept = 0
  #size = 0

  /** How many bytes there were. */
  get size(): number {
    return this.#size
  }

  add(piece: Buffer, from: number, to: number): void {
    this.#size += to - from
    if (this.#kept >= sampleSize) return
    const kept = Buffer.from(piece.subarray(from, Math.min(to, from + sampleSize - this.#kept)))
    this.#kept += kept.length
    this.#sample.push(kept)
  }

  toFile(info: FileInfo): UploadedFile {
    const sample = Buffer.concat(this.#sample)
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
