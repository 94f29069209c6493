/** A slice of an uploaded file, as a Blob that reads its bytes on demand. */
import type { Readable } from 'node:stream'
import type { ByteRange } from '../storages/storage.js'
import { BareBlob, backNatively, readBytes, toWebStream } from './blob-shim.js'

/** The file that a slice is taken from. */
export interface Sliceable {
  /** Bytes. */
  readonly size: number
  createReadStream(range: ByteRange): Readable
  /** @throws Error if there is no native Blob with the same bytes */
  nativeBlob(): Blob
}

/** `Blob.slice()` of the File API: `start` and `end` are clamped, and negative ones count from the end. */
export class FileSlice extends BareBlob implements Blob {
  readonly #whole: Sliceable
  readonly #start: number
  readonly #end: number
  readonly #type: string

  static {
    backNatively(this.prototype, (slice) => slice.#whole.nativeBlob().slice(slice.#start, slice.#end))
  }

  constructor(whole: Sliceable, start = 0, end: number = whole.size, type = '') {
    super()
    this.#whole = whole
    this.#start = clamp(start, whole.size)
    this.#end = Math.max(this.#start, clamp(end, whole.size))
    // The File API drops a type that is not printable ASCII.
    this.#type = /^[\x20-\x7e]*$/.test(type) ? type.toLowerCase() : ''
  }

  get size(): number {
    return this.#end - this.#start
  }

  get type(): string {
    return this.#type
  }

  stream(): ReturnType<Blob['stream']> {
    return toWebStream(this)
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await readBytes(this)).buffer
  }

  bytes(): ReturnType<Blob['bytes']> {
    return readBytes(this)
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await readBytes(this))
  }

  slice(start?: number, end?: number, type?: string): Blob {
    const from = this.#start + clamp(start ?? 0, this.size)
    const to = this.#start + clamp(end ?? this.size, this.size)
    return new FileSlice(this.#whole, from, to, type)
  }

  /** The bytes as a Node stream. Not for an empty slice. */
  createReadStream(): Readable {
    return this.#whole.createReadStream({ start: this.#start, end: this.#end - 1 })
  }

  get [Symbol.toStringTag](): string {
    return 'Blob'
  }
}

function clamp(offset: number, size: number): number {
  const whole = Math.trunc(offset) || 0
  return whole < 0 ? Math.max(0, size + whole) : Math.min(whole, size)
}
