/** The memory that parts are gathered in, used again when a part has been sent. */
import type { ChunkBuffer } from '@formgate/core/storage'

/** Bytes to wait for before they are copied into a part. */
const batch = 64 * 1024

/** Buffers of one size for the parts of one object. */
export class PartBuffers {
  readonly #size: number
  readonly #free: Buffer[] = []

  /** @param size bytes of a part */
  constructor(size: number) {
    this.#size = size
  }

  /** The parts of all that a buffer gathers, each full but for the last. */
  async *filledFrom(buffer: ChunkBuffer): AsyncGenerator<Buffer, undefined> {
    let part: Buffer | undefined
    let used = 0
    for (;;) {
      await buffer.fill(batch)
      const chunks = buffer.drain()
      if (chunks.length === 0) break
      for (const chunk of chunks) {
        for (let offset = 0; offset < chunk.length;) {
          part ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size)
          const slice = chunk.subarray(offset, offset + this.#size - used)
          part.set(slice, used)
          used += slice.length
          offset += slice.length
          if (used < this.#size) continue
          yield part
          part = undefined
          used = 0
        }
      }
      buffer.releaseBuffers(chunks)
    }
    if (part && used > 0) yield part.subarray(0, used)
  }

  /** Takes back a part that is not needed any more. */
  giveBack(part: Buffer): void {
    if (part.length === this.#size) this.#free.push(part)
  }
}
