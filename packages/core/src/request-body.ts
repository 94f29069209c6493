/** The body of one request, from the first middleware that asks for it to the last: it is read once. */
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

/** What an adapter knows of a request. */
export interface AdapterRequest {
  readonly request: NodeRequest
  readonly response: NodeResponse
  /** What the handler gets as its request: it gets `data`, `files`, `parse()` and `parts()`. */
  readonly target: FrameworkRequest
  /** The route's parameters at the time of the call. */
  readonly params: () => RouteParams | undefined
  /** The body, where the framework has put another stream in the place of the request. */
  readonly stream?: Readable | undefined
}

let defaultConfig: Config | undefined

/** The body of a request: one object, however many middlewares ask. The target gets its properties the first time. */
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
 * What an adapter asks. `multipart()` calls `mount`, a route's own parsers call `route`, `req.parse()` calls `parse`,
 * and `req.data` and `req.files` are the properties of these names.
 */
export class RequestBody implements ShownBody {
  readonly source: Source
  readonly #params: () => RouteParams | undefined
  #mount: Config | undefined
  #reading: Promise<ParsedBody> | undefined
  #parsed: ParsedBody | undefined
  #hasFailed = false
  /** Whether it goes out in parts. */
  #isStreamed = false
  #type: TypedRoute | undefined
  #typing: Promise<void> | undefined

  constructor({ request, response, stream, target, params }: AdapterRequest) {
    this.source = new Source(request, response, stream, target)
    this.#params = params
  }

  /** Whether the body has been read, or found to be empty. */
  get isRead(): boolean {
    return this.#parsed !== undefined
  }

  /** Whether a `multipart()` stands above. */
  get isMounted(): boolean {
    return this.#mount !== undefined
  }

  /**
   * What becomes of an error of this body.
   *
   * @param route the route whose `errors` option counts; without one, that of the `multipart()` above
   */
  react(error: unknown, route?: RouteConfig): Promise<Reaction> {
    return reactTo(error, route?.errors ?? this.#mount?.errors ?? 'respond', this.source)
  }

  /** @throws BodyError 415 where no parser reads this media type, 500 where nothing has parsed the body yet */
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
   * Below a `multipart()` from here on, which reads the body unless it is lazy. A media type that its parsers do not
   * read is left to whoever wants the stream.
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
   * A route with its own parsers: reads the body, or makes sure that what has been read is what the route takes.
   *
   * @throws BodyError 415 where the route's parsers do not read it, 500 where an option of the route came too late
   */
  async route(route: RouteConfig): Promise<ParsedBody> {
    if (this.#reading === undefined) return this.#read(route.below(this.#mount))
    const parsed = await this.#reading
    if (parsed.reader !== undefined) this.#admit(parsed.reader, route)
    return parsed
  }

  /**
   * A route whose body has a type: as `route`, and `data` is then what the schema makes of it.
   *
   * @throws BodyError also `VALIDATION_FAILED`; whatever the schema itself throws
   */
  async typed(route: TypedRoute): Promise<void> {
    if (this.#type !== undefined && this.#type !== route) throw this.#twoTypes(route)
    this.#type = route
    return (this.#typing ??= this.#readTyped(route))
  }

  /** Reads the body, if nobody has done so yet, as the `multipart()` above says. */
  async parse(): Promise<BodyResult> {
    await (this.#reading ?? this.#read(this.#config))
    return { data: this.data, files: this.files }
  }

  /**
   * The parts of a multipart form as they arrive. For a route that pipes files elsewhere: nothing is stored.
   *
   * @throws BodyError, from the loop: what is wrong with the body; 415 for a body that is no multipart form; 500 where the
   * body was read before, by an eager `multipart()` above for one
   */
  async *parts(): AsyncGenerator<Part, void, undefined> {
    if (this.#reading !== undefined) {
      // Of an empty body there are no parts, whoever has read it.
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
    } catch (error) {
      this.#parsed = undefined
      this.#hasFailed = true
      throw error
    }
  }

  #twoTypes(second: TypedRoute): TypeError {
    const { method } = this.source.request
    // Express and Koa keep here what they cut off on the way to the route.
    const { originalUrl = this.source.request.url } = this.source.request as { originalUrl?: string }
    const path = originalUrl?.replace(/\?.*$/s, '')
    return new TypeError(
      `${method} ${path} has two typed bodies, but a request has one body: take one form() or body() away.`,
      { cause: second.definition },
    )
  }

  #isReadableBy(parsers: readonly RegisteredParser[]): boolean {
    const { mediaType } = this.source
    return mediaType !== undefined && selectParser(parsers, mediaType) !== undefined
  }

  /** What `data` and `files` are when nothing has been parsed: empty, if there is a reason for it. */
  #empty(): Record<string, never> {
    // After an error both stay empty, as in Django REST framework: the error is the answer.
    if (this.#hasFailed || this.source.hasNoBody) return bareRecord()
    if (this.#isStreamed) throw readAsParts()
    const mount = this.#mount
    if (mount === undefined || mount.lazy || this.#reading !== undefined)
      throw new BodyError('BODY_NOT_PARSED')
    throw unsupportedMediaType(mount.parsers, this.source.headers['content-type'])
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

  /** The 415 of a route that has not got the parser which the mount above chose. */
  #readByAnother(reader: RegisteredParser, parsers: readonly RegisteredParser[]): BodyError {
    const error = unsupportedMediaType(parsers, this.source.headers['content-type'])
    if (!this.#isReadableBy(parsers)) return error
    const { code, detail, headers = {} } = error
    const hint =
      `The multipart() above this route has read the body as ${reader.range.essence}. On the server, mount ` +
      'multipart({ lazy: true }), or place the route above it, for the route to read the body itself.'
    return new BodyError(code, { detail, hint, headers })
  }
}

function readBeforeParts(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'The parts of this body can be streamed no more: it had been read before parts() was called.',
    hint: 'Mount multipart({ lazy: true }) above a route that calls parts(), and parse nothing there.',
  })
}

function readAsParts(): BodyError {
  return new BodyError('BODY_ALREADY_READ', {
    detail: 'This body is streamed by parts(), which leaves nothing to parse.',
    hint: 'A route calls either parts() or parse(), and has no parsers of its own beside parts().',
  })
}

function refuseLate(options: readonly string[]): void {
  if (options.length === 0) return
  throw new BodyError('BODY_ALREADY_READ', {
    detail: `Too late for ${options.join(', ')}: the multipart() above had read the body by then.`,
    hint: 'Mount multipart({ lazy: true }) above routes with options of their own, place such routes above it, or mount none.',
  })
}
