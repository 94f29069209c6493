/** Reads a body within limits of size and time, without destroying its connection. */

import { AsyncResource } from 'node:async_hooks'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { trackBuffer, hasOneReader, markExclusive } from '../bytes/buffer-release.js'
import { ByteBuffer } from '../bytes/byte-buffer.js'
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { ParsedElsewhere } from './kept-body.js'
import { callListener } from './progress.js'
import { counted } from './shown-text.js'

/** In bytes. The start of a body is never reused: a monitoring tool that the checks here miss would read that. */
const keptStart = 128 * 1024

/** The longest delay of Node's timers, in milliseconds: a longer one fires at once. */
export const longestTimer: number = 2 ** 31 - 1

/** A timer that does not keep the process alive; none for `Infinity`. */
function startTimer<T>(milliseconds: number, onEnd: (end: T) => void, end: T): NodeJS.Timeout | undefined {
  return milliseconds === Infinity
    ? undefined
    : setTimeout(onEnd, Math.min(milliseconds, longestTimer), end).unref()
}

/**
 * Chunks below this size are copied together: passing one on costs more than copying it, each takes some hundred bytes of
 * memory, and a client may send every byte as a separate chunk.
 */
const smallChunk = 4096

/** The number of small chunks that are passed on as they come: a small body has few. */
const fewChunks = 16

/** Small chunks are gathered up to this size. */
const mostGathered = 16 * 1024

/** A body on its way to a parser: a Buffer where all of it had arrived before anything read it, else a stream. */
export type Body = Buffer | Readable

/** Reads no further. A body that has arrived needs nothing. */
export function destroyBody(body: Body | ParsedElsewhere): void {
  if (body instanceof Readable) body.destroy()
}

export interface BodyBounds {
  /** In bytes. */
  readonly limit: number
  /** Creates the 413. */
  readonly tooLarge: () => BodyError
  /** Milliseconds to wait for the next byte. */
  readonly idle: number
  /** Milliseconds to wait for the client altogether, see {@link ClientTime}. Default: no limit. */
  readonly total?: number | undefined
  /** Milliseconds of that time that have passed before. Default: 0. */
  readonly waited?: number
  /** The Content-Length, if it has to be checked. */
  readonly expected?: number | undefined
  /** Creates the error for a body that is cut off. `cause` is the error of its stream. */
  readonly lost: (cause: Error | null) => Error
  /** True if the stream allocates each chunk and keeps none. Called once, for a large body. Default: false. */
  readonly hasExclusiveChunks?: () => boolean
  /** Called at each chunk, with the bytes so far. */
  readonly onProgress?: ((received: number) => unknown) | undefined
}

interface Consumer {
  readonly consume: (chunk: Buffer) => Promise<void> | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Reads from a stream without ever destroying it: when a BodyStream is destroyed, the connection stays open for the answer.
 *
 * It fails with `LIMIT_BODY_SIZE`, `LENGTH_MISMATCH`, `IDLE_TIMEOUT`, `TOTAL_TIMEOUT` or `CLIENT_ABORTED`.
 */
export class BodyStream extends Readable {
  readonly #origin: Readable
  readonly #bounds: BodyBounds
  /** The context of the middleware that reads the body: that of a chunk that comes later is the connection's. */
  readonly #context = new AsyncResource('FormgateBody', { requireManualDestroy: true })
  #received = 0
  #idleTimer: NodeJS.Timeout | undefined
  #time: ClientTime | undefined
  #started = false
  #tooLarge: BodyError | undefined
  #consumer: Consumer | undefined
  #isConsuming = false
  #smallChunks = 0
  /** Small chunks that wait for the end of this turn of the event loop, or for the reader. */
  readonly #gathered = new ByteBuffer()
  #hasExclusiveChunks: boolean | undefined

  constructor(origin: Readable, bounds: BodyBounds) {
    super({ highWaterMark: 64 * 1024 })
    this.#origin = origin
    this.#bounds = bounds
  }

  /** The Content-Length, if it is checked. */
  get expected(): number | undefined {
    return this.#bounds.expected
  }

