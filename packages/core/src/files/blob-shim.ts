/** Files and Blobs that read their bytes on demand. */
import type { Readable } from 'node:stream'
import type { ReadableByteStreamController, ReadableStream } from 'node:stream/web'
import type { ByteRange } from '../storages/storage.js'

/**
 * A File whose constructor does nothing: a native one takes up to 13 µs, mostly for a store of bytes that would stay
 * empty here. A subclass must define every member.
 */
export const BareFile: new () => object = bare(File.prototype)
const BareBlob: new () => object = bare(Blob.prototype)

function bare(prototype: Blob): new () => object {
  const Bare = class extends Object {}
  Object.setPrototypeOf(Bare.prototype, prototype)
  return Bare
}

/** The property in which Node 20 to 26 keep the bytes of a native Blob: `Symbol(kHandle)`. */
const handleKey = Object.getOwnPropertySymbols(new Blob([])).find((key) => key.description === 'kHandle')

/**
 * Lets native code that reads a Blob directly (`new Blob([file])`, `URL.createObjectURL`) find the bytes of a subclass.
 * It would otherwise take the file for a string and write `[object File]`.
 *
 * @param nativeOf returns a native Blob with the same bytes, or throws
 */
export function backNatively<T extends object>(prototype: T, nativeOf: (blob: T) => Blob): void {
  if (handleKey === undefined) return
  Object.defineProperty(prototype, handleKey, {
    get(this: T): unknown {
      return Reflect.get(nativeOf(this), handleKey)
    },
  })
}

/** A file, or a slice of one, that a Blob reads from. */
interface ByteSource {
  readonly size: number
  /** Called only if there is at least one byte to read. */
  createReadStream(range?: ByteRange): Readable
}

/** @throws Error if the source does not have exactly `size` bytes: a truncated file must not pass for a whole one */
export async function readBytes(source: ByteSource): Promise<Uint8Array & { readonly buffer: ArrayBuffer }> {
  const bytes = new Uint8Array(source.size)
  let offset = 0
  for await (const chunk of chunksOf(source)) {
    if (offset + chunk.length > bytes.length) throw sizeChanged()
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  if (offset < bytes.length) throw sizeChanged()
  return bytes
}

/** A web stream that opens the source at the first read, reads at most one chunk ahead, and closes it when cancelled. */
export function toWebStream(source: ByteSource): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined
  // The global is loaded on first use; an import would load it in every app.
  return new globalThis.ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      chunks ??= chunksOf(source)
      const next = await chunks.next()
      if (next.done) {
        controller.close()
        // Settles a pending read of a reader that brought its own buffer.
        controller.byobRequest?.respond(0)
        return
      }
      // A copy, since a byte stream detaches the buffers that it gets.
      controller.enqueue(new Uint8Array(next.value))
    },
    async cancel() {
      await chunks?.return?.()
    },
  })
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array, undefined> {
  if (source.size === 0) return
  for await (const chunk of source.createReadStream() as AsyncIterable<Uint8Array>) {
    if (chunk.length > 0) yield chunk
  }
}

function sizeChanged(): Error {
  return new Error('Cannot read the stored file: its size has changed since the upload.')
}

/** `Blob.slice()` of the File API: `start` and `end` are clamped, and negative ones count from the end. */
export class FileSlice extends BareBlob implements Blob {
  readonly #whole: Blob & ByteSource
  readonly #start: number
  readonly #end: number
  readonly #type: string

  static {
    backNatively(this.prototype, (slice) => new Blob([slice.#whole]).slice(slice.#start, slice.#end))
  }

  constructor(whole: Blob & ByteSource, start = 0, end: number = whole.size, type = '') {
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
