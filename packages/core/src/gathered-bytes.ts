/** Bytes that belong together, gathered from the pieces that they come in. */

const nothing = Buffer.alloc(0)

/**
 * Copies nothing as long as all bytes are of one piece. Of several it copies each byte at most twice or so, and keeps
 * none of the pieces: a client that sends byte by byte must not make every byte cost an object.
 */
export class GatheredBytes {
  #bytes: Buffer = nothing
  #from = 0
  #to = 0
  /** Whether the memory is this object's own, with room behind the bytes, and not that of a piece. */
  #isOwn = false
  readonly #expected: number

  /** @param expected how many bytes there will be, where that has been said: no more room than for these is made at once */
  constructor(expected: number = Infinity) {
    this.#expected = expected
  }

  /** How many there are. */
  get size(): number {
    return this.#to - this.#from
  }

  /** Adds the bytes of `piece` from `from` up to, not with, `to`. */
  add(piece: Buffer, from: number, to: number): void {
    if (this.size === 0) {
      this.#bytes = piece
      this.#from = from
      this.#to = to
      this.#isOwn = false
      return
    }
    const known = this.size
    const size = known + to - from
    if (!this.#isOwn || size > this.#bytes.length) {
      const room = Buffer.allocUnsafe(size <= this.#expected ? Math.min(size * 2, this.#expected) : size * 2)
      this.#bytes.copy(room, 0, this.#from, this.#to)
      this.#bytes = room
      this.#from = 0
      this.#isOwn = true
    }
    piece.copy(this.#bytes, known, from, to)
    this.#to = size
  }

  /** Forgets all bytes from the `size`-th on. */
  truncate(size: number): void {
    this.#to = this.#from + size
  }

  /** Where `searched` begins, in a search from `from` on; -1 if it does not occur. */
  indexOf(searched: Buffer, from: number): number {
    const found = this.#bytes.indexOf(searched, this.#from + from)
    return found === -1 || found + searched.length > this.#to ? -1 : found - this.#from
  }

  /** The byte at a place. */
  at(index: number): number | undefined {
    return index >= 0 && index < this.size ? this.#bytes[this.#from + index] : undefined
  }

  /** All bytes as text. */
  toString(encoding: BufferEncoding): string {
    return this.#bytes.toString(encoding, this.#from, this.#to)
  }

  /** All bytes. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to)
  }
}
