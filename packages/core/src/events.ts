/**
 * What Formgate tells monitoring, on `node:diagnostics_channel`: the tracing channel `formgate:body` and the channel
 * `formgate:file`. Without a subscriber no event is made. See docs/observability.md.
 */
import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel'
import { BodyError } from './errors.js'
import type { IncomingBody } from './http/incoming-body.js'
import type { FrameworkRequest } from './http/progress.js'

/**
 * A body, as subscribers of the tracing channel `formgate:body` see it. From `start` to `asyncEnd` it is one object.
 *
 * Its JSON says of the error only the code, the status, the limit and the field.
 */
export interface BodyEvent {
  /** `express`, `koa`, `fastify`, `nest`, or `node` for `createBodyParser()`. */
  readonly framework: string
  readonly method: string
  /** The pattern of the route, such as `/photos/:album`; `undefined` where no route was chosen yet. Never the URL. */
  readonly route: string | undefined
  /** The media type that the client declares, without parameters, at most 255 characters; `''` if it is missing or malformed. */
  readonly mediaType: string
  /** The name of the parser's class; `undefined` if the body is empty or no parser reads it. */
  readonly parser: string | undefined
  /** Bytes that were read, as they were sent: those of a compressed body before decompression. */
  readonly bytes: number
  /** The number of fields, of a form that was parsed. */
  readonly fields: number | undefined
  /** The number of files, of a body that was parsed. */
  readonly files: number | undefined
  /** Milliseconds from `start` to `asyncEnd`. */
  readonly ms: number
  /**
   * `undefined` until `asyncEnd`, or `error`. `refused`: a 4xx. `aborted`: the client went away. `failed`: any other error.
   */
  readonly outcome: 'parsed' | 'refused' | 'aborted' | 'failed' | undefined
  /** What `onError` is told: mostly a `BodyError`, with `code`, `limit` and `field`. */
  readonly error: unknown
  /** The request that handlers get. Not part of the JSON. */
  readonly request: FrameworkRequest
  /** For logs: without the request, and without what may quote a client. */
  toJSON(): object
}

/** What became of a file, on the channel `formgate:file`. Its JSON is that of a {@link BodyEvent}. */
export interface FileEvent {
  /**
   * `stored`. `skipped`: left out by `filter`, or unknown to the schema of the route. `refused`: not stored, for the reason in
   * `error`, or since it breaks a rule of the schema. `removed`. `left over`: could not be removed.
   */
  readonly outcome: 'stored' | 'skipped' | 'refused' | 'removed' | 'left over'
  /** The name of the form field; `file` for a raw body. */
  readonly field?: string | undefined
  /** The media type that the client declares, at most 255 characters. */
  readonly type?: string | undefined
  /** The size. `undefined` if not all bytes were counted: of a file that a storage had begun. */
  readonly bytes?: number | undefined
  /** The name of the storage, else that of its class. */
  readonly storage?: string | undefined
  /** Milliseconds that storing took; of a file that is removed or left over, those since it was stored. */
  readonly ms?: number | undefined
  readonly error?: unknown
  /** For logs: without the request, and without what may quote a client. */
  toJSON(): object
}

export const bodyChannel: TracingChannel<unknown, BodyEvent> = tracingChannel('formgate:body')
export const fileChannel: Channel<FileEvent> = channel('formgate:file') as Channel<FileEvent>

/** Names of media types have at most 127 characters on each side (RFC 6838, 4.2). */
const longestType = 255

/** For logs: the event without the request, and of the error nothing that may quote what a client sent. */
class LogEvent {
  toJSON(this: { error?: unknown }): object {
    const { name, code, status, limit, field } = (this.error ?? {}) as Partial<BodyError>
    const error = this.error instanceof BodyError ? { code, status, limit, field } : { name, code }
    return Object.assign({}, this, { error: this.error === undefined ? undefined : error })
  }
}

interface Parsed {
  readonly entries: readonly { readonly kind: string }[] | undefined
  readonly files: Readonly<Record<string, readonly unknown[]>>
}

/** The event of one body, and its way through the tracing channel. Make one only for subscribers. */
export class BodyTrace extends LogEvent implements BodyEvent {
  readonly framework: string
  readonly method: string
  route: string | undefined
  readonly mediaType: string
  readonly parser: string | undefined
  bytes = 0
  fields: number | undefined
  files: number | undefined
  ms = 0
  outcome: BodyEvent['outcome']
  error: unknown
  readonly #source: IncomingBody
  readonly #routeOf: ((target: never) => string | undefined) | undefined
  readonly #start = performance.now()
  readonly #before: number

  constructor(
    source: IncomingBody,
    parser: object | undefined,
    framework: string,
    routeOf?: (target: never) => string | undefined,
  ) {
    super()
    this.#source = source
    this.#routeOf = routeOf
    this.#before = source.received
    this.framework = framework
    this.method = source.request.method ?? ''
    this.route = routeOf?.(this.request as never)
    this.mediaType = source.mediaType?.essence.slice(0, longestType) ?? ''
    this.parser = parser?.constructor.name
  }

  get request(): FrameworkRequest {
    return this.#source.target
  }

  /** Publishes `start` and `end` around the beginning of the work, which runs with the stores bound to `start`. */
  run<Args extends unknown[], Result>(work: (...args: Args) => Result, ...args: Args): Result {
    const result = bodyChannel.start.runStores(this, work, undefined, ...args)
    bodyChannel.end.publish(this)
    return result
  }

  /** Counts a part that was streamed. */
  count(kind: 'field' | 'file'): void {
    if (kind === 'field') this.fields = (this.fields ?? 0) + 1
    else this.files = (this.files ?? 0) + 1
  }

  /** The work is done. @param parsed what came of a body that was not streamed */
  succeed(parsed?: Parsed): void {
    if (parsed !== undefined) {
      const { entries, files } = parsed
      this.fields = entries?.filter(({ kind }) => kind !== 'file').length
      this.files = Object.values(files).flat().length
    }
    this.#end('parsed')
  }

  /** The work has failed. */
  fail(error: unknown): void {
    this.error = error
    const isBodyError = error instanceof BodyError
    if (isBodyError && error.code === 'CLIENT_ABORTED') this.#end('aborted')
    else this.#end(isBodyError && error.expose ? 'refused' : 'failed')
  }

  #end(outcome: BodyEvent['outcome']): void {
    this.outcome = outcome
    this.bytes = this.#source.received - this.#before
    this.ms = performance.now() - this.#start
    this.route = this.#routeOf?.(this.request as never)
    if (outcome !== 'parsed') bodyChannel.error.publish(this)
    bodyChannel.asyncStart.publish(this)
    bodyChannel.asyncEnd.publish(this)
  }
}

class FileNote extends LogEvent implements FileEvent {
  declare readonly outcome: FileEvent['outcome']

  constructor(event: Omit<FileEvent, 'toJSON'>) {
    super()
    Object.assign(this, event, { type: event.type?.slice(0, longestType) })
  }
}

/** Publishes what became of a file. Ask `fileChannel.hasSubscribers` first where files are many. */
export function publishFile(event: Omit<FileEvent, 'toJSON'>): void {
  if (fileChannel.hasSubscribers) fileChannel.publish(new FileNote(event))
}

/** The name of a storage in events. */
export function storageName(storage: { readonly name?: string } | undefined): string | undefined {
  return storage && (storage.name ?? storage.constructor.name)
}
