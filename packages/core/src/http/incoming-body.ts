/** One request as an adapter hands it in: its headers, its unread body and its end. */
import { IncomingMessage, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { BodyStream, type BodyBounds } from './body-stream.js'
import { BodyError } from '../errors.js'
import { deferContinue } from './expect-continue.js'
import { waitForFirstByte, isComplete } from './body-stream.js'
import type { FrameworkRequest } from './progress.js'
import { inflatedStream, inflaters } from './decompress.js'
import type { Limits } from '../limits.js'
import { parseMediaType, type MediaType } from './media-type.js'
import type { ProgressListener } from './progress.js'

/** A request of Node's http or http2. `rawBody` is what serverless hosts leave of a body that they have read. */
export type NodeRequest = (IncomingMessage | Http2ServerRequest) & { readonly rawBody?: unknown }
export type NodeResponse = ServerResponse | Http2ServerResponse

/** A body with no Content-Type: of the parsers, only one for any media type reads it. */
const noMediaType: MediaType = { essence: '', type: '', subtype: '', parameters: [], source: '' }

/** What a reader of a body allows. */
export interface Reading extends Pick<BodyBounds, 'limit' | 'tooLarge'>, Pick<Limits, 'idle' | 'total'> {
  /** Whether a body with a Content-Encoding is decompress; both its sizes are held to the limit. */
  readonly inflates: boolean
  readonly onProgress?: ProgressListener | undefined
}

/** A request of Node's http or http2 and its response. */
export class Source {
  readonly request: NodeRequest
  readonly response: NodeResponse
  /** Looked up once: Express makes every look at a request slow. */
  readonly headers: IncomingHttpHeaders
  /** What the handler gets as its request. */
  readonly target: FrameworkRequest
  /** Whether the rest of the body is being thrown away, so that nobody has to cut its client off. */
  isDiscarded = false
  #stream: Readable
  #body: BodyStream | undefined
  #isOpen = false
  #mediaType: MediaType | undefined
  /** Milliseconds that the client was waited for before the body was opened. */
  #waited = 0

  /**
   * @param request the request, its body unread
   * @param response its response, whose end is the end of the files
   * @param stream the body, where the framework has put another stream in the place of the request
   * @param target what the handler gets as its request
   */
  constructor(
    request: NodeRequest,
    response: NodeResponse,
    stream: Readable = request,
    target: FrameworkRequest = request,
  ) {
    this.request = request
    this.response = response
    this.headers = request.headers
    this.target = target
    this.#stream = stream
    deferContinue(request)
  }

  /** The framework has put another stream in the place of the body. Once that is being read, this is too late. */
  replaceStream(stream: Readable): void {
    if (!this.#isOpen) this.#stream = stream
  }

  /** The media type of the body; `undefined` where the Content-Type header cannot be read as one. */
  get mediaType(): MediaType | undefined {
    if (this.#mediaType !== undefined) return this.#mediaType
    const header = this.headers['content-type']
    this.#mediaType = header === undefined || header.trim() === '' ? noMediaType : parseMediaType(header)
    return this.#mediaType
  }

  /** Whether the client is still sending. */
  get isIncoming(): boolean {
    return !isComplete(this.request) && !this.request.destroyed
  }

  /** Bytes of the body that its reader has been given. */
  get received(): number {
    return this.#body?.received ?? 0
  }

  /** Whether its reader does not take what the client still sends. */
  get isHeldBack(): boolean {
    return this.#body?.isHeldBack ?? false
  }

  /** Whether the answer has been sent. */
  get isAnswered(): boolean {
    return this.response.writableFinished
  }

  /** Whether the headers say that there is no body (RFC 9112, 6.3). Only Node's own parser holds a client to them. */
  get hasNoBody(): boolean {
    const length = this.headers['content-length']
    if (length !== undefined) return Number(length) === 0
    return this.request instanceof IncomingMessage && this.headers['transfer-encoding'] === undefined
  }

  /**
   * Whether the body has no bytes. Where the headers cannot say (a chunked body), it waits for the first byte, which
   * stays unread: bytes decide, not headers.
   *
   * @param limits how long to wait for that byte
   * @throws BodyError `IDLE_TIMEOUT` or `TOTAL_TIMEOUT`
   */
  async isEmpty(limits: Pick<Limits, 'idle' | 'total'>): Promise<boolean> {
    if (this.hasNoBody) return true
    if (this.#declaredLength !== undefined) return false
    const stream = this.#stream
    if (stream.readableEnded && !stream.readableDidRead) return true
    if (this.#isTaken) return false
    // What has come with the headers is there after one turn of the event loop; so a stream at whose end nobody has
    // looked yet is left alone.
    await setImmediate()
    if (stream.readableLength === 0 && !this.#isAtEnd) {
      const since = performance.now()
      await waitForFirstByte(stream, this.request, limits)
      this.#waited += performance.now() - since
    }
    return stream.readableLength === 0 && !stream.errored && !this.#isAborted
  }

  /**
   * The body, if all of it has come already and there is nothing to find fault with: most small ones come with their
   * headers. A stream, its listeners and its timer would cost more than to parse them.
   *
   * @returns `undefined` where the body has to be opened
   */
  readWhole({ limit, onProgress }: Reading): Buffer | undefined {
    const { request } = this
    if (this.#stream !== request || !(request instanceof IncomingMessage)) return undefined
    if (request.destroyed || request.readableEncoding !== null) return undefined
    if (onProgress !== undefined || this.headers['content-encoding'] !== undefined || this.#isTaken)
      return undefined
    // Node says that a request is complete when it has told of its last byte, and so after those who wait for one.
    const size = this.#declaredLength ?? (isComplete(request) ? request.readableLength : undefined)
    if (size === undefined || size > limit || size !== request.readableLength) return undefined
    this.#isOpen = true
    const bytes = request.read() as Buffer | null
    // To its end, for whoever listens for that.
    request.resume()
    return bytes ?? undefined
  }

  /**
   * Opens the body for one reader.
   *
   * @throws BodyError `BODY_ALREADY_READ`, `UNSUPPORTED_ENCODING`, `CLIENT_ABORTED`, or `LIMIT_BODY_SIZE` where the
   * declared length is over the limit
   */
  open(reading: Reading): Readable {
    this.#isOpen = true
    const encoding = this.#encoding(reading.inflates)
    if ((this.#declaredLength ?? 0) > reading.limit) throw reading.tooLarge()
    const kept = this.#isTaken ? this.#keptBody() : undefined
    if (kept === undefined && this.#stream.destroyed) throw this.#lost(this.#stream.errored)
    const { limit, tooLarge, idle, total } = reading
    const body = new BodyStream(kept ?? this.#stream, {
      limit,
      tooLarge,
      idle,
      total: Math.max(0, total - Math.round(this.#waited)),
      statedTotal: total,
      lost: (cause) => this.#lost(cause),
      // Node holds a client to the length that it declares; a host's copy of the body may be another one.
      expected: kept === undefined || encoding !== undefined ? undefined : this.#declaredLength,
      hasExclusiveChunks: () => kept === undefined && this.#hasExclusiveChunks,
      onProgress: this.#progressOf(reading.onProgress),
    })
    this.#body = body
    // Whatever has been put in the place of the request may never learn that its client has gone.
    if (this.#stream !== this.request) {
      this.request.once('close', () => this.#isAborted && body.destroy(this.#lost(null)))
    }
    if (encoding === undefined) return body
    const isAbandoned = (): boolean => this.response.destroyed && !this.isAnswered
    return inflatedStream({ body, encoding, limit, tooLarge, isAbandoned })
  }

  #progressOf(listener: ProgressListener | undefined): BodyBounds['onProgress'] {
    if (listener === undefined) return undefined
    const expected = this.#declaredLength
    return (received) => listener({ received, expected }, this.target)
  }

  /** Calls back once, when the response has been sent or its connection is lost. */
  onResponseEnd(listener: () => void): void {
    if (this.isAnswered || this.response.destroyed) listener()
    else this.response.once('close', listener)
  }

  /** Tells a client of HTTP/2 to send no more as soon as it has its answer (RFC 9113, 8.1). */
  stopWhenAnswered(): void {
    const { response } = this
    if (!('stream' in response)) return
    // The response itself finishes only when the client has stopped.
    const { stream } = response
    const stop = (): void => {
      stream.close()
      // A stream whose bytes nobody reads does not end, and holds its window of the session.
      this.request.resume()
    }
    if (stream.writableFinished) stop()
    else stream.once('finish', stop)
  }

  /** Whether chunks come from Node's own parser of HTTP/1, and go straight to those who listen. */
  get #hasExclusiveChunks(): boolean {
    const { request } = this
    const isFromSocket =
      this.#stream === request && request instanceof IncomingMessage && request.socket.bytesRead > 0
    return isFromSocket && !Object.hasOwn(request, 'emit') && !Object.hasOwn(request, 'push')
  }

  /** What the client declares. A stream that the framework has put in the place of the request has another length. */
  get #declaredLength(): number | undefined {
    const header = this.#stream === this.request ? this.headers['content-length'] : undefined
    return header === undefined ? undefined : Number(header)
  }

  /** Whether someone else has read the body, or is reading it. */
  get #isTaken(): boolean {
    const stream = this.#stream
    const { readableFlowing } = stream
    if (readableFlowing === null) return stream.readableDidRead
    return readableFlowing || stream.readableDidRead || stream.listenerCount('readable') > 0
  }

  get #isAborted(): boolean {
    return this.request.destroyed && !isComplete(this.request)
  }

  /** Whether no more bytes can come. */
  get #isAtEnd(): boolean {
    return this.#stream === this.request ? isComplete(this.request) : this.#stream.readableEnded
  }

  /** Why the body did not come to its end. @param cause what its stream failed with */
  #lost(cause: Error | null): Error {
    // Node destroys a request so, also one of which every byte has arrived but not every byte was read.
    const isReset = cause !== null && 'code' in cause && cause.code === 'ECONNRESET'
    if (this.#isAborted || (isReset && this.request.errored === cause))
      return new BodyError('CLIENT_ABORTED', { cause })
    if (cause !== null) return cause
    // A framework's own stream may be closed while the client waits for an answer.
    return this.#stream === this.request
      ? new BodyError('CLIENT_ABORTED')
      : new Error('The stream of the body was closed before its end.')
  }

  #keptBody(): Readable {
    const { rawBody } = this.request
    if (Buffer.isBuffer(rawBody)) return Readable.from(rawBody, { objectMode: false })
    throw new BodyError(this.#isAborted ? 'CLIENT_ABORTED' : 'BODY_ALREADY_READ')
  }

  /** What the body is to be decompress from. @throws BodyError `UNSUPPORTED_ENCODING` */
  #encoding(allowed: boolean): string | undefined {
    const encoding = this.headers['content-encoding']?.trim().toLowerCase()
    // A framework that puts another stream in the place of the request has decompress it.
    if (this.#stream !== this.request || encoding === undefined || encoding === '' || encoding === 'identity')
      return undefined
    if (allowed && Object.hasOwn(inflaters, encoding)) return encoding
    throw new BodyError('UNSUPPORTED_ENCODING', {
      detail: `The Content-Encoding "${encoding}" is not supported for this media type.`,
      headers: { 'Accept-Encoding': allowed ? Object.keys(inflaters).join(', ') : 'identity' },
    })
  }
}
