/** The memory of a body's chunks, which is given back as soon as their bytes have been written. */
import type { Readable } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** On the memory of a chunk that nobody else has: how many of its bytes have been written. */
const writtenBytes: unique symbol = Symbol('formgate written bytes')

type OwnMemory = ArrayBufferLike & { [writtenBytes]?: number }

/** On a stream that shows its chunks to nobody but those who listen to it. */
const exclusive: unique symbol = Symbol('formgate exclusive')

type MarkedStream = Readable & { [exclusive]?: boolean }

/** Says whether a stream shows its chunks to nobody but those who listen to it. */
export function markExclusive(stream: MarkedStream, value = true): void {
  stream[exclusive] = value
}

/** Whether nobody has seen a chunk of a exclusive stream yet, and nobody waits for one. */
export function isUnread(stream: MarkedStream): boolean {
  return (
    stream[exclusive] === true &&
    !stream.readableDidRead &&
    stream.listenerCount('data') === 0 &&
    stream.listenerCount('readable') === 0
  )
}

/** Whether one listener takes all that a stream gives now, and nobody sees it before. */
export function hasOneReader(stream: MarkedStream): boolean {
  return (
    stream[exclusive] !== false &&
    stream.listenerCount('data') === 1 &&
    stream.listenerCount('readable') === 0
  )
}

/** Says that nobody else has this chunk. One that shares its memory with others is left alone. */
export function trackBuffer(chunk: Buffer): void {
  const memory: OwnMemory = chunk.buffer
  if (chunk.length === memory.byteLength) memory[writtenBytes] = 0
}

/**
 * Gives back the memory of the chunks that have been written to their last byte: of those that were claimed, and of which
 * every byte has come by here. They are empty from then on.
 *
 * @param chunks chunks, or parts of them, each byte at most once
 */
export function releaseBuffers(chunks: readonly Uint8Array[]): void {
  for (const { buffer, length } of chunks) {
    const memory: OwnMemory = buffer
    const known = memory[writtenBytes]
    if (known === undefined) continue
    if (known + length < memory.byteLength) memory[writtenBytes] = known + length
    else free(memory as ArrayBuffer)
  }
}

/** Since V8 11.4, which came after Node 20. */
const { transfer } = ArrayBuffer.prototype as {
  transfer?: (this: ArrayBuffer, length: number) => ArrayBuffer
}

let nowhere: MessagePort | undefined

function free(memory: ArrayBuffer): void {
  if (transfer !== undefined) {
    transfer.call(memory, 0)
    return
  }
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  // What is handed over to a closed port is gone for the sender, and has no receiver who could keep it.
  nowhere.postMessage(undefined, [memory])
}