  get received(): number {
    return this.#received
  }

  /** True if the body waits for its reader, not for its client. */
  get isHeldBack(): boolean {
    return !this.#started || this.#isConsuming || this.#origin.isPaused()
  }

  /**
   * Calls back with each chunk, without the events and the buffer of a stream, which cost more than parsing a small body. If
   * the callback returns a promise, the client waits for it. Do not read the stream in any other way.
   *
   * @returns after the last chunk
   * @throws the error of the callback or of the stream
   */
  each(consume: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#consumer = { consume, resolve, reject }
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
    if (this.#origin.readableEnded) return this.#onEnd()
    if (this.#origin.destroyed) return this.#lose(this.#origin.errored)
    const { idle, total = Infinity, waited = 0 } = this.#bounds
    this.#idleTimer = startTimer(idle, BodyStream.#onIdle, this)
    if (total !== Infinity)
      this.#time = new ClientTime(total - waited, () => this.destroy(timeout('TOTAL_TIMEOUT', total)))
    this.#origin.on('error', (cause: Error) => this.#context.runInAsyncScope(() => this.#lose(cause)))
    this.#origin.on('close', this.#onClose)
    this.#origin.on('end', this.#onEnd)
    this.#origin.on('data', this.#onData)
    // Listening does not resume a request that other middleware has paused.
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
    // An ended stream emits nothing, so its listeners may stay: Express makes every call on a request slow.
    if (this.#origin.readableEnded) this.#stopTimers()
    else if (this.#started) this.#detach()
    const consumer = this.#consumer
    // It holds what it has read. Others may hold the request, and with it this stream.
    this.#consumer = undefined
    consumer?.reject(error ?? new Error('The stream was closed.'))
    callback(consumer === undefined ? error : null)
  }

  readonly #onData = (chunk: Buffer): void => this.#context.runInAsyncScope(() => this.#take(chunk))

  #take(chunk: Buffer): void {
    const room = this.#bounds.limit - this.#received
    this.#received += chunk.length
    if (chunk.length > room) {
      this.#overflow(chunk.subarray(0, room))
      return
    }
    this.#idleTimer?.refresh()
    if (this.#bounds.onProgress !== undefined) {
      const { onProgress } = this.#bounds
      const fail = (error: Error): boolean => !this.destroyed && this.destroy(error) === this
      callListener('onProgress', () => onProgress(this.#received), fail)
      if (this.destroyed) return
    }
    this.#accept(chunk)
  }

  /** True if the reader is waiting for a chunk. */
  get #isReaderFree(): boolean {
    return this.#consumer === undefined ? this.readableLength === 0 : !this.#isConsuming
  }

  /** Passes a chunk on, or gathers it with other small ones. */
  #accept(chunk: Buffer): void {
    const isSmall = chunk.length < smallChunk
    if (isSmall) this.#smallChunks += 1
    const isFirst = this.#gathered.size === 0
    const isPassed = !isSmall || (isFirst && this.#isReaderFree && this.#smallChunks <= fewChunks)
    if (isPassed && !this.#isConsuming) {
      this.#passGathered()
      // It may be busy with those.
      if (!this.#isConsuming) return this.#pass(chunk)
    }
    this.#gathered.add(chunk, 0, chunk.length)
    const { size } = this.#gathered
    if (this.#isConsuming) {
      if (size >= mostGathered) this.#pause()
    } else if (size >= (this.#isReaderFree ? mostGathered : smallChunk)) this.#passGathered()
    // Node runs ticks and microtasks between the chunks of one read of a socket, but not immediates.
    else if (isFirst) setImmediate(BodyStream.#onTurnEnd, this)
  }

  static #onTurnEnd(this: void, body: BodyStream): void {
    if (body.#isReaderFree) body.#passGathered()
  }

  #passGathered(): void {
    if (this.#gathered.size === 0) return
    const chunk = this.#gathered.toBuffer()
    this.#gathered.truncate(0)
    this.#pass(chunk)
  }

  #pass(chunk: Buffer): void {
    if (this.destroyed) return
    if (this.#received > keptStart) {
      this.#hasExclusiveChunks ??= this.#bounds.hasExclusiveChunks?.() ?? false
      if (this.#hasExclusiveChunks && hasOneReader(this.#origin)) trackBuffer(chunk)
    }
    if (this.#consumer !== undefined) this.#hand(chunk, this.#consumer)
    else if (!this.push(chunk)) this.#pause()
    // While the reader is busy with a small chunk, more small ones may be gathered.
    if (this.#isConsuming && chunk.length >= smallChunk) this.#pause()
  }

  #hand(chunk: Buffer, { consume }: Consumer): void {
    try {
      const busy = consume(chunk)
      if (busy === undefined) return
      this.#isConsuming = true
      busy.then(
        () => this.#goOn(),
        (error: unknown) => this.destroy(error as Error),
      )
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #goOn(): void {
    this.#isConsuming = false
    this.#passGathered()
    if (this.destroyed || this.#isConsuming) return
    if (this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    else if (this.#origin.readableEnded) this.#onEnd()
    else {
      this.#idleTimer?.refresh()
      this.#resume()
    }
  }

  /**
   * The limit is exceeded. The bytes below it are read first: an error in them takes precedence, so that the answer does not
   * depend on how the body was cut into chunks.
   */
  #overflow(fitting: Buffer): void {
    this.#tooLarge = this.#bounds.tooLarge()
    this.#detach()
    if (fitting.length > 0) this.#gathered.add(fitting, 0, fitting.length)
    if (!this.#isConsuming) this.#passGathered()
    if (this.readableLength === 0 && !this.#isConsuming) this.destroy(this.#tooLarge)
  }

  override read(size?: number): Buffer | null {
    this.#passGathered()
    const chunk = super.read(size) as Buffer | null
    if (chunk === null && this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    return chunk
  }

  /** Removes the listeners but that for errors: a late error of the connection must not be unhandled. */
  #detach(): void {
    this.#stopTimers()
    this.#origin.off('close', this.#onClose)
    this.#origin.off('end', this.#onEnd)
    this.#origin.off('data', this.#onData)
    this.#origin.pause()
  }

  readonly #onEnd = (): void => this.#context.runInAsyncScope(() => this.#finish())

  #finish(): void {
    // Another listener of the same stream may have failed the body.
    if (this.destroyed) return
    this.#stopTimers()
    if (!this.#isConsuming) this.#passGathered()
    if (this.destroyed) return
    const { expected } = this.#bounds
    if (expected !== undefined && expected !== this.#received) {
      const detail = `The Content-Length header declares ${counted(expected, 'byte')} but the body has ${this.#received}.`
      this.destroy(new BodyError('LENGTH_MISMATCH', { detail }))
      return
    }
    if (this.#consumer === undefined) this.push(null)
    else if (!this.#isConsuming) {
      this.#consumer.resolve()
      this.#consumer = undefined
      this.destroy()
    }
  }

  readonly #onClose = (): void => {
    if (!this.#origin.readableEnded) this.#context.runInAsyncScope(() => this.#lose(null))
  }

  /** As in #overflow, an error in the bytes that have arrived takes precedence. */
  #lose(cause: Error | null): void {
    if (!this.#isConsuming) this.#passGathered()
    this.destroy(this.#bounds.lost(cause))
  }

  static #onIdle(this: void, body: BodyStream): void {
    // A client that is held back may be silent.
    if (body.isHeldBack) body.#idleTimer?.refresh()
    else body.destroy(timeout('IDLE_TIMEOUT', body.#bounds.idle))
  }
}

markExclusive(BodyStream.prototype)

function timeout(code: 'IDLE_TIMEOUT' | 'TOTAL_TIMEOUT', limit: number): BodyError {
  const time = counted(limit, 'millisecond')
  const isIdle = code === 'IDLE_TIMEOUT'
  const detail = isIdle
    ? `No byte of the body arrived for ${time}.`
    : `The body took longer than ${time} to arrive.`
  return new BodyError(code, { detail, limit })
}

/**
 * Limits the time that a client is waited for. Time in which it is held back, by a slow storage or handler, does not count.
 *
 * A pause does not touch the timer, since a large body pauses at each chunk: the timer looks at the clock when it fires.
 */
class ClientTime {
  /** Milliseconds that are left, without the current wait. */
  #left: number
  readonly #onEnd: () => void
  /** The start of the current wait. */
  #since: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(limit: number, onEnd: () => void) {
    this.#left = limit
    this.#onEnd = onEnd
  }

  run(): void {
    if (this.#since !== undefined) return
    this.#since = performance.now()
    this.#timer ??= startTimer(Math.ceil(this.#left), ClientTime.#look, this)
  }

  hold(): void {
    if (this.#since === undefined) return
    this.#left -= performance.now() - this.#since
    this.#since = undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  static #look(this: void, time: ClientTime): void {
    time.#timer = undefined
    // While the client is held back, run() starts the next timer.
    if (time.#since === undefined) return
    time.hold()
    if (time.#left < 1) time.#onEnd()
    else time.run()
  }
}

/** True if the last byte has arrived. Injected requests of tests have no `complete`. */
export function isComplete(request: Readable): boolean {
  return (request as { complete?: boolean }).complete ?? request.readableEnded
}

/** The connection of a request of HTTP/1, if it has one of its own. Serverless hosts have none. */
export function connectionOf(request: Readable): Socket | undefined {
  const { socket } = request as { socket?: unknown }
  return request instanceof IncomingMessage && socket instanceof Socket ? socket : undefined
}

/**
 * Calls back when a request loses its connection before its last byte, and the stream of its body may not close by itself.
 *
 * @returns a function that ends the watch
 */
export function watchConnection(request: Readable, stream: Readable, onLoss: () => void): () => void {
  const closed = (): void => {
    if (!isComplete(request)) onLoss()
  }
  // A stream that replaced the request may never notice that the client disconnected.
  const replaced = stream === request ? undefined : request
  // Once a request is answered, by a timeout for example, Node no longer tells it that its connection has closed.
  const connection = connectionOf(request)
  replaced?.on('close', closed)
  connection?.on('close', closed)
  return () => {
    replaced?.off('close', closed)
    connection?.off('close', closed)
  }
}

/**
 * Waits for the first byte or the end, without reading: Node emits "readable" for both.
 *
 * @throws BodyError `IDLE_TIMEOUT` or `TOTAL_TIMEOUT`, by the shorter limit
 */
export function waitForFirstByte(
  stream: Readable,
  request: Readable,
  { idle, total }: Pick<Limits, 'idle' | 'total'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      endWatch()
      stream.off('readable', done).off('end', done).off('error', done).off('close', done)
    }
    const done = (): void => {
      stop()
      // When the last "readable" listener goes, Node resumes a stream with "data" listeners in the next tick.
      if (stream.listenerCount('data') === 0) resolve()
      else process.nextTick(() => resolve(void stream.pause()))
    }
    const late = (): void => {
      stop()
      reject(idle <= total ? timeout('IDLE_TIMEOUT', idle) : timeout('TOTAL_TIMEOUT', total))
    }
    const timer = startTimer(Math.min(idle, total), late, undefined)
    const endWatch = watchConnection(request, stream, done)
    stream.on('readable', done).on('end', done).on('error', done).on('close', done)
  })
}

/** For a stream of bytes whose limits hold elsewhere. */
const unlimited: BodyBounds = {
  limit: Infinity,
  tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
  idle: Infinity,
  lost: (cause) => cause ?? new Error('The stream was closed.'),
}

/** Calls back with each chunk, as {@link BodyStream.each}. For a small body this takes a third of the time of `for await`. */
export function forEachChunk(
  body: Body,
  consume: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  if (Buffer.isBuffer(body)) return new Promise((resolve) => resolve(consume(body)))
  return (body instanceof BodyStream ? body : new BodyStream(body, unlimited)).each(consume)
}
