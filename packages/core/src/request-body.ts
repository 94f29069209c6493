/** The body of one request, which several middlewares may ask for and which is read once. */
import { isDeepStrictEqual } from 'node:util'
import { bareRecord, type FilesByField } from './parsers/data-and-files.js'
import { BodyError } from './errors.js'
import { bodyChannel, BodyTrace } from './events.js'
import { callListener } from './http/progress.js'
import { mediaTypeCovers } from './http/media-type.js'
import {
  resolveConfig,
  resolveMount,
  type Config,
  type LimitsByFunction,
  type RouteConfig,
} from './options/options.js'
import {
  emptyBody,
  parseBody,
  readerOf,
  validateBody,
  type BodyResult,
  type ParsedBody,
} from './parse-body.js'
import type { BaseParser, RouteParams } from './parsers/base-parser.js'
import { MultiPartParser } from './parsers/multipart/multipart-parser.js'
import type { Part } from './parsers/multipart/part-iterator.js'
import { reactTo, type Reaction } from './http/problem.js'
import { unsupportedMediaType, type RegisteredParser } from './parsers/registry.js'
import type { IncomingBody } from './http/incoming-body.js'
import { streamParts } from './stream-parts.js'
import type { TypedRoute } from './typed-route.js'

/** What an adapter says of its framework. A target is the object that the handler gets as its request. */
export interface Framework<Target = never> {
  /** Its name in events. */
  readonly name: string
  /** The pattern of the route of a target, for events; `undefined` where no route was chosen yet. */
  readonly route: (target: Target) => string | undefined
  /** The parameters of that route at the time of the call. */
  readonly params: (target: Target) => RouteParams | undefined
  /** True if `data` and `body` of a target are one property, which the framework and its hooks assign too. */
  readonly sharesBody?: boolean
  /**
   * Answers the 415 of `data` or `files` in place of a handler whose errors the framework loses. Called where they would
   * throw; they are empty after it.
   */
  readonly refuse?: (error: BodyError, body: RequestBody) => void
}

/** How a middleware reads a body. */
export type BodyStep = MountStep | RouteStep

/** The step of a `multipart()`. */
export interface MountStep {
  readonly kind: 'mount'
  readonly config: Config
  readonly route?: undefined
}

/** The step of a route's `parsers()`, or of `form()` and `body()`, which are typed. */
export interface RouteStep {
  readonly kind: 'route'
  readonly route: RouteConfig
  readonly typed?: TypedRoute
}

let defaultConfig: Config | undefined

/** What `body` of a request is while nothing was set, and once other middleware has set it. */
const [unset, foreign] = [Symbol('unset'), Symbol('foreign')]

/**
 * `multipart()` calls `mount`, a route's own parsers call `route`, `form()` and `body()` call `typed`, `req.parse()` calls
 * `parse`, and `req.data` and `req.files` read the properties of the same names.
 */
export class RequestBody {
  readonly source: IncomingBody
  readonly framework: Framework
  /** True below a `multipart()` that has left the body to a parser of the framework. */
  #isLeft = false
  #mount: Config | undefined
  #route: RouteConfig | undefined
  #reading: Promise<ParsedBody> | undefined
  #parsed: ParsedBody | undefined
  #hasFailed = false
  /** What the functions among the limits have returned for this body. */
  #limits: LimitsByFunction | undefined
  /** The errors that `onError` and subscribers have been told. */
  #reported: Set<unknown> | undefined
  /** The event of the reading that is under way, if it has subscribers. */
  #trace: BodyTrace | undefined
  /** What `data` and `files` throw. */
  #unreadable: BodyError | undefined
  /** The value that was set as the request's `body`. */
  #body: unknown = unset
  /** True once `parts()` streams it. */
  #isStreamed = false
  #type: TypedRoute | undefined
  #typing: Promise<void> | undefined

  constructor(framework: Framework, source: IncomingBody) {
    this.framework = framework
    this.source = source
  }

  /** True if the body was read, or found to be empty. */
  get isRead(): boolean {
    return this.#parsed !== undefined
  }

