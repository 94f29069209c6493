/** A bounded read-ahead buffer between a stream and the code that writes its bytes. */
import type { Readable } from 'node:stream'
import { releaseBuffers, hasOneReader, isUnread } from './buffer-release.js'

const KiB = 1024

/** Bytes that all chunk buffers of the process may hold while slow writers, which may hold as many, are busy. */
const sharedBudget = 16 * 1024 * KiB

/** A larger buffer makes no single upload faster. */
const largestShare = 512 * KiB

/** A smaller buffer makes every write a small one. */
const smallestShare = 64 * KiB

/** Chunk buffers that are reading. */
let active = 0

const smallestWrite = 128 * KiB

/**
 * Bytes to wait for before a write: at most half of what a buffer may hold, so that reading goes on while the disk writes.
 * The next write takes all that has arrived by then. Node 20, 256 MB over HTTP, both cores busy: 1.9 ms of CPU per MB,
 * against 2.4 if each write waits for 1 MiB.
 */
export function batchSize(): number {
  return Math.min(smallestWrite, share() / 2)
}

function share(): number {
  return Math.max(smallestShare, Math.min(largestShare, Math.floor(sharedBudget / Math.max(1, active))))
}

/** True if a chunk may be kept as it is: a small slice of a large buffer would keep all of it in memory. */
function isMostOfItsBuffer(chunk: Uint8Array): boolean {
  return chunk.length * 2 >= chunk.buffer.byteLength
}

/** Smaller copies come from Buffer's pool, of which a larger one could keep up to 64 KiB (Node 24) in memory. */
const pooled = 4 * 1024

/** Copies bytes that would keep a buffer of more than twice their size in memory. */
export function detachedBytes(bytes: Buffer): Buffer {
  if (isMostOfItsBuffer(bytes)) return bytes
  if (bytes.length < pooled) return Buffer.from(bytes)
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** Smaller chunks are copied into a block. */
const smallChunk = 4096

const largestBlock = 64 * KiB

/**
 * Reads a stream through its `data` events, without a pipeline and without a promise per chunk.
 *
 * It copies small chunks, and small slices of large buffers, into blocks: the memory it holds is at most about twice its
 * size, even if a client sends byte by byte.
 */
export class ChunkBuffer {
  readonly #stream: Readable
  readonly #signal: AbortSignal
  #chunks: Uint8Array[] = []
  #size = 0
  /** The last chunk is the used part of this block. */
  #block: Uint8Array | undefined
  #blockUsed = 0
  #wanted = 0
  #wake: (() => void) | undefined
  #state: 'reading' | 'stopped' | 'ended' | 'failed' = 'stopped'
  #error: unknown
  /** True if no other code has seen a chunk of the stream. */
  #isOnlyReader = false

  /** Starts to read at once, as far ahead as {@link ChunkBuffer.fill} asks for or the shared budget allows. */
  constructor(stream: Readable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    // Never removed: an error after the storage has given up must not end the process.
    stream.on('error', (error) => this.#fail(error))
    if (signal.aborted) this.#fail(signal.reason)
    else if (stream.errored) this.#fail(stream.errored)
    else if (stream.readableEnded) this.#onEnd()
    else if (stream.destroyed) this.#onClose()
    else {
      active++
      this.#state = 'reading'
      this.#isOnlyReader = isUnread(stream)
      signal.addEventListener('abort', this.#onAbort)
      stream.on('end', this.#onEnd).on('close', this.#onClose).on('data', this.#onData)
    }
  }

  /** Bytes held. */
  get size(): number {
    return this.#size
  }

  /**
   * Waits until at least `bytes` are held, or the stream has ended.
   *
   * @param bytes `Infinity` waits for the end of the stream
   * @throws the error of the stream, or the reason of the signal
   */
  async fill(bytes: number): Promise<void> {
    if (!this.#isOver && this.#size < bytes) {
      this.#wanted = bytes
      if (this.#size < this.#highWaterMark) this.#stream.resume()
      // A failure ends the wait too.
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    if (this.#state === 'failed') throw this.#error
  }

  /**
   * Returns all bytes held and forgets them. An empty list after {@link ChunkBuffer.fill} means that the stream has ended.
   *
   * @throws Error if other code has transferred the memory of a chunk
   */
  drain(): Uint8Array[] {
    const chunks = this.#chunks
    let held = 0
    for (const chunk of chunks) held += chunk.length
    if (held !== this.#size)
      throw new Error('Other code transferred the memory of a chunk before the file was stored.')
    this.#chunks = []
    this.#size = 0
    this.#block = undefined
    if (!this.#isOver) this.#stream.resume()
    return chunks
  }

  /** Frees the memory of chunks from {@link ChunkBuffer.drain} that you no longer need, unless other code may hold them. */
  releaseBuffers(chunks: readonly Uint8Array[]): void {
    if (this.#isOnlyReader) releaseBuffers(chunks)
  }

  /** Stops reading. The rest of the stream is left to its owner. */
  stop(): void {
    if (this.#state !== 'reading') return
    this.#state = 'stopped'
    active--
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#stream.off('end', this.#onEnd).off('close', this.#onClose).off('data', this.#onData)
  }

  get #isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'failed'
  }

  get #highWaterMark(): number {
    return Math.max(share(), this.#wanted)
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    if (this.#isOnlyReader) this.#isOnlyReader = hasOneReader(this.#stream)
    this.#append(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    if (this.#size >= this.#wanted) this.#wake?.()
    if (this.#size >= this.#highWaterMark) this.#stream.pause()
  }

  #append(chunk: Uint8Array): void {
    const { length } = chunk
    this.#size += length
    if (length >= smallChunk && isMostOfItsBuffer(chunk)) {
      this.#block = undefined
      this.#chunks.push(chunk)
      return
    }
    if (length === 0) return
    if (this.#block === undefined || this.#block.length - this.#blockUsed < length) {
      // Blocks grow with the bytes so far: small files stay small, and many small chunks make few blocks.
      this.#block = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.#size, largestBlock)))
      this.#blockUsed = 0
      this.#chunks.push(this.#block)
    }
    this.#block.set(chunk, this.#blockUsed)
    this.#blockUsed += length
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#blockUsed)
  }

  readonly #onEnd = (): void => {
    if (this.#isOver) return
    this.stop()
    this.#state = 'ended'
    this.#wake?.()
  }

  readonly #onClose = (): void => {
    this.#fail(new Error('The stream of the file was closed before its end.'))
  }

  readonly #onAbort = (): void => {
    this.#fail(this.#signal.reason)
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.stop()
    this.#state = 'failed'
    this.#error = error
    this.#chunks = []
    this.#wake?.()
  }
}
