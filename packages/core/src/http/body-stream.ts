/** The bytes of a body, bounded in size and in time, cut off from the connection that they come from. */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { trackBuffer, hasOneReader, markExclusive } from '../bytes/buffer-release.js'
import { ByteBuffer } from '../bytes/byte-buffer.js'
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import { tellProgress } from './progress.js'

/** Tools that look at bodies, if there are any that no check here finds, look at the beginning. */
const keptStart = 128 * 1024

/** The longest time that Node's timers know; a longer one would be over at once. */
export const longestTimer: number = 2 ** 31 - 1

/**
 * Chunks below this size are copied together: each is an object of some hundred bytes and costs more to hand on than to
 * copy, and a client may send every byte as a chunk of its own.
 */
const smallChunk = 4096

/** This many small chunks are handed on as they come: a small body has few. */
const fewChunks = 16

/** Up to this size small chunks are gathered. */
const mostGathered = 16 * 1024

/** A body on its way to a parser: a Buffer where all of it had arrived before anything read it, else a stream. */
export type Body = Buffer | Readable

/** Reads no further. A body that arrived whole needs nothing. */
export function destroyBody(body: Body): void {
  if (!Buffer.isBuffer(body)) body.destroy()
}

/** What bounds a {@link BodyStream}. */
export interface BodyBounds {
  /** Bytes. */
  readonly limit: number
  /** The 413 for more bytes than that. */
  readonly tooLarge: () => BodyError
  /** Milliseconds to wait for the next byte. */
  readonly idle: number
  /** Milliseconds that the client may take in all, see {@link ClientTime}. Default: no limit. */
  readonly total?: number | undefined
  /** What the error says of that limit, where some of its time was over before. Default: `total`. */
  readonly statedTotal?: number | undefined
  /** The length that the client has declared, where one is to be checked. */
  readonly expected?: number | undefined
  /** What to fail with where the bytes do not come to their end; `cause` is what their stream failed with. */
  readonly lost: (cause: Error | null) => Error
  /** Whether the stream makes new memory for each chunk, and keeps none of it. Asked once, of a large body. Default: no. */
  readonly hasExclusiveChunks?: () => boolean
  /** Is told the bytes so far, at each chunk. */
  readonly onProgress?: ((received: number) => unknown) | undefined
}

/** Who takes the chunks of a body, one by one. */
interface Taker {
  readonly take: (chunk: Buffer) => Promise<void> | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Reads from a stream without ever destroying it: whoever destroys a BodyStream leaves the connection open, so that the
 * client can still be answered.
 *
 * It fails with `LIMIT_BODY_SIZE`, `LENGTH_MISMATCH`, `IDLE_TIMEOUT`, `TOTAL_TIMEOUT` or `CLIENT_ABORTED`.
 */
export class BodyStream extends Readable {
  readonly #origin: Readable
  readonly #bounds: BodyBounds
  #received = 0
  #idleTimer: NodeJS.Timeout | undefined
  #time: ClientTime | undefined
  #started = false
  #tooLarge: BodyError | undefined
  #taker: Taker | undefined
  #isTaking = false
  #smallChunks = 0
  /** Small chunks that wait for the end of this turn of the event loop, or behind what the reader has not taken yet. */
  readonly #gathered = new ByteBuffer()
  #hasExclusiveChunks: boolean | undefined

  constructor(origin: Readable, bounds: BodyBounds) {
    super({ highWaterMark: 64 * 1024 })
    this.#origin = origin
    this.#bounds = bounds
  }

  /** Bytes that the client has declared, where that is checked. */
  get expected(): number | undefined {
    return this.#bounds.expected
  }

  /** Bytes so far. */
  get received(): number {
    return this.#received
  }

  /** Whether more would come if more were read. */
  get isHeldBack(): boolean {
    return !this.#started || this.#isTaking || this.#origin.isPaused()
  }

