/** The body of one request, which several middlewares may ask for and which is read once. */
import type { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { bareRecord, type FilesByField } from './parsers/data-and-files.js'
import { BodyError } from './errors.js'
import type { FrameworkRequest } from './http/progress.js'
import { mediaTypeCovers } from './http/media-type.js'
import { resolveMount, type Config, type RouteConfig } from './options/options.js'
import { parseBody, validateBody, type BodyResult, type ParsedBody } from './parse-body.js'
import type { RouteParams } from './parsers/base-parser.js'
import type { Part } from './parsers/multipart/part-iterator.js'
import { reactTo, type Reaction } from './http/problem.js'
import { selectParser, unsupportedMediaType, type RegisteredParser } from './parsers/registry.js'
import { heldBody, holdBody, type ShownBody } from './request-properties.js'
import { Source, type NodeRequest, type NodeResponse } from './http/incoming-body.js'
import { streamParts } from './stream-parts.js'
import type { TypedRoute } from './typed-route.js'

/** What an adapter passes in for a request. */
export interface AdapterRequest {
  readonly request: NodeRequest
  readonly response: NodeResponse
  /** The object that the handler gets as its request. It gets `data`, `files`, `parse()` and `parts()`. */
  readonly target: FrameworkRequest
  /** The route's parameters at the time of the call. */
  readonly params: () => RouteParams | undefined
  /** The body, if the framework has replaced the request's own stream. */
  readonly stream?: Readable | undefined
  /**
   * Answers the 415 of `data` or `files` in place of a handler whose errors the framework loses. Called where they would
   * throw; they are empty after it.
   */
  readonly refuse?: ((error: BodyError, body: RequestBody) => void) | undefined
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

/** Returns the one RequestBody of a request. The first call gives the target its properties. */
export function openBody(adapter: AdapterRequest): RequestBody {
  const { request, target, stream } = adapter
  const known = heldBody(request) as RequestBody | undefined
  if (known !== undefined) {
    if (stream !== undefined) known.source.replaceStream(stream)
    return known
  }
  const body = new RequestBody(adapter)
  holdBody(request, target, body)
  return body
}

/**
 * `multipart()` calls `mount`, a route's own parsers call `route`, `form()` and `body()` call `typed`, `req.parse()` calls
 * `parse`, and `req.data` and `req.files` read the properties of the same names.
 */
export class RequestBody implements ShownBody {
  readonly source: Source
  readonly #params: () => RouteParams | undefined
  readonly #refuse: AdapterRequest['refuse']
  #mount: Config | undefined
  #reading: Promise<ParsedBody> | undefined
  #parsed: ParsedBody | undefined
  #hasFailed = false
  /** The value that was set as the request's `body`. */
  #body: unknown
  /** True once `parts()` streams it. */
  #isStreamed = false
  #type: TypedRoute | undefined
  #typing: Promise<void> | undefined

  constructor({ request, response, stream, target, params, refuse }: AdapterRequest) {
    this.source = new Source(request, response, stream, target)
    this.#params = params
    this.#refuse = refuse
  }

  /** True if the body was read, or found to be empty. */
  get isRead(): boolean {
    return this.#parsed !== undefined
  }

  /** True below a `multipart()`. */
  get isMounted(): boolean {
    return this.#mount !== undefined
  }

  /**
   * Decides what the adapter does with an error of this body.
   *
   * @param route its `errors` option counts; without a route, that of the `multipart()` above
   */
  react(error: unknown, route?: RouteConfig): Promise<Reaction> {
    return reactTo(error, route?.errors ?? this.#mount?.errors ?? 'respond', this.source)
  }

  /** Reads the body as a middleware says. @throws BodyError, or the error of a schema that throws */
  run(step: BodyStep): Promise<unknown> {
    if (step.kind === 'mount') return this.mount(step.config)
    return step.typed === undefined ? this.route(step.route) : this.typed(step.typed)
  }

  /** @throws BodyError 415 if no parser reads this media type, 500 if the body was not parsed yet */
  get data(): unknown {
    if (this.#parsed !== undefined) return this.#parsed.data
    return this.#empty()
  }

  /** @throws BodyError as `data` does */
  get files(): FilesByField {
    if (this.#parsed !== undefined) return this.#parsed.files
    return this.#empty()
  }

  /**
   * Enters a `multipart()`, which reads the body unless it is lazy. A body of a media type that its parsers do not read
   * stays unread for the handler.
   */
  async mount(config: Config): Promise<void> {
    if (this.#reading !== undefined) {
      const { reader } = await this.#reading
      if (reader !== undefined && config !== this.#mount) refuseLate(config.readingOptions)
      return
    }
    this.#mount = config
    if (config.lazy) return
    if (!this.#isReadableBy(config.parsers) && !(await this.source.isEmpty(config.limits))) return
    await this.#read(config)
  }

  /**
   * Enters a route with its own parsers: reads the body, or checks that the route accepts what was read.
   *
   * @throws BodyError 415 if the route's parsers do not read it, 500 if an option of the route came too late
   */
  async route(route: RouteConfig): Promise<ParsedBody> {
    if (this.#reading === undefined) return this.#read(route.below(this.#mount))
    const parsed = await this.#reading
    if (parsed.reader !== undefined) this.#admit(parsed.reader, route)
    return parsed
  }

  /**
   * Enters a route with a schema: as `route`, and `data` becomes the output of the schema.
   *
   * @throws BodyError also `VALIDATION_FAILED`; whatever the schema itself throws
   */
  async typed(route: TypedRoute): Promise<void> {
    if (this.#type !== undefined && this.#type !== route) throw this.#twoTypes(route)
    this.#type = route
    return (this.#typing ??= this.#readTyped(route))
  }

  /** Reads the body as the `multipart()` above says, unless it was read already. */
  async parse(): Promise<BodyResult> {
    await (this.#reading ?? this.#read(this.#config))
    return { data: this.data, files: this.files }
  }

  /**
   * Streams the parts of a multipart form as they arrive. Nothing is stored.
   *
   * @throws BodyError, from the loop: the fault of the body; 415 if it is not a multipart form; 500 if it was already read,
   * for example by an eager `multipart()` above
   */
  async *parts(): AsyncGenerator<Part, void, undefined> {
    if (this.#reading !== undefined) {
      // An empty body has no parts, also if it was read before.
      if (this.#parsed !== undefined && this.#parsed.reader === undefined) return
      throw readBeforeParts()
    }
    this.#isStreamed = true
    this.#reading = Promise.reject(readAsParts())
    this.#reading.catch(() => undefined)
    yield* streamParts(this.source, this.#config)
  }

  get #config(): Config {
    return this.#mount ?? (defaultConfig ??= resolveMount())
  }

  async #read(config: Config): Promise<ParsedBody> {
    this.#reading = parseBody(this.source, config, this.#params() ?? {})
    try {
      this.#parsed = await this.#reading
      this.#setBody(this.#parsed)
      return this.#parsed
    } catch (error) {
      this.#hasFailed = true
      throw error
    }
  }

  async #readTyped(route: TypedRoute): Promise<void> {
    const parsed = await this.route(route.config)
    const config = route.config.below(this.#mount)
    try {
      this.#parsed = await validateBody(parsed, (body) => route.resultOf(body, config))
      this.#setBody(this.#parsed)
    } catch (error) {
      this.#parsed = undefined
      this.#hasFailed = true
      throw error
    }
  }

  /** Sets the request's `body` too, where passport, express-validator and others look. A value of other middleware stays. */
  #setBody({ reader, data }: ParsedBody): void {
    const target = this.source.target as { body?: unknown }
    if (reader === undefined || (target.body !== undefined && target.body !== this.#body)) return
    target.body = this.#body = data
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

  #isReadableBy(parsers: readonly RegisteredParser[]): boolean {
    const { mediaType } = this.source
    return mediaType !== undefined && selectParser(parsers, mediaType) !== undefined
  }

  /** The value of `data` and `files` before anything was parsed: empty, if there is a reason for it. */
  #empty(): Record<string, never> {
    // After an error both stay empty, as in Django REST framework: the error is the answer. After the answer nothing
    // throws: a log line must not end the process.
    if (this.#hasFailed || this.source.hasNoBody || this.source.isResponseOver) return bareRecord()
    if (this.#isStreamed) throw readAsParts()
    const mount = this.#mount
    if (mount === undefined || mount.lazy || this.#reading !== undefined)
      throw new BodyError('BODY_NOT_PARSED')
    const error = unsupportedMediaType(mount.parsers, this.source.headers['content-type'])
    if (this.#refuse === undefined || mount.errors === 'next') throw error
    this.#hasFailed = true
    this.#refuse(error, this)
    return bareRecord()
  }

  #admit(reader: RegisteredParser, route: RouteConfig): void {
    const { parsers } = route.below(this.#mount)
    const mediaType = this.source.mediaType!
    const own = parsers.find(
      ({ parser, range }) =>
        parser.constructor === reader.parser.constructor && mediaTypeCovers(range, mediaType),
    )
    if (own === undefined) throw this.#readByAnother(reader, parsers)
    const late = [...route.readingOptions]
    if (!own.byClass && !isDeepStrictEqual(own.parser, reader.parser)) late.push('parsers')
    refuseLate(late)
  }

  /** The 415 of a route whose list lacks the parser that the mount above chose. */
  #readByAnother(reader: RegisteredParser, parsers: readonly RegisteredParser[]): BodyError {
    const error = unsupportedMediaType(parsers, this.source.headers['content-type'])
    if (!this.#isReadableBy(parsers)) return error
    const { code, detail, headers = {} } = error
    const hint =
      `The multipart() above this route already read the body as ${reader.range.essence}. On the server, mount ` +
      'multipart({ lazy: true }) or place the route above it, so that the route reads the body itself.'
    return new BodyError(code, { detail, hint, headers })
  }
}

function readBeforeParts(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'Cannot stream the parts: the body was already read.',
    hint: 'Mount multipart({ lazy: true }) above a route that calls parts(), and do not parse the body before.',
  })
}

function readAsParts(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'Cannot parse the body: parts() already streams it.',
    hint: 'Call either parts() or parse() in a route, and give a route that calls parts() no parsers of its own.',
  })
}

function refuseLate(options: readonly string[]): void {
  if (options.length === 0) return
  throw new BodyError('BODY_ALREADY_READ', {
    detail: `Route option${options.length > 1 ? 's' : ''} ${list(options)} ${options.length > 1 ? 'have' : 'has'} no effect: multipart() already read the body.`,
    hint: 'Mount multipart({ lazy: true }), or place routes with options of their own above multipart().',
  })
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
