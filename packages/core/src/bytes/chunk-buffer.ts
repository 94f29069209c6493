/** Gathers the bytes of one stream in few, well-filled chunks while somebody else decides what to do with them. */
import type { Readable } from 'node:stream'
import { releaseBuffers, hasOneReader, isUnread } from './buffer-release.js'

const KiB = 1024

/** Bytes that all intakes of the process may hold together while they wait for slow takers, who may hold as many. */
const sharedBudget = 16 * 1024 * KiB

/** More than this makes one upload no faster. */
const largestShare = 512 * KiB

/** Less than this makes every write a small one. */
const smallestShare = 64 * KiB

/** Intakes that read. */
let active = 0

/** What a write waits for. */
const smallestWrite = 128 * KiB

/**
 * Bytes to wait for before a write begins, and at most half of what an buffer may hold: reading goes on while the disk
 * writes, and the next write takes all that has come by then. Measured on Node 20 with 256 MB over HTTP, both cores
 * busy: 1.9 ms of CPU per MB; where each write waits for 1 MiB, 2.4.
 */
export function batchSize(): number {
  return Math.min(smallestWrite, share() / 2)
}

function share(): number {
  return Math.max(smallestShare, Math.min(largestShare, Math.floor(sharedBudget / Math.max(1, active))))
}

/** Whether a chunk may be kept as it is: a small slice of a large buffer would keep all of that in memory. */
export function isMostOfItsBuffer(chunk: Uint8Array): boolean {
  return chunk.length * 2 >= chunk.buffer.byteLength
}

/** Below this size a copy comes from Buffer's pool. That is 64 KiB on Node 24, which a larger one could keep for itself. */
const pooled = 4 * 1024

/** The same bytes, copied where they would keep a buffer of more than twice their size in memory. */
export function detachedBytes(bytes: Buffer): Buffer {
  if (isMostOfItsBuffer(bytes)) return bytes
  if (bytes.length < pooled) return Buffer.from(bytes)
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** Chunks below this size are gathered into larger ones. */
const smallChunk = 4096

/** The most that is set aside to gather small chunks in. */
const blockSize = 64 * KiB

/**
 * Reads a stream by its `data` events, without a pipeline and without a promise per chunk.
 *
 * Chunks that are small, or are a small slice of a large buffer which they would keep in memory, are copied together:
 * what is held costs at most about twice its size, also where a client sends byte by byte.
 */
export class ChunkBuffer {
  readonly #stream: Readable
  readonly #signal: AbortSignal
  #chunks: Uint8Array[] = []
  #size = 0
  /** The last chunk is the used part of this block, which has room for more. */
  #block: Uint8Array | undefined
  #blockUsed = 0
  #wanted = 0
  #wake: (() => void) | undefined
  #reading = false
  /** Whether nobody else has seen a chunk of the stream. */
  #isAlone = false
  #ended = false
  #failed = false
  #error: unknown

  /** Starts to read at once, as far ahead as {@link ChunkBuffer.fill} asks for or the shared budget allows. */
  constructor(stream: Readable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    // This listener stays: an error that comes after the storage has given up must not end the process.
    stream.on('error', (error) => this.#fail(error))
    if (signal.aborted) this.#fail(signal.reason)
    else if (stream.errored) this.#fail(stream.errored)
    else if (stream.readableEnded) this.#end()
    else if (stream.destroyed) this.#closed()
    else {
      active++
      this.#reading = true
      this.#isAlone = isUnread(stream)
      signal.addEventListener('abort', this.#aborted)
      stream.on('end', this.#end).on('close', this.#closed).on('data', this.#take)
    }
  }

  /** Bytes held. */
  get size(): number {
    return this.#size
  }

  /**
   * Waits until so many bytes are held, or all that there are.
   *
   * @param bytes `Infinity` waits for the end of the stream
   * @throws the error of the stream, or the reason of the signal
   */
  async fill(bytes: number): Promise<void> {
    if (this.#failed) throw this.#error
    if (this.#ended || this.#size >= bytes) return
    this.#wanted = bytes
    if (this.#size < this.#mark) this.#stream.resume()
    await new Promise<void>((resolve) => (this.#wake = resolve))
    // Asked again, since the wait has an end on failure too.
    if (this.#failed) throw this.#error
  }

  /**
   * Hands over what is held. An empty list after {@link ChunkBuffer.fill} means that the stream has ended.
   *
   * @throws Error where bytes are gone, since somebody has transferred their memory: no file may be stored without them
   */
  drain(): Uint8Array[] {
    const chunks = this.#chunks
    let held = 0
    for (const chunk of chunks) held += chunk.length
    if (held !== this.#size)
      throw new Error('The memory of bytes of the file was transferred before they were stored.')
    this.#chunks = []
    this.#size = 0
    this.#block = undefined
    if (!this.#ended && !this.#failed) this.#stream.resume()
    return chunks
  }

  /**
   * Frees the memory of chunks that were handed over, and of which no byte is needed any more, as far as nobody else can
   * have them (docs/decisions/0019-written-chunks-are-given-back.md).
   */
  releaseBuffers(chunks: readonly Uint8Array[]): void {
    if (this.#isAlone) releaseBuffers(chunks)
  }

  /** Reads no further. What the stream still has is left to its owner. */
  stop(): void {
    if (!this.#reading) return
    this.#reading = false
    active--
    this.#signal.removeEventListener('abort', this.#aborted)
    this.#stream.off('end', this.#end).off('close', this.#closed).off('data', this.#take)
  }

  get #mark(): number {
    return Math.max(share(), this.#wanted)
  }

  readonly #take = (chunk: Uint8Array | string): void => {
    if (this.#isAlone) this.#isAlone = hasOneReader(this.#stream)
    this.#hold(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    if (this.#size >= this.#wanted) this.#rouse()
    if (this.#size >= this.#mark) this.#stream.pause()
  }

  #hold(chunk: Uint8Array): void {
    const { length } = chunk
    this.#size += length
    if (length >= smallChunk && isMostOfItsBuffer(chunk)) {
      this.#block = undefined
      this.#chunks.push(chunk)
      return
    }
    if (length === 0) return
    if (this.#block === undefined || this.#block.length - this.#blockUsed < length) {
      // As large as all that came so far, so that small files stay small and long rows of bytes make few chunks.
      this.#block = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.#size, blockSize)))
      this.#blockUsed = 0
      this.#chunks.push(this.#block)
    }
    this.#block.set(chunk, this.#blockUsed)
    this.#blockUsed += length
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#blockUsed)
  }

  readonly #end = (): void => {
    this.#ended = true
    this.stop()
    this.#rouse()
  }

  readonly #closed = (): void => {
    this.#fail(new Error('The stream of the file was closed before its end.'))
  }

  readonly #aborted = (): void => {
    this.#fail(this.#signal.reason)
  }

  #fail(error: unknown): void {
    if (this.#failed || this.#ended) return
    this.#failed = true
    this.#error = error
    this.#chunks = []
    this.stop()
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
