/** Makes classes whose instances are Files and Blobs, but cost nothing to construct. */

import type { Readable } from 'node:stream'
import type { ReadableByteStreamController, ReadableStream } from 'node:stream/web'

/**
 * A native File or Blob takes up to 13 µs to construct, most of it for a store of bytes that would stay empty here.
 * This constructor does nothing; whoever extends it has to define every member.
 */
export const BareFile: new () => object = bare(File.prototype)

/** The same for a Blob. */
export const BareBlob: new () => object = bare(Blob.prototype)

function bare(prototype: Blob): new () => object {
  const Bare = class extends Object {}
  Object.setPrototypeOf(Bare.prototype, prototype)
  return Bare
}

/** Under which Node keeps the store of bytes of a native Blob: on Node 20 to 26 the property `Symbol(kHandle)`. */
const handleKey = Object.getOwnPropertySymbols(new Blob([])).find((key) => key.description === 'kHandle')

/**
 * Lets native code that takes a Blob apart (`new Blob([file])`, `URL.createObjectURL`) find the bytes of a class made
 * above. Without it such code would take the file for a string and write `[object File]`.
 *
 * @param nativeOf gives the native Blob with the same bytes, or throws
 */
export function backNatively<T extends object>(prototype: T, nativeOf: (blob: T) => Blob): void {
  if (handleKey === undefined) return
  Object.defineProperty(prototype, handleKey, {
    get(this: T): unknown {
      return Reflect.get(nativeOf(this), handleKey)
    },
  })
}

/** What a Blob reads from: a whole file, or a part of one. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number
  /** Called only where there is at least one byte to read. */
  createReadStream(): Readable
}

/** @throws Error where the source has more or fewer bytes than its size says, so that no cut file passes for a whole one */
export async function readBytes(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(source.size)
  let offset = 0
  for await (const chunk of chunksOf(source)) {
    if (offset + chunk.length > bytes.length) throw changed()
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  if (offset < bytes.length) throw changed()
  return bytes
}

/** Decodes UTF-8 as `Blob.text()` does: without a byte order mark, and with U+FFFD for what is malformed. */
export async function readText(source: ByteSource): Promise<string> {
  return new TextDecoder().decode(await readBytes(source))
}

/**
 * A web stream of bytes that opens the source at the first read, reads no further ahead than a chunk, and closes it
 * when it is cancelled.
 */
export function toWebStream(source: ByteSource): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined
  // The global one: loaded when it is first used, where an import would load it with every app.
  return new globalThis.ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      chunks ??= chunksOf(source)
      const next = await chunks.next()
      if (next.done) {
        controller.close()
        // A reader that brought its own buffer waits for it.
        controller.byobRequest?.respond(0)
        return
      }
      // A copy, since a byte stream takes the buffer away from whoever else holds it.
      controller.enqueue(new Uint8Array(next.value))
    },
    async cancel() {
      await chunks?.return?.()
    },
  })
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array, undefined> {
  // An inclusive range cannot say "nothing".
  if (source.size === 0) return
  for await (const chunk of source.createReadStream() as AsyncIterable<Uint8Array>) {
    if (chunk.length > 0) yield chunk
  }
}

function changed(): Error {
  return new Error('The stored file is not what it was: its size has changed since it was uploaded.')
}
