/** A request of Node's http or http2: its headers, its unread body and its end. */
import { ClientRequest, IncomingMessage, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  BodyStream,
  isComplete,
  waitForFirstByte,
  watchConnection,
  connectionOf,
  type Body,
  type BodyBounds,
} from './body-stream.js'
import { BodyError } from '../errors.js'
import { deferContinue } from './expect-continue.js'
import { inflatedStream, inflaters } from './decompress.js'
import { hasRawBody, isInflated, keptBytes, parsedValue, ParsedElsewhere } from './kept-body.js'
import type { Limits } from '../limits.js'
import { parseMediaType, type MediaType } from './media-type.js'
import type { FrameworkRequest, ProgressListener } from './progress.js'

/** A request of Node's http or http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest
/** A response of Node's http or http2. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** The media type of a body without Content-Type. Only a parser for any media type reads it. */
const noMediaType: MediaType = { essence: '', type: '', subtype: '', parameters: [], source: '' }

/** How a body is read. */
export interface Reading extends Pick<BodyBounds, 'limit' | 'tooLarge'>, Pick<Limits, 'idle' | 'total'> {
  /** True if a body with a Content-Encoding is decompressed. The limit holds before and after. */
  readonly inflates: boolean
  /** True if the reader takes a whole body as a Buffer. */
  readonly acceptsBytes: boolean
  /** True if the reader takes the value that another parser has made of the body. */
  readonly adopts: boolean
  readonly onProgress?: ProgressListener | undefined
}

/** A request of Node's http or http2 and its response. */
export class IncomingBody {
  readonly request: NodeRequest
  readonly response: NodeResponse
  /** Looked up once: Express makes every access to a request slow. */
  readonly headers: IncomingHttpHeaders
  /** The object that the handler gets as its request. */
  readonly target: FrameworkRequest
  /** True while the rest of the body is being drained, so that the connection need not be cut. */
  isDiscarded = false
  #stream: Readable
  #body: BodyStream | undefined
  #isOpen = false
  #isLeft = false
  /** Bytes of a body that had arrived with its headers. */
  #wholeSize = 0
  #mediaType: MediaType | undefined
  /** Milliseconds that the client was waited for before the body was opened. */
  #waited = 0

  /** @param stream the body, if the framework has replaced the request's own stream */
  constructor(
    request: NodeRequest,
    response: NodeResponse,
    stream: Readable = request,
    target: FrameworkRequest = request,
  ) {
    this.request = request
    this.response = response
    // A mock may have none.
    this.headers = request.headers ?? {}
    this.target = target
    this.#stream = stream
    deferContinue(request)
  }