  /**
   * Decides what the adapter does with an error of this body, or of a handler, and reports it to `onError`.
   *
   * @param errors default: the option of the route, else that of the `multipart()` above
   */
  react(error: unknown, errors?: Config['errors']): Promise<Reaction> {
    if (error instanceof BodyError) this.#report(error)
    const { errors: option = this.#mount?.errors } = this.#route?.options ?? {}
    return reactTo(error, errors ?? option ?? 'respond', this.source)
  }

  /**
   * Reads the body as a middleware says.
   *
   * @returns `undefined` if there is nothing to wait for: while a middleware waits, bytes may go to listeners above it
   * @throws BodyError, or the error of a schema that throws
   */
  run(step: BodyStep): Promise<unknown> | undefined {
    if (step.kind === 'mount') return this.mount(step.config)
    return step.typed === undefined ? this.route(step.route) : this.typed(step.typed)
  }

  /** @throws BodyError 415 if no parser reads this media type, 500 if the body was not parsed yet */
  get data(): unknown {
    const parsed = this.#parsed
    if (this.framework.sharesBody === true && (parsed !== undefined || this.#isLeft))
      return (this.source.target as { body?: unknown }).body
    return parsed === undefined ? this.#empty() : parsed.data
  }

  /** @throws BodyError as `data` does */
  get files(): FilesByField {
    if (this.#parsed !== undefined) return this.#parsed.files
    return this.#isLeft ? bareRecord() : this.#empty()
  }

  /** Enters a `multipart()` above a parser of the framework, which reads the body unless a route below does. */
  leave(config: Config): undefined {
    this.#mount = config
    this.#isLeft = true
  }

  /**
   * Enters a `multipart()`, which reads the body unless it is lazy. A body of a media type that its parsers do not read
   * stays unread for the handler.
   *
   * @returns `undefined` if there is nothing to wait for
   */
  mount(config: Config): Promise<unknown> | undefined {
    if (this.#reading !== undefined) return this.#mountAgain(this.#reading, config)
    this.#mount = config
    if (config.lazy) return undefined
    if (readerOf(this.source, config) !== undefined) return this.#read(config)
    return this.source.hasDeclaredBody ? undefined : this.#readEmpty(config)
  }

  async #mountAgain(reading: Promise<ParsedBody>, config: Config): Promise<void> {
    const { reader } = await reading
    if (reader !== undefined && config !== this.#mount) this.#refuseLate(config.readingOptions)
  }

  async #readEmpty(config: Config): Promise<void> {
    if (await this.source.isEmpty(this.#resolve(config).limits)) await this.#read(config)
  }

  /**
   * Enters a route with its own parsers: reads the body, or checks that the route accepts what was read.
   *
   * @throws BodyError 415 if the route's parsers do not read it, 500 if an option of the route came too late
   */
  async route(route: RouteConfig): Promise<ParsedBody> {
    this.#route = route
    try {
      const config = route.below(this.#mount)
      if (this.#reading === undefined) return await this.#read(config)
      const parsed = await this.#reading
      if (parsed.reader !== undefined) this.#admit(parsed.reader, route, config)
      else if (this.#parsed === parsed) {
        // The data of an empty body is that of the parser that the route, and not the mount above, has for it.
        const empty = emptyBody(readerOf(this.source, config))
        const isSame = empty.entries !== undefined && parsed.entries !== undefined
        if (!isSame && empty.data !== parsed.data) this.#setParsed(empty)
      }
      return this.#parsed ?? parsed
    } catch (error) {
      throw this.#report(error)
    }
  }

  /**
   * Enters a route with a schema: as `route`, and `data` becomes the output of the schema.
   *
   * @throws BodyError also `VALIDATION_FAILED`; whatever the schema itself throws
   */
  async typed(route: TypedRoute): Promise<void> {
    if (this.#type !== undefined && this.#type !== route) throw this.#report(this.#twoTypes(route))
    this.#type = route
    return (this.#typing ??= this.#readTyped(route))
  }

  /** Reads the body as the `multipart()` above says, unless it was read already. */
  async parse(): Promise<BodyResult> {
    try {
      await (this.#reading ?? this.#read(this.#config))
    } catch (error) {
      throw this.#report(error)
    }
    return { data: this.data, files: this.files }
  }

  /**
   * Streams the parts of a multipart form as they arrive. Nothing is stored.
   *
   * @throws BodyError, from the loop: the fault of the body; 415 if it is not a multipart form; 500 if it was already read,
   * for example by an eager `multipart()` above
   */
  async *parts(): AsyncGenerator<Part, void, undefined> {
    try {
      if (this.#reading !== undefined) {
        // An empty body has no parts, also if it was read before.
        if (this.#parsed !== undefined && this.#parsed.reader === undefined) return
        throw new BodyError('BODY_ALREADY_READ', {
          detail: 'Cannot stream the parts: the body was already read.',
          hint: 'Mount multipart({ lazy: true }) above a route that calls parts(), and do not parse the body before.',
        })
      }
      this.#isStreamed = true
      this.#reading = Promise.reject(readAsParts())
      this.#reading.catch(() => undefined)
      const config = this.#resolve(this.#config)
      if (this.#isTraced) {
        this.#trace = this.#newTrace(MultiPartParser.prototype)
        this.#trace.run(() => undefined)
      }
      for await (const part of streamParts(this.source, config, (error) => this.#report(error))) {
        this.#trace?.count(part.kind)
        yield part
      }
    } catch (error) {
      throw this.#report(error)
    } finally {
      this.#succeed()
    }
  }

  get #config(): Config {
    return this.#mount ?? (defaultConfig ??= resolveMount())
  }

  /** The options for this request, each function of the user called once. @throws TypeError for a limit that is not valid */
  #resolve(config: Config): Config {
    if (config.limitLayers === undefined || this.source.hasNoBody) return config
    try {
      return resolveConfig(config, this.source.target, (this.#limits ??= new Map()))
    } catch (error) {
      throw this.#report(error)
    }
  }

  /** True if the reading has subscribers. A request without a body is none of theirs, unless it fails. */
  get #isTraced(): boolean {
    return bodyChannel.hasSubscribers && !this.source.hasNoBody
  }

  async #read(unresolved: Config): Promise<ParsedBody> {
    try {
      const { source } = this
      const config = this.#resolve(unresolved)
      const params = this.framework.params(source.target as never) ?? {}
      if (this.#isTraced) {
        this.#trace = this.#newTrace(readerOf(source, config)?.parser)
        this.#reading = this.#trace.run(parseBody, source, config, params)
      } else this.#reading = parseBody(source, config, params)
      const parsed = this.#setParsed(await this.#reading)
      // The parsers of Fastify do not run after ours.
      if (this.framework.sharesBody === true) source.flow()
      else await source.ended()
      // A schema is part of the reading, if the body is read for it.
      if (this.#type === undefined) this.#succeed()
      return parsed
    } catch (error) {
      this.#hasFailed = true
      throw this.#report(error)
    }
  }

  #newTrace(parser: BaseParser | undefined): BodyTrace {
    return new BodyTrace(this.source, parser, this.framework.name, this.framework.route)
  }

  /** Ends the event of a reading, if there is one. */
  #succeed(): void {
    const trace = this.#trace
    this.#trace = undefined
    trace?.succeed(this.#parsed)
  }

  async #readTyped(route: TypedRoute): Promise<void> {
    const parsed = await this.route(route.config)
    const config = this.#resolve(route.config.below(this.#mount))
    try {
      this.#setParsed(await validateBody(parsed, (body) => route.resultOf(body, config)))
      this.#succeed()
    } catch (error) {
      this.#parsed = undefined
      this.#hasFailed = true
      throw this.#report(error)
    }
  }

  /** Tells `onError` and subscribers of an error, once. @returns the error */
  #report(error: unknown): unknown {
    if (this.#reported?.has(error) === true) return error
    ;(this.#reported ??= new Set()).add(error)
    const trace = this.#trace
    this.#trace = undefined
    if (trace !== undefined) trace.fail(error)
    else if (bodyChannel.hasSubscribers) {
      const instant = this.#newTrace(this.#parsed?.reader?.parser)
      instant.run(() => instant.fail(error))
    }
    const { onError: listener = this.#mount?.onError } = this.#route?.options ?? {}
    if (listener !== undefined) callListener('onError', () => listener(error, this.source.target))
    return error
  }

  /**
   * Sets the request's `body` too, where passport, express-validator and others look. A value of other middleware stays, but
   * not the bytes that adapters of serverless hosts leave there. An empty form sets none.
   */
  #setParsed(parsed: ParsedBody): ParsedBody {
    this.#parsed = parsed
    const { reader, data, entries } = parsed
    const target = this.source.target as { body?: unknown }
    const { body } = target
    const isNothing = reader === undefined && entries !== undefined
    const isOurs = this.#body === unset ? body !== data && isPlaceholder(body) : body === this.#body
    if (this.framework.sharesBody === true || (isOurs && !isNothing)) target.body = this.#body = data
    else if (!isNothing) this.#body = foreign
    return parsed
  }

  #twoTypes(second: TypedRoute): TypeError {
    const { method } = this.source.request
    // Express and Koa keep the whole URL here and shorten `url` on the way to the route.
    const { originalUrl = this.source.request.url } = this.source.request as { originalUrl?: string }
    const path = originalUrl?.replace(/\?.*$/s, '')
    return new TypeError(
      `${method} ${path} has two typed bodies, but a request has one body. Remove one form() or body().`,
      { cause: second.definition },
    )
  }

  /** The value of `data` and `files` before anything was parsed: empty, if there is a reason for it. */
  #empty(): Record<string, never> {
    // After an error both stay empty, as in Django REST framework: the error is the answer. After the answer nothing
    // throws: a log line must not end the process.
    if (this.#hasFailed || this.source.hasNoBody || this.source.isResponseOver) return bareRecord()
    const error = this.#unreadError()
    // One error for both properties, so that it is reported once.
    if (this.#unreadable?.detail !== error.detail) this.#unreadable = error
    this.#report(this.#unreadable)
    if (this.framework.refuse === undefined || error.status !== 415 || this.#mount?.errors === 'next')
      throw this.#unreadable
    this.#hasFailed = true
    this.framework.refuse(this.#unreadable, this)
    return bareRecord()
  }

  #unreadError(): BodyError {
    if (this.#isStreamed) return readAsParts()
    const mount = this.#mount
    if (mount === undefined || mount.lazy || this.#reading !== undefined)
      return new BodyError('BODY_NOT_PARSED')
    return unsupportedMediaType(mount.parsers, this.source.headers['content-type'])
  }

  /** Checks that a route accepts what the mount above has read. */
  #admit(reader: RegisteredParser, route: RouteConfig, { parsers }: Config): void {
    const mediaType = this.source.mediaType!
    const own = parsers.find(
      ({ parser, range }) =>
        parser.constructor === reader.parser.constructor && mediaTypeCovers(range, mediaType),
    )
    if (own === undefined) throw this.#readByAnother(reader, parsers)
    const late = [...route.readingOptions]
    if (!own.byClass && !readAlike(own.parser, reader.parser)) late.push('parsers')
    this.#refuseLate(late)
  }

  #refuseLate(options: readonly string[]): void {
    // What the mount above has done too is not late.
    const late = options.filter((name) => name !== 'rawBody' || this.#mount?.rawBody !== true)
    if (late.length === 0) return
    const names = late.map((name) => `\`${name}\``).join(', ')
    throw new BodyError('BODY_ALREADY_READ', {
      detail: `Route option${late.length > 1 ? 's' : ''} ${names} ${late.length > 1 ? 'have' : 'has'} no effect: multipart() already read the body.`,
      hint: 'Mount multipart({ lazy: true }), or place routes with options of their own above multipart().',
    })
  }

  /** The 415 of a route whose list lacks the parser that the mount above chose. */
  #readByAnother(reader: RegisteredParser, parsers: readonly RegisteredParser[]): BodyError {
    const error = unsupportedMediaType(parsers, this.source.headers['content-type'])
    if (readerOf(this.source, { parsers }) === undefined) return error
    const { code, detail, headers } = error
    const hint =
      `The multipart() above this route already read the body as ${reader.range.essence}. On the server, mount ` +
      'multipart({ lazy: true }) or place the route above it, so that the route reads the body itself.'
    return new BodyError(code, { detail, hint, headers })
  }
}

/**
 * True for what other middleware leaves in `body` of a request that it has not parsed: body-parser 1 and koa-bodyparser an
 * empty object, adapters of serverless hosts the bytes.
 */
function isPlaceholder(body: unknown): boolean {
  if (body === undefined || Buffer.isBuffer(body)) return true
  if (typeof body !== 'object' || body === null || Object.keys(body).length > 0) return false
  return Object.getPrototypeOf(body) === Object.prototype
}

/** True if two parsers of one class have the same options, but for the media types, which the caller compares. */
function readAlike(one: BaseParser, other: BaseParser): boolean {
  const options = (parser: BaseParser): object => Object.assign({}, parser, { mediaType: '' })
  return isDeepStrictEqual(options(one), options(other))
}

function readAsParts(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'Cannot parse the body: parts() already streams it.',
    hint: 'Call either parts() or parse() in a route, and give a route that calls parts() no parsers of its own.',
  })
}
