/** A part of an uploaded file, as a Blob that reads its bytes when it is asked for them. */
import type { Readable } from 'node:stream'
import { BareBlob, backNatively } from './blob-shim.js'
import type { ByteRange } from '../storages/storage.js'
import { readBytes, readText, toWebStream } from './blob-shim.js'

/** What a slice is taken from. */
export interface Sliceable {
  /** Bytes. */
  readonly size: number
  createReadStream(range: ByteRange): Readable
  /** @throws Error where there is no native Blob with the same bytes */
  nativeBlob(): Blob
}

/** `Blob.slice()` of the File API: `start` and `end` are clamped, negative ones count from the end. */
export class FileSlice extends BareBlob implements Blob {
  readonly #whole: Sliceable
  readonly #start: number
  readonly #end: number
  readonly #type: string

  static {
    backNatively(this.prototype, (slice) => slice.#nativeBlob())
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

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return readBytes(this)
  }

  text(): Promise<string> {
    return readText(this)
  }

  slice(start?: number, end?: number, type?: string): Blob {
    const from = this.#start + clamp(start ?? 0, this.size)
    const to = this.#start + clamp(end ?? this.size, this.size)
    return new FileSlice(this.#whole, from, Math.max(from, to), type)
  }

  /** Its bytes as a Node stream. A slice has at least one byte when this is called. */
  createReadStream(): Readable {
    return this.#whole.createReadStream({ start: this.#start, end: this.#end - 1 })
  }

  get [Symbol.toStringTag](): string {
    return 'Blob'
  }

  #nativeBlob(): Blob {
    return this.#whole.nativeBlob().slice(this.#start, this.#end)
  }
}

function clamp(offset: number, size: number): number {
  const whole = Math.trunc(offset) || 0
  return whole < 0 ? Math.max(0, size + whole) : Math.min(whole, size)
}
