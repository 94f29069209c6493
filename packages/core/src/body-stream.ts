/** The bytes of a body, bounded in size and in time, cut off from the connection that they come from. */
import { Readable } from 'node:stream'
import { BodyError } from './errors.js'
import { GatheredBytes } from './gathered-bytes.js'
import { claim, hasOneReader, markDiscreet } from './own-pieces.js'
import { tellProgress } from './progress.js'

/** Tools that look at bodies, if there are any that no check here finds, look at the beginning. */
const keptStart = 128 * 1024

/** Below this size a piece costs more to hand on than to copy. */
const smallPiece = 256

/** How many small pieces are handed on as they come: a small body has few. */
const fewPieces = 16

/** Bytes of small pieces that are handed on without waiting for the end of the turn. */
const gatheredPieces = 16 * 1024

/** What bounds a {@link BodyStream}. */
export interface BodyBounds {
  /** Bytes. */
  readonly limit: number
  /** The 413 for more bytes than that. */
  readonly tooLarge: () => BodyError
  /** Milliseconds to wait for the next byte. */
  readonly idle: number
  /** The length that the client has declared, where one is to be checked. */
  readonly expected?: number | undefined
  /** What to fail with where the bytes do not come to their end; `cause` is what their stream failed with. */
  readonly lost: (cause: Error | null) => Error
  /** Whether the stream makes new memory for each piece, and keeps none of it. Asked once, of a large body. Default: no. */
  readonly hasOwnPieces?: () => boolean
  /** Is told the bytes so far, at each chunk. */
  readonly onProgress?: ((received: number) => unknown) | undefined
}

/** Who takes the pieces of a body, one by one. */
interface Taker {
  readonly take: (piece: Buffer) => Promise<void> | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Reads from a stream without ever destroying it: whoever destroys a BodyStream leaves the connection open, so that the
 * client can still be answered.
 *
 * It fails with `LIMIT_BODY_SIZE`, `LENGTH_MISMATCH`, `IDLE_TIMEOUT` or `CLIENT_ABORTED`.
 */
export class BodyStream extends Readable {
  readonly #origin: Readable
  readonly #bounds: BodyBounds
  #received = 0
  #idleTimer: NodeJS.Timeout | undefined
  #started = false
  #tooLarge: BodyError | undefined
  #taker: Taker | undefined
  #isTaking = false
  #hasOwnPieces: boolean | undefined
  #smallPieces = 0
  /** The small pieces of this turn of the event loop that have not been handed on. */
  readonly #gathered = new GatheredBytes()

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
    return !this.#started || this.#origin.isPaused()
  }