  /**
   * Calls back with each chunk, without the events and the buffer of a stream, which take longer than to parse a small
   * body. Where the callback returns a promise, the client waits for it. Whoever calls this reads nothing otherwise.
   *
   * @returns when all chunks have been taken
   * @throws what the callback fails with, or what the stream would fail with
   */
  each(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#taker = { take, resolve, reject }
      this.#start()
    })
  }

  override _read(): void {
    if (!this.#started) this.#start()
    else if (this.#tooLarge === undefined) {
      if (this.#origin.isPaused()) this.#idleTimer?.refresh()
      this.#resume()
    }
  }

  #start(): void {
    this.#started = true
    if (this.#origin.readableEnded) {
      this.#onEnd()
      return
    }
    if (this.#origin.destroyed) {
      this.destroy(this.#bounds.lost(this.#origin.errored))
      return
    }
    if (this.#bounds.idle !== Infinity) {
      this.#idleTimer = setTimeout(
        BodyStream.#onIdle,
        Math.min(this.#bounds.idle, longestTimer),
        this,
      ).unref()
    }
    const { total = Infinity, statedTotal = total } = this.#bounds
    if (total !== Infinity) this.#time = new ClientTime(total, () => this.destroy(totalTimeout(statedTotal)))
    this.#origin.on('error', (cause: Error) => this.#lose(cause))
    this.#origin.on('close', this.#onClose)
    this.#origin.on('end', this.#onEnd)
    this.#origin.on('data', this.#onData)
    // A request that was paused by other middleware stays paused until it is asked.
    this.#resume()
  }

  #resume(): void {
    this.#time?.run()
    this.#origin.resume()
  }

  #pause(): void {
    this.#time?.hold()
    this.#origin.pause()
  }

  #stopTimers(): void {
    clearTimeout(this.#idleTimer)
    this.#time?.stop()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#gathered.truncate(0)
    // A stream that has ended tells nothing more, and Express makes every call of a request a slow one.
    if (this.#origin.readableEnded) this.#stopTimers()
    else if (this.#started) this.#letGo()
    if (this.#taker === undefined) {
      callback(error)
      return
    }
    this.#taker.reject(error ?? new Error('The stream was closed.'))
    callback()
  }

  readonly #onData = (chunk: Buffer): void => {
    const room = this.#bounds.limit - this.#received
    this.#received += chunk.length
    if (chunk.length > room) {
      this.#overflow(chunk.subarray(0, room))
      return
    }
    this.#idleTimer?.refresh()
    if (this.#bounds.onProgress !== undefined) this.#tell(this.#bounds.onProgress)
    // Who is told of the progress may have ended it.
    if (!this.destroyed) this.#take(chunk)
  }

  /** Whether the next chunk goes to the reader at once. */
  get #isReaderFree(): boolean {
    return this.#taker === undefined ? this.readableLength === 0 : !this.#isTaking
  }

  /** Hands on a chunk, or keeps a small one to hand it on with others. */
  #take(chunk: Buffer): void {
    const isSmall = chunk.length < smallChunk
    if (isSmall) this.#smallChunks += 1
    const isFirst = this.#gathered.size === 0
    if (isFirst && this.#isReaderFree && !(isSmall && this.#smallChunks > fewChunks)) {
      this.#pass(chunk)
      return
    }
    if (!isSmall && this.#taker === undefined) {
      this.#passGathered()
      this.#pass(chunk)
      return
    }
    this.#gathered.add(chunk, 0, chunk.length)
    if (this.#isReaderFree) {
      if (!isSmall || this.#gathered.size >= mostGathered) this.#passGathered()
      // Node runs ticks and microtasks after each chunk of what it has read from a socket at once, but no immediate.
      else if (isFirst) setImmediate(BodyStream.#onTurnEnd, this)
    } else if (this.#taker !== undefined) {
      if (this.#gathered.size >= mostGathered) this.#pause()
    } else if (this.#gathered.size >= smallChunk) this.#passGathered()
  }

  static #onTurnEnd(this: void, body: BodyStream): void {
    if (body.#isReaderFree) body.#passGathered()
  }

  #passGathered(): void {
    if (this.#gathered.size === 0 || this.destroyed) return
    const chunk = this.#gathered.toBuffer()
    this.#gathered.truncate(0)
    this.#pass(chunk)
  }

  #pass(chunk: Buffer): void {
    if (this.#received > keptStart) this.#trackBuffer(chunk)
    if (this.#taker !== undefined) this.#hand(chunk, this.#taker)
    else if (!this.push(chunk)) this.#pause()
    // Where the reader is busy with a small chunk, others of its kind may follow.
    if (this.#isTaking && chunk.length >= smallChunk) this.#pause()
  }

  #trackBuffer(chunk: Buffer): void {
    this.#hasExclusiveChunks ??= this.#bounds.hasExclusiveChunks?.() ?? false
    if (this.#hasExclusiveChunks && hasOneReader(this.#origin)) trackBuffer(chunk)
  }

  #hand(chunk: Buffer, { take }: Taker): void {
    try {
      const taken = take(chunk)
      if (taken === undefined) return
      this.#isTaking = true
      taken.then(
        () => this.#goOn(),
        (error: unknown) => this.destroy(error as Error),
      )
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #goOn(): void {
    this.#isTaking = false
    if (this.destroyed) return
    this.#passGathered()
    if (this.destroyed || this.#isTaking) return
    if (this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    else if (this.#origin.readableEnded) this.#onEnd()
    else {
      this.#idleTimer?.refresh()
      this.#resume()
    }
  }

  #tell(onProgress: (received: number) => unknown): void {
    tellProgress(
      () => onProgress(this.#received),
      (error) => !this.destroyed && this.destroy(error) === this,
    )
  }

  /**
   * The limit is passed. What fits is read first: where it is wrong by itself, that is the answer, in however many
   * chunks the body has come.
   */
  #overflow(fitting: Buffer): void {
    this.#tooLarge = this.#bounds.tooLarge()
    this.#letGo()
    if (fitting.length > 0) this.#gathered.add(fitting, 0, fitting.length)
    if (this.#taker === undefined || !this.#isTaking) this.#passGathered()
    if (this.readableLength === 0 && !this.#isTaking) this.destroy(this.#tooLarge)
  }

  override read(size?: number): Buffer | null {
    if (this.#taker === undefined) this.#passGathered()
    const chunk = super.read(size) as Buffer | null
    if (chunk === null && this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    return chunk
  }

  /** Listens no more. The error listener stays: a late error of the connection must find one. */
  #letGo(): void {
    this.#stopTimers()
    this.#origin.off('close', this.#onClose)
    this.#origin.off('end', this.#onEnd)
    this.#origin.off('data', this.#onData)
    this.#origin.pause()
  }

  readonly #onEnd = (): void => {
    // Who listens at the same stream may have found a fault in its end.
    if (this.destroyed) return
    // All is here, however long its reader takes.
    this.#stopTimers()
    if (this.#taker === undefined || !this.#isTaking) this.#passGathered()
    if (this.destroyed) return
    const { expected } = this.#bounds
    if (expected !== undefined && expected !== this.#received) {
      const detail = `The Content-Length header declares ${expected} bytes but the body has ${this.#received}.`
      this.destroy(new BodyError('LENGTH_MISMATCH', { detail }))
      return
    }
    if (this.#taker === undefined) this.push(null)
    else if (!this.#isTaking) {
      this.#taker.resolve()
      this.#taker = undefined
      this.destroy()
    }
  }

  readonly #onClose = (): void => {
    if (!this.#origin.readableEnded) this.#lose(null)
  }

  /** A fault in what has come is told first, in however many chunks it has come. */
  #lose(cause: Error | null): void {
    if (!this.#isTaking) this.#passGathered()
    this.destroy(this.#bounds.lost(cause))
  }

  static #onIdle(this: void, body: BodyStream): void {
    // While the consumer holds the client back, silence is not the client's.
    if (body.isHeldBack) body.#idleTimer?.refresh()
    else body.destroy(idleTimeout(body.#bounds.idle))
  }
}

markExclusive(BodyStream.prototype)

/** The 408 for a client that has sent nothing for `idle` milliseconds. */
function idleTimeout(idle: number): BodyError {
  return new BodyError('IDLE_TIMEOUT', {
    detail: `No byte of the body arrived for ${idle} milliseconds.`,
    limit: idle,
  })
}

/** The 408 for a client that has taken longer than `total` milliseconds. */
function totalTimeout(total: number): BodyError {
  return new BodyError('TOTAL_TIMEOUT', {
    detail: `The body took longer than ${total} milliseconds to arrive.`,
    limit: total,
  })
}

/**
 * How long a client has been waited for, and a call when that is too long. The time in which the client is held back does
 * not count: it is that of a slow storage or handler.
 *
 * There is one timer for most bodies. It is not touched when a body pauses, as a large one does for each chunk, but looks
 * at the clock when it ends.
 */
class ClientTime {
  readonly #limit: number
  readonly #onEnd: () => void
  /** Milliseconds up to the last time that the client was held back. */
  #spent = 0
  /** Since when it is waited for now. */
  #since: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(limit: number, onEnd: () => void) {
    this.#limit = limit
    this.#onEnd = onEnd
  }

  run(): void {
    if (this.#since !== undefined) return
    this.#since = performance.now()
    if (this.#timer === undefined) this.#wait(this.#limit - this.#spent)
  }

  hold(): void {
    if (this.#since === undefined) return
    this.#spent += performance.now() - this.#since
    this.#since = undefined
  }

  stop(): void {
    this.hold()
    clearTimeout(this.#timer)
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(ClientTime.#look, Math.ceil(Math.min(milliseconds, longestTimer)), this).unref()
  }

  static #look(this: void, time: ClientTime): void {
    time.#timer = undefined
    // While the client is held back, the next look comes after that.
    if (time.#since === undefined) return
    const left = time.#limit - time.#spent - (performance.now() - time.#since)
    if (left < 1) time.#onEnd()
    else time.#wait(left)
  }
}

/** Whether the last byte has arrived. A request that a test injects has no such mark but its own end. */
export function isComplete(request: Readable): boolean {
  return (request as { complete?: boolean }).complete ?? request.readableEnded
}

/** The connection of a request of HTTP/1, if it has one of its own. Serverless hosts have none. */
export function connectionOf(request: Readable): Socket | undefined {
  const { socket } = request as { socket?: unknown }
  return request instanceof IncomingMessage && socket instanceof Socket ? socket : undefined
}

/**
 * Waits without reading: "readable" comes when a byte has arrived, and at the end.
 *
 * @param limits how long to wait
 * @throws BodyError `IDLE_TIMEOUT` or `TOTAL_TIMEOUT`, whichever limit is the shorter
 */
export function waitForFirstByte(
  stream: Readable,
  request: Readable,
  { idle, total }: Pick<Limits, 'idle' | 'total'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      stream.off('readable', done).off('end', done).off('error', done).off('close', done)
      request.off('close', closed)
      connection?.off('close', closed)
    }
    const done = (): void => {
      stop()
      resolve()
    }
    const closed = (): void => {
      if (!isComplete(request)) done()
    }
    const late = (): void => {
      stop()
      reject(idle <= total ? idleTimeout(idle) : totalTimeout(total))
    }
    const connection = connectionOf(request)
    const time = Math.min(idle, total)
    const timer = time === Infinity ? undefined : setTimeout(late, Math.min(time, longestTimer)).unref()
    stream.on('readable', done).on('end', done).on('error', done).on('close', done)
    request.on('close', closed)
    connection?.on('close', closed)
  })
}

/**
 * Calls back with each chunk of a stream. Where the callback returns a promise, the stream waits for it.
 *
 * As `for await` does, but at a third of its cost for a small body: it makes no iterator, and waits only when asked to.
 *
 * @returns when the stream has ended
 * @throws what the stream or the callback fails with; the stream is then destroyed
 */
export function forEachChunk(
  stream: Body,
  take: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  if (Buffer.isBuffer(stream)) return new Promise((resolve) => resolve(take(stream)))
  if (stream instanceof BodyStream) return stream.each(take)
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      // A destroyed stream still gives what it holds, which is nobody's any more.
      stream.off('data', onData).destroy()
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      try {
        const busy = take(chunk)
        if (busy === undefined) return
        stream.pause()
        busy.then(() => stream.resume(), fail)
      } catch (error) {
        fail(error as Error)
      }
    }
    const onClose = (): void => {
      // An error takes longer to make than all the rest here, and a stream that has ended is closed as well.
      if (!stream.readableEnded) reject(new Error('The stream was closed.'))
    }
    stream.on('end', resolve).on('error', reject).on('close', onClose)
    stream.on('data', onData)
  })
}
