/** Bytes that belong together, gathered from the chunks that they come in. */

/**
 * What `toString` comes to in the end. Node does not document these methods, but busboy calls them too; on the way to them
 * `toString` takes as long as they do for a short text.
 */
interface SlicedBuffer extends Buffer {
  latin1Slice(from: number, to: number): string
  utf8Slice(from: number, to: number): string
}

/** Up to here bytes are copied one by one. */
const shortRun = 32

const nothing = Buffer.alloc(0) as SlicedBuffer

/**
 * Copies nothing as long as all bytes are of one chunk. Of several it copies each byte at most twice or so, and keeps
 * none of the chunks: a client that sends byte by byte must not make every byte cost an object.
 */
export class ByteBuffer {
  #bytes = nothing
  #from = 0
  #to = 0
  /** Whether the memory is this object's own, with room behind the bytes, and not that of a chunk. */
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

  /** Adds the bytes of `chunk` from `from` up to, not with, `to`. */
  add(chunk: Buffer, from: number, to: number): void {
    if (this.size === 0) {
      this.#bytes = chunk as SlicedBuffer
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
      this.#bytes = room as SlicedBuffer
      this.#from = 0
      this.#isOwn = true
    }
    // A loop, since a call of `copy` takes as long as a few dozen turns.
    if (to - from > shortRun) chunk.copy(this.#bytes, known, from, to)
    else for (let at = from; at < to; at += 1) this.#bytes[known + at - from] = chunk[at]!
    this.#to = size
  }

  /** Forgets all bytes from the `size`-th on. */
  truncate(size: number): void {
    this.#to = this.#from + size
  }

  /** Where `searched` begins, in a search from `from` on; -1 if it does not occur. */
  indexOf(searched: Buffer | number, from: number): number {
    const found = this.#bytes.indexOf(searched, this.#from + from)
    const length = typeof searched === 'number' ? 1 : searched.length
    return found === -1 || found + length > this.#to ? -1 : found - this.#from
  }

  /** The byte at a place. */
  at(index: number): number | undefined {
    return index >= 0 && index < this.size ? this.#bytes[this.#from + index] : undefined
  }

  /** All bytes as text, one character for each. */
  latin1(): string {
    return this.#bytes.latin1Slice(this.#from, this.#to)
  }

  /** All bytes as text. What is no UTF-8 becomes U+FFFD. */
  utf8(): string {
    return this.#bytes.utf8Slice(this.#from, this.#to)
  }

  /** All bytes. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to)
  }
}