  /** Reads the body from another stream, which the framework provides. Has no effect once the body is being read. */
  replaceStream(stream: Readable): void {
    if (!this.#isOpen) this.#stream = stream
  }

  /** The media type of the body; `undefined` if the Content-Type header is malformed. */
  get mediaType(): MediaType | undefined {
    const { 'content-type': header = '' } = this.headers
    return (this.#mediaType ??= header.trim() === '' ? noMediaType : parseMediaType(header))
  }

  /** True while the client is still sending. */
  get isIncoming(): boolean {
    return !isComplete(this.request) && !this.request.destroyed && isStream(this.request)
  }

  /** Bytes of the body that were passed to its reader. */
  get received(): number {
    return this.#body?.received ?? this.#wholeSize
  }

  /** True while backpressure from the reader holds the client back. */
  get isHeldBack(): boolean {
    return this.#body?.isHeldBack ?? false
  }

  get isAnswered(): boolean {
    return this.response.writableFinished
  }

  /** True if the headers say that there is no body (RFC 9112, 6.3). Only Node's own parser enforces them. */
  get hasNoBody(): boolean {
    const length = this.headers['content-length']
    if (length !== undefined) return Number(length) === 0
    if (this.headers['transfer-encoding'] !== undefined) return false
    if (this.request instanceof IncomingMessage) return true
    // The mock of a request without a body.
    return !isStream(this.#stream) && this.headers['content-type'] === undefined
  }

  /** True if the Content-Length says that there is a body. */
  get hasDeclaredBody(): boolean {
    return (this.#declaredLength ?? 0) > 0
  }

  /**
   * Pauses a body that flows to listeners of other middleware, so that they and the reader see every byte. Call it before
   * anything is waited for.
   */
  hold(): void {
    const stream = this.#stream
    if (stream.readableFlowing !== true || stream.readableDidRead || this.hasNoBody) return
    // A host that has left the bytes discards the stream.
    const isLeft = stream.listenerCount('data') === 0 && hasRawBody(this.target, this.request)
    if (isLeft) this.#isLeft = true
    else stream.pause()
  }

  /**
   * True if the body has no bytes. If the headers cannot tell (a chunked body), waits for the first byte and leaves it
   * unread.
   *
   * @param limits how long to wait for that byte
   * @throws BodyError `IDLE_TIMEOUT` or `TOTAL_TIMEOUT`
   */
  async isEmpty(limits: Pick<Limits, 'idle' | 'total'>): Promise<boolean> {
    if (this.hasNoBody && !this.#mayBelieZero) return true
    if (this.hasDeclaredBody) return false
    const stream = this.#stream
    checkStream(stream)
    if (stream.readableEnded && !stream.readableDidRead) return true
    // What flows on, without `hold()`, goes to the listeners of others.
    if (this.#isTaken || stream.readableFlowing === true) return false
    // Bytes that came with the headers are there after one turn of the event loop. Waiting for "readable" would change the
    // state of a stream whose end has not been read yet.
    await setImmediate()
    if (stream.readableLength === 0 && !this.#isAtEnd) {
      const since = performance.now()
      await waitForFirstByte(stream, this.request, limits)
      this.#waited += performance.now() - since
    }
    const isEmpty = stream.readableLength === 0 && !stream.errored && !this.#isAborted
    // Other listeners wait for its end.
    if (isEmpty && stream.isPaused()) stream.resume()
    return isEmpty
  }

  /**
   * The body, for its one reader: whole where the reader accepts that and all of it has arrived; what another parser has
   * made of it, if the reader accepts that; else a stream.
   *
   * @throws BodyError as `open` does
   */
  read(reading: Reading): Body | ParsedElsewhere {
    const bytes = reading.acceptsBytes ? this.#readWhole(reading) : undefined
    if (bytes !== undefined) return bytes
    const isReadElsewhere = reading.adopts && this.#stream.readableEnded && this.#isTaken
    const parsed = isReadElsewhere ? parsedValue(this.target, this.request) : undefined
    return parsed ?? this.open(reading)
  }

  /** Leaves the bytes of the body where handlers look for them. */
  keepRawBody(rawBody: Buffer): void {
    Object.assign(this.target, { rawBody })
    Object.assign(this.request, { rawBody })
  }

  /**
   * The body, if all of it has arrived and nothing about it needs checking. Most small bodies arrive with their headers,
   * and a stream with its listeners and timer would cost more than to parse them.
   */
  #readWhole({ limit, onProgress }: Reading): Buffer | undefined {
    const { request } = this
    if (this.#stream !== request || !(request instanceof IncomingMessage)) return undefined
    if (request.destroyed || request.readableEncoding !== null) return undefined
    if (onProgress !== undefined || this.headers['content-encoding'] !== undefined || this.#isTaken)
      return undefined
    // Node sets `complete` when it emits the last byte, so `isEmpty` may have returned before.
    const size = this.#declaredLength ?? (isComplete(request) ? request.readableLength : undefined)
    if (size === undefined || size > limit || size !== request.readableLength) return undefined
    this.#isOpen = true
    const bytes = request.read() as Buffer | null
    this.#wholeSize = bytes?.length ?? 0
    return bytes ?? undefined
  }

  /**
   * The body as a stream, for its one reader.
   *
   * @throws BodyError `BODY_ALREADY_READ`, `UNSUPPORTED_ENCODING`, `CLIENT_ABORTED`, or `LIMIT_BODY_SIZE` if the declared
   * length is over the limit
   */
  open(reading: Reading): Readable {
    this.#isOpen = true
    const stream = this.#stream
    const declared = this.#declaredLength
    checkStream(stream)
    if ((declared ?? 0) > reading.limit) throw reading.tooLarge()
    const isTaken = this.#isTaken
    const kept = isTaken ? keptBytes(this.target, this.request) : undefined
    if (isTaken && kept === undefined)
      throw new BodyError(this.#isAborted ? 'CLIENT_ABORTED' : 'BODY_ALREADY_READ')
    const encoding = this.#encoding(reading.inflates, kept)
    if (kept === undefined) {
      if (typeof stream.readableEncoding === 'string') throw decoded()
      if (stream.destroyed || this.#isAborted) throw this.#lost(stream.errored)
    }
    const { limit, tooLarge, idle, total, onProgress } = reading
    const body = new BodyStream(kept === undefined ? stream : Readable.from(kept, { objectMode: false }), {
      limit,
      tooLarge,
      idle,
      total,
      waited: this.#waited,
      lost: (cause) => this.#lost(cause),
      // Node enforces the declared length; tests and hosts that pass in a request do not. A copy may be inflated already.
      expected: kept === undefined || this.#contentEncoding === undefined ? declared : undefined,
      hasExclusiveChunks: () => kept === undefined && this.#hasExclusiveChunks,
      onProgress: onProgress && ((received) => onProgress({ received, expected: declared }, this.target)),
    })
    this.#body = body
    const endWatch = watchConnection(this.request, stream, () => body.destroy(this.#lost(null)))
    body.on('close', endWatch)
    if (encoding === undefined) return body
    const isAbandoned = (): boolean => this.response.destroyed && !this.isAnswered
    return inflatedStream({ body, encoding, limit, tooLarge, isAbandoned })
  }

  /** True once the handler has ended the response, or its connection is lost. */
  get isResponseOver(): boolean {
    return this.response.writableEnded || this.response.destroyed
  }

  /** Calls back once, when the response was sent or its connection is lost. */
  onResponseEnd(listener: () => void): void {
    if (this.isAnswered || this.response.destroyed) return listener()
    const { response } = this
    if (typeof response.on !== 'function') return
    // Adapters of serverless hosts emit "finish" alone, and a lost connection "close" alone.
    const end = (): void => {
      response.off('finish', end).off('close', end)
      listener()
    }
    response.on('finish', end).on('close', end)
  }

  /** Makes a proxy below fail that would pass on this request, whose body has been read. */
  refusePipes(): void {
    if (this.#wholeSize > 0 || this.#body !== undefined) this.request.pipe = pipeOfRead
  }

  /** Lets the request of a body that was read whole end: Node emits that only to a stream that flows. */
  flow(): void {
    if (this.#wholeSize > 0) this.request.resume()
  }

  /** Waits until the request has ended, so that a parser below finds a body that was read. */
  async ended(): Promise<void> {
    const { request } = this
    if (this.#wholeSize === 0 || request.readableEnded || request.destroyed) return
    // Not `once`, which costs as much as to parse a small body.
    await new Promise<void>((resolve) => request.on('end', resolve).on('close', resolve).resume())
  }

  /** Tells an HTTP/2 client to stop sending as soon as it has its answer (RFC 9113, 8.1). */
  stopWhenAnswered(): void {
    const { response } = this
    if (!('stream' in response)) return
    // The response finishes only after the client has stopped.
    const { stream } = response
    const stop = (): void => {
      stream.close()
      // An unread stream does not end, and occupies the flow-control window of the session.
      this.request.resume()
    }
    if (stream.writableFinished) stop()
    else stream.once('finish', stop)
  }

  /** True if chunks come from Node's own HTTP/1 parser and go straight to the listeners. */
  get #hasExclusiveChunks(): boolean {
    const { request } = this
    const isFromSocket =
      this.#stream === request && request instanceof IncomingMessage && request.socket.bytesRead > 0
    return isFromSocket && !Object.hasOwn(request, 'emit') && !Object.hasOwn(request, 'push')
  }

  /** The Content-Length. It does not apply to a stream that replaced the request. */
  get #declaredLength(): number | undefined {
    const header = this.#stream === this.request ? this.headers['content-length'] : undefined
    return header === undefined ? undefined : Number(header)
  }

  /** True if a test or a host passed in the request, so that bytes may follow a Content-Length of 0. */
  get #mayBelieZero(): boolean {
    const isPassedIn = this.headers['content-length'] !== undefined && !('stream' in this.response)
    return isPassedIn && connectionOf(this.request) === undefined && this.#stream instanceof Readable
  }

  /** True if other middleware has read the body or is reading it. */
  get #isTaken(): boolean {
    const stream = this.#stream
    if (stream.readableDidRead || this.#isLeft) return true
    return stream.readableFlowing === false && stream.listenerCount('readable') > 0
  }

  get #isAborted(): boolean {
    const { request } = this
    return (request.destroyed || connectionOf(request)?.destroyed === true) && !isComplete(request)
  }

  get #isAtEnd(): boolean {
    return this.#stream === this.request ? isComplete(this.request) : this.#stream.readableEnded
  }

  /** Why the body ended early. @param cause the error of its stream */
  #lost(cause: Error | null): Error {
    // Node also reports a request like this when every byte has arrived but some are unread.
    const isReset = cause !== null && 'code' in cause && cause.code === 'ECONNRESET'
    if (this.#isAborted || (isReset && this.request.errored === cause))
      return new BodyError('CLIENT_ABORTED', { cause })
    if (cause !== null) return cause
    // A framework's own stream may close while the client waits for an answer.
    return this.#stream === this.request
      ? new BodyError('CLIENT_ABORTED')
      : new Error('The stream of the body was closed before its end.')
  }

  /** The Content-Encoding, if there is one. */
  get #contentEncoding(): string | undefined {
    const encoding = this.headers['content-encoding']?.trim().toLowerCase()
    return encoding === '' || encoding === 'identity' ? undefined : encoding
  }

  /** The encoding to decompress from. @param kept the bytes that other middleware has read @throws BodyError `UNSUPPORTED_ENCODING` */
  #encoding(allowed: boolean, kept: Buffer | undefined): string | undefined {
    const encoding = this.#contentEncoding
    // A framework that replaces the stream has decompressed it.
    if (this.#stream !== this.request || encoding === undefined) return undefined
    if (kept !== undefined && isInflated(kept, encoding, this.#declaredLength)) return undefined
    if (allowed && Object.hasOwn(inflaters, encoding)) return encoding
    throw new BodyError('UNSUPPORTED_ENCODING', {
      detail: `The Content-Encoding "${encoding}" is not supported for this media type.`,
      headers: { 'Accept-Encoding': allowed ? Object.keys(inflaters).join(', ') : 'identity' },
    })
  }
}

function isStream(request: Readable): boolean {
  return typeof request.read === 'function' && typeof request.listenerCount === 'function'
}

/** @throws TypeError for a mock without a stream, in place of many errors from inside */
function checkStream(stream: Readable): void {
  if (isStream(stream)) return
  throw new TypeError(
    'The request is not a readable stream, so it has no body to read. Give a mock one, for example ' +
      "Object.assign(Readable.from([Buffer.from('{}')]), { method: 'POST', headers }).",
  )
}

function decoded(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'Cannot read the bytes of the body: other middleware called setEncoding() on the request.',
    hint: 'Remove that call, or place Formgate above it.',
  })
}

/**
 * The `pipe` of a request that has been read: a proxy below would send the headers of the request, and it and its upstream
 * would wait for a body that never comes.
 */
const pipeOfRead = function pipe(this: Readable, destination: NodeJS.WritableStream, options?: object) {
  if (destination instanceof ClientRequest) process.nextTick(refuseEmpty, destination)
  return Readable.prototype.pipe.call(this, destination, options)
} as Readable['pipe']

let isProxyWarned = false

function refuseEmpty(upstream: ClientRequest): void {
  // Code such as fixRequestBody() of http-proxy-middleware has written the body anew.
  if (upstream.headersSent) return
  const hint = 'Place the proxy above multipart(), or mount multipart({ lazy: true }).'
  const detail = 'Cannot pass on the body of this request: it was already read.'
  upstream.destroy(new BodyError('BODY_ALREADY_READ', { detail, hint }))
  // Proxies answer errors themselves, and many log none.
  if (!isProxyWarned)
    process.emitWarning(hint, { type: 'FormgateWarning', code: 'BODY_ALREADY_READ', detail })
  isProxyWarned = true
}
