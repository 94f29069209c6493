/** A run of bytes collected from several chunks. */

/** The methods behind `toString`, undocumented but also called by busboy: several times faster for a short text. */
interface SlicedBuffer extends Buffer {
  latin1Slice(from: number, to: number): string
  utf8Slice(from: number, to: number): string
}

/** Up to this length a loop is faster than a call of `copy`. */
const shortRun = 32

const nothing = Buffer.alloc(0) as SlicedBuffer

/**
 * Copies nothing while all bytes come from one chunk. Otherwise it copies each byte about twice, and keeps no chunk: a
 * client that sends byte by byte must not make every byte cost an object.
 */
export class ByteBuffer {
  #bytes = nothing
  #from = 0
  #to = 0
  /** True if the memory is ours, with room behind the bytes; false if it belongs to a chunk. */
  #isOwn = false
  readonly #expected: number

  /** @param expected bytes announced, if any: the buffer does not reserve more for these */
  constructor(expected: number = Infinity) {
    this.#expected = expected
  }

  static of(bytes: Buffer): ByteBuffer {
    const buffer = new ByteBuffer()
    buffer.add(bytes, 0, bytes.length)
    return buffer
  }

  get size(): number {
    return this.#to - this.#from
  }

  /** Appends the bytes of `chunk` from `from` to `to`, exclusive. */
  add(chunk: Buffer, from: number, to: number): void {
    const known = this.size
    if (known === 0) {
      this.#bytes = chunk as SlicedBuffer
      this.#from = from
      this.#to = to
      this.#isOwn = false
      return
    }
    const size = known + to - from
    if (!this.#isOwn || size > this.#bytes.length) {
      const room = Buffer.allocUnsafe(size <= this.#expected ? Math.min(size * 2, this.#expected) : size * 2)
      this.#bytes.copy(room, 0, this.#from, this.#to)
      this.#bytes = room as SlicedBuffer
      this.#from = 0
      this.#isOwn = true
    }
    if (to - from > shortRun) chunk.copy(this.#bytes, known, from, to)
    else for (let at = from; at < to; at += 1) this.#bytes[known + at - from] = chunk[at]!
    this.#to = size
  }

  /** Drops all bytes after the first `size`. */
  truncate(size: number): void {
    this.#to = this.#from + size
  }

  /** The first index of `searched` at or after `from`, or -1. */
  indexOf(searched: Buffer | number, from: number): number {
    const found = this.#bytes.indexOf(searched, this.#from + from)
    const length = typeof searched === 'number' ? 1 : searched.length
    return found === -1 || found + length > this.#to ? -1 : found - this.#from
  }

  at(index: number): number | undefined {
    return index >= 0 && index < this.size ? this.#bytes[this.#from + index] : undefined
  }

  latin1(): string {
    return this.#bytes.latin1Slice(this.#from, this.#to)
  }

  /** The bytes as text; malformed UTF-8 becomes U+FFFD. */
  utf8(): string {
    return this.#bytes.utf8Slice(this.#from, this.#to)
  }

  toBuffer(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to)
  }
}
