/**
 * A trick for V8: frees the memory of a written chunk at once, instead of at the next garbage collection.
 *
 * V8 reacts to much memory outside of its heap with full collections. Gain: up to 40 % of the CPU time and 80 % of the
 * memory of a large upload. Cost: one property per chunk, and 1 µs on Node 20. Who could still hold a chunk, and figures:
 * docs/decisions/0019-written-chunks-are-released.md. Delete this file when a large upload makes no full collections
 * without it.
 */
import type { Readable } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** On the memory of a tracked chunk: how many of its bytes have been written. */
const writtenBytes: unique symbol = Symbol('formgate written bytes')

type TrackedMemory = ArrayBufferLike & { [writtenBytes]?: number }

/** On a stream: true if only its listeners see its chunks. */
const exclusive: unique symbol = Symbol('formgate exclusive')

type MarkedStream = Readable & { [exclusive]?: boolean }

/** Declares whether only the listeners of a stream see its chunks. */
export function markExclusive(stream: MarkedStream, value = true): void {
  stream[exclusive] = value
}

/** True if a stream is exclusive and no code has seen a chunk of it, or is about to. */
export function isUnread(stream: MarkedStream): boolean {
  return (
    stream[exclusive] === true &&
    !stream.readableDidRead &&
    stream.listenerCount('data') === 0 &&
    stream.listenerCount('readable') === 0
  )
}

/** True if exactly one listener gets the next chunk, and no other code sees it first. */
export function hasOneReader(stream: MarkedStream): boolean {
  return (
    stream[exclusive] !== false &&
    stream.listenerCount('data') === 1 &&
    stream.listenerCount('readable') === 0
  )
}

/** Declares that no other code has this chunk. Ignores a chunk that shares its memory with others. */
export function trackBuffer(chunk: Buffer): void {
  const memory: TrackedMemory = chunk.buffer
  if (chunk.length === memory.byteLength) memory[writtenBytes] = 0
}

/**
 * Frees each tracked chunk all of whose bytes have been passed in. The chunk is empty from then on.
 *
 * @param chunks chunks or parts of them; pass each byte at most once
 */
export function releaseBuffers(chunks: readonly Uint8Array[]): void {
  for (const { buffer, length } of chunks) {
    const memory: TrackedMemory = buffer
    const written = memory[writtenBytes]
    if (written === undefined) continue
    if (written + length < memory.byteLength) memory[writtenBytes] = written + length
    else free(memory as ArrayBuffer)
  }
}

/** Missing on Node 20. */
const { transfer } = ArrayBuffer.prototype as {
  transfer?: (this: ArrayBuffer, length: number) => ArrayBuffer
}

let closedPort: MessagePort | undefined

function free(memory: ArrayBuffer): void {
  if (transfer !== undefined) {
    transfer.call(memory, 0)
    return
  }
  if (closedPort === undefined) {
    closedPort = new MessageChannel().port1
    closedPort.close()
  }
  // The sender loses what it transfers to a closed port, and there is no receiver to keep it.
  closedPort.postMessage(undefined, [memory])
}