  /**
   * Calls back with each piece, without the events and the buffer of a stream, which take longer than to parse a small
   * body. Where the callback returns a promise, the client waits for it. Whoever calls this reads nothing otherwise.
   *
   * @returns when all pieces have been taken
   * @throws what the callback fails with, or what the stream would fail with
   */
  each(take: (piece: Buffer) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#taker = { take, resolve, reject }
      this.#start()
    })
  }

  override _read(): void {
    if (!this.#started) this.#start()
    else if (this.#tooLarge === undefined) {
      if (this.#origin.isPaused()) this.#idleTimer?.refresh()
      this.#origin.resume()
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
      this.#idleTimer = setTimeout(BodyStream.#onIdle, this.#bounds.idle, this).unref()
    }
    this.#origin.on('error', (cause: Error) => this.#lose(cause))
    this.#origin.on('close', this.#onClose)
    this.#origin.on('end', this.#onEnd)
    this.#origin.on('data', this.#onData)
    // A request that was paused by other middleware stays paused until it is asked.
    this.#origin.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // A stream that has ended tells nothing more, and Express makes every call of a request a slow one.
    if (this.#origin.readableEnded) clearTimeout(this.#idleTimer)
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
    if (this.#gathered.size === 0) this.#idleTimer?.refresh()
    if (this.#bounds.onProgress !== undefined) this.#tell(this.#bounds.onProgress)
    // Who is told of the progress may have ended it.
    if (this.destroyed) return
    if (this.#gather(chunk)) return
    if (this.#received > keptStart) this.#claim(chunk)
    this.#pass(chunk)
  }

  /**
   * Puts small pieces together: a client may send a byte in each chunk, and what is read from a socket at once then has
   * thousands of them. Node runs ticks and microtasks after each, but no immediate.
   *
   * @returns whether the piece will be handed on with others
   */
  #gather(piece: Buffer): boolean {
    const isSmall = piece.length < smallPiece
    if (isSmall) this.#smallPieces += 1
    const isFirst = this.#gathered.size === 0
    if (isFirst && (!isSmall || this.#smallPieces <= fewPieces)) return false
    this.#gathered.add(piece, 0, piece.length)
    if (!isSmall || this.#gathered.size >= gatheredPieces) this.#passGathered()
    else if (isFirst) setImmediate(BodyStream.#onTurnEnd, this)
    return true
  }

  static #onTurnEnd(this: void, body: BodyStream): void {
    body.#passGathered()
  }

  #passGathered(): void {
    if (this.#gathered.size > 0 && !this.destroyed) this.#pass(this.#takeGathered())
  }

  #takeGathered(): Buffer {
    const bytes = this.#gathered.toBuffer()
    this.#gathered.truncate(0)
    return bytes
  }

  #pass(piece: Buffer): void {
    if (this.#taker !== undefined) this.#hand(piece, this.#taker)
    else if (!this.push(piece)) this.#origin.pause()
  }

  #claim(piece: Buffer): void {
    this.#hasOwnPieces ??= this.#bounds.hasOwnPieces?.() ?? false
    if (this.#hasOwnPieces && hasOneReader(this.#origin)) claim(piece)
  }

  #hand(piece: Buffer, { take }: Taker): void {
    try {
      const taken = take(piece)
      if (taken === undefined) return
      this.#isTaking = true
      this.#origin.pause()
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
    if (this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    else if (this.#origin.readableEnded) this.#onEnd()
    else {
      this.#idleTimer?.refresh()
      this.#origin.resume()
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
   * pieces the body has come.
   */
  #overflow(last: Buffer): void {
    this.#tooLarge = this.#bounds.tooLarge()
    this.#letGo()
    this.#gathered.add(last, 0, last.length)
    const fitting = this.#takeGathered()
    if (fitting.length > 0) {
      if (this.#taker === undefined) this.push(fitting)
      else this.#hand(fitting, this.#taker)
    }
    if (this.readableLength === 0 && !this.#isTaking) this.destroy(this.#tooLarge)
  }

  override read(size?: number): Buffer | null {
    const chunk = super.read(size) as Buffer | null
    if (chunk === null && this.#tooLarge !== undefined) this.destroy(this.#tooLarge)
    return chunk
  }

  /** Listens no more. The error listener stays: a late error of the connection must find one. */
  #letGo(): void {
    clearTimeout(this.#idleTimer)
    this.#origin.off('close', this.#onClose)
    this.#origin.off('end', this.#onEnd)
    this.#origin.off('data', this.#onData)
    this.#origin.pause()
  }

  readonly #onEnd = (): void => {
    // Who listens at the same stream may have found a fault in its end.
    if (this.destroyed) return
    this.#passGathered()
    if (this.destroyed) return
    // All is here, however long its reader takes.
    clearTimeout(this.#idleTimer)
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

  /** A fault in what has come is told first, in however many pieces it has come. */
  #lose(cause: Error | null): void {
    this.#passGathered()
    this.destroy(this.#bounds.lost(cause))
  }

  static #onIdle(this: void, body: BodyStream): void {
    // While the consumer holds the client back, silence is not the client's.
    if (body.isHeldBack) body.#idleTimer?.refresh()
    else body.destroy(idleTimeout(body.#bounds.idle))
  }
}

markDiscreet(BodyStream.prototype)

/** The 408 for a client that has sent nothing for `idle` milliseconds. */
export function idleTimeout(idle: number): BodyError {
  return new BodyError('IDLE_TIMEOUT', {
    detail: `No byte of the body arrived for ${idle} milliseconds.`,
    limit: idle,
  })
}
