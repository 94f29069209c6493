/** The straight line from a request to its data and files: select a parser, parse, merge, validate. */

import { Readable } from 'node:stream'
import { nestEntries } from './coercion/nest-entries.js'
import { BodyError } from './errors.js'
import { DescribedFile } from './files/uploaded-file.js'
import { bindFilter } from './files/inspection.js'
import { RequestFiles } from './files/request-files.js'
import { destroyBody, longestTimer } from './http/body-stream.js'
import { readBytes } from './http/charset.js'
import { discardRest } from './http/drain.js'
import type { Reading, IncomingBody } from './http/incoming-body.js'
import { knownCharset, type MediaType } from './http/media-type.js'
import { counted } from './http/shown-text.js'
import type { Limits } from './limits.js'
import type { Config } from './options/options.js'
import type { BaseParser, ParserContext, PartParser, RouteParams, SizeLimit } from './parsers/base-parser.js'
import { bareRecord, DataAndFiles, type Entry, type FilesByField } from './parsers/data-and-files.js'
import { rawFileField } from './parsers/file-upload-parser.js'
import { type FileRules, RequestMeters } from './parsers/form-limits.js'
import { type RegisteredParser, runParser, selectParser, unsupportedMediaType } from './parsers/registry.js'

/** The result of reading a body. */
export interface BodyResult {
  /** Fields and files together, or whatever the parser returned. */
  readonly data: unknown
  readonly files: FilesByField
}

/** The result, with what a later middleware needs to validate it or to throw it away. */
export interface ParsedBody extends BodyResult {
  /** Of a form, and of an empty body: its fields and files in the order in which the client sent them. */
  readonly entries: readonly Entry[] | undefined
  /** Whether the names of its entries make objects and lists in `data`. */
  readonly nested: boolean
  /** The parser that read the body; `undefined` if the body was empty. */
  readonly reader: RegisteredParser | undefined
  /** Reads a part of the body by the part's own media type. */
  readonly partParser: ParserContext['partParser']
  /** What the request has used of its limits; `undefined` if the body was empty. */
  readonly meters: RequestMeters | undefined
  /** Removes the files. Never rejects. */
  readonly discard: (reason: unknown) => Promise<void>
}

/** What a route with a schema makes of a parsed body. @throws BodyError `VALIDATION_FAILED`; what the schema throws */
export type Validation = (body: ParsedBody) => Promise<BodyResult>

/**
 * Reads the body of a request.
 *
 * @param params the route's parameters
 * @throws BodyError, after every file that was stored has been removed
 */
export async function parseBody(
  source: IncomingBody,
  config: Config,
  params: RouteParams,
): Promise<ParsedBody> {
  source.hold()
  const { mediaType } = source
  const reader = readerOf(source, config)
  if (await source.isEmpty(config.limits)) {
    if (config.rawBody) source.keepRawBody(Buffer.alloc(0))
    return emptyBody(reader)
  }
  if (mediaType === undefined || reader === undefined)
    throw unsupportedMediaType(config.parsers, source.headers['content-type'])
  const body = source.read(readingFor(reader, config))
  const inspecting = { inspectors: config.inspectors, request: source.target }
  const requestFiles = new RequestFiles(config.storages, { inspecting })
  let endWatch: (() => void) | undefined
  const storeFile: ParserContext['storeFile'] = (file, info) => {
    endWatch ??= watchStorage(source, config.limits.storageTimeout, requestFiles)
    return requestFiles.store(file, DescribedFile.of(info, source.target))
  }
  const context = new RequestContext(
    {
      headers: source.headers,
      request: source.target,
      params,
      config,
      requestFiles,
      storeFile,
      filter: config.filter && bindFilter(config.filter, source.target),
    },
    mediaType,
  )
  const discard = (reason: unknown): Promise<void> => {
    destroyBody(body)
    return requestFiles.discard(reason)
  }
  try {
    let content = body
    if (keepsBytes(reader, config)) {
      content = body instanceof Readable ? await readBytes(body) : body
      source.keepRawBody(content as Buffer)
    }
    const result = await runParser(reader, content, mediaType, context)
    source.refusePipes()
    requestFiles.releaseAfter(source)
    const isForm = result instanceof DataAndFiles
    const nested = nests(reader, config)
    // No spread: V8 takes 3 µs for one here, half the time of a small JSON body.
    return {
      data: dataOf(result, nested, config),
      files: isForm ? result.files : bareRecord(),
      entries: isForm ? result.entries : undefined,
      nested,
      reader,
      partParser: context.partParser,
      meters: context.meters,
      discard,
    }
  } catch (error) {
    await discard(error)
    throw error
  } finally {
    endWatch?.()
    if (body instanceof Readable && !source.request.readableEnded)
      source.onResponseEnd(() => body.destroyed && discardRest(source, config.limits))
  }
}

/** The parser for the media type of a body. */
export function readerOf(
  { mediaType }: IncomingBody,
  { parsers }: Pick<Config, 'parsers'>,
): RegisteredParser | undefined {
  return mediaType && selectParser(parsers, mediaType)
}

/** Validates a parsed body. @throws what the validation throws, after every file has been removed */
export async function validateBody(body: ParsedBody, validate: Validation): Promise<ParsedBody> {
  try {
    const { data, files } = await validate(body)
    const { entries, nested, reader, partParser, meters, discard } = body
    return { data, files, entries, nested, reader, partParser, meters, discard }
  } catch (error) {
    await body.discard(error)
    throw error
  }
}

/** The option `nested` of the parser, else that of the route. */
function nests({ parser }: RegisteredParser, config: Config): boolean {
  return parser.nested ?? config.nested
}

/** Fields and files together. @throws BodyError for names that make no objects and lists, with the option `nested` */
function dataOf(result: unknown, nested: boolean, { limits }: Config): unknown {
  if (!(result instanceof DataAndFiles)) return result
  const { entries } = result
  return nested && entries !== undefined ? nestEntries(entries, limits) : result.merge()
}

/** A body without a byte. @param parser the one that would have read it, for which it may be data: a text is `''` */
export function emptyBody(parser: RegisteredParser | undefined): ParsedBody {
  const data = parser?.parser.emptyData
  return {
    data: data === undefined ? bareRecord() : data,
    files: bareRecord(),
    entries: data === undefined ? [] : undefined,
    nested: false,
    reader: undefined,
    partParser: () => undefined,
    meters: undefined,
    discard: async () => {},
  }
}

/** True if the bytes of a body go to `rawBody`. Those of forms with files and of raw files are too many. */
function keepsBytes({ sizeLimits }: RegisteredParser, { rawBody }: Config): boolean {
  return rawBody && sizeLimits.includes('textSize')
}

/** How a body is read for a parser, within the limits. */
export function readingFor(reader: RegisteredParser, config: Config): Reading {
  const { inflates, acceptsBytes } = reader
  const { limits, fileRules, onProgress } = config
  const name = boundOf(reader, config)
  const limit = limitOf(name, config)
  const tooLarge = (): BodyError => {
    const isFile = name === 'fileSize'
    const detail = `The ${isFile ? 'file' : 'body'} is larger than ${counted(limit, 'byte')}.`
    if (!isFile) return new BodyError('LIMIT_BODY_SIZE', { detail, limit })
    return new BodyError('LIMIT_FILE_SIZE', {
      detail,
      limit,
      errors: fileRules?.find(rawFileField)?.tooLarge?.(limit + 1, 0),
    })
  }
  const { idle, total } = limits
  const adopts = reader.adopts && !keepsBytes(reader, config)
  return { limit, tooLarge, idle, total, inflates, acceptsBytes, adopts, onProgress }
}

/** The smallest of the limits that bound a body for this parser. */
export function boundOf({ sizeLimits }: Pick<BaseParser, 'sizeLimits'>, config: Config): SizeLimit {
  const [first = 'bodySize', ...others] = sizeLimits
  return others.reduce(
    (least, each) => (limitOf(each, config) < limitOf(least, config) ? each : least),
    first,
  )
}

/** A limit on a whole body. The schema of a route may name the size of a raw file. */
export function limitOf(name: SizeLimit, { limits, fileRules }: Config): number {
  return (name === 'fileSize' ? fileRules?.find(rawFileField)?.maxSize : undefined) ?? limits[name]
}

/**
 * Ends a storage that hangs: one that still works after the body has arrived, takes none of it, or has lost its client.
 * While the body arrives, the body itself notices a slow or lost client.
 *
 * @param timeout milliseconds, checked once per period, so that time is up after one to two times this; `Infinity` for no limit
 * @returns a function that ends the watch
 */
function watchStorage(source: IncomingBody, timeout: number, requestFiles: RequestFiles): () => void {
  let isOver = false
  let hadArrived = false
  let received = -1
  const look = (): void => {
    const isStuck = source.isHeldBack && source.received === received
    if (hadArrived || isStuck) {
      const time = counted(timeout, 'millisecond')
      const detail = hadArrived
        ? `A file was not stored within ${time} after the body had arrived.`
        : `The storage of a file took none of the body for ${time}.`
      requestFiles.abort(new BodyError('STORAGE_FAILED', { detail, limit: timeout }))
    }
    hadArrived = !source.isIncoming
    received = source.received
  }
  const timer = timeout === Infinity ? undefined : setInterval(look, Math.min(timeout, longestTimer)).unref()
  source.onResponseEnd(() => {
    // A client that has its answer may still be sending: the rest is read to its end.
    if (!isOver && !source.isAnswered) requestFiles.abort(new BodyError('CLIENT_ABORTED'))
  })
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

/** What the contexts of one request share. */
interface ContextParts extends Pick<
  ParserContext,
  'headers' | 'request' | 'params' | 'filter' | 'storeFile'
> {
  readonly config: Config
  readonly requestFiles: RequestFiles
}

/**
 * A class, so that all contexts share one getter for `signal`. With a getter in an object literal, V8 makes a hidden class
 * for each request, which lives until the next full collection together with everything the getter reaches: 51 µs of CPU
 * time for a form of five fields instead of 29 (Node 20).
 */
class RequestContext implements ParserContext {
  readonly headers: ParserContext['headers']
  readonly request: ParserContext['request']
  readonly params: RouteParams
  readonly encoding: string
  readonly limits: Limits
  readonly meters: RequestMeters
  readonly fileRules: FileRules | undefined
  readonly filter: ParserContext['filter']
  readonly storeFile: ParserContext['storeFile']
  readonly storeBytes: ParserContext['storeBytes']
  declare readonly signal: AbortSignal
  readonly #parts: ContextParts
  #partParsers: readonly RegisteredParser[] | undefined
  #lastPart: { readonly type: MediaType; readonly parser: PartParser | undefined } | undefined

  static readonly #signal: PropertyDescriptor & ThisType<RequestContext> = {
    enumerable: true,
    get() {
      return this.#parts.requestFiles.signal
    },
  }

  constructor(parts: ContextParts, mediaType: MediaType, around?: RequestMeters) {
    this.headers = parts.headers
    this.request = parts.request
    this.params = parts.params
    this.encoding = knownCharset(mediaType) ?? 'utf-8'
    this.limits = parts.config.limits
    this.meters = new RequestMeters(this.limits, around)
    this.fileRules = parts.config.fileRules
    this.filter = parts.filter
    this.storeFile = parts.storeFile
    const { requestFiles } = parts
    this.storeBytes = requestFiles.acceptsBytes
      ? (bytes, info) => requestFiles.storeBytes(bytes, DescribedFile.of(info, parts.request))
      : undefined
    this.#parts = parts
    Object.defineProperty(this, 'signal', RequestContext.#signal)
  }

  readonly partParser = (partType: MediaType): PartParser | undefined => {
    // A form often has many parts of one type.
    if (this.#lastPart?.type !== partType)
      this.#lastPart = { type: partType, parser: this.#findPartParser(partType) }
    return this.#lastPart.parser
  }

  #findPartParser(partType: MediaType): PartParser | undefined {
    const { parsers, partParsers = parsers } = this.#parts.config
    // A part is neither a form with files nor a raw file.
    this.#partParsers ??= partParsers.filter(
      ({ range }) => range.type !== 'multipart' && range.essence !== '*/*',
    )
    const found = selectParser(this.#partParsers, partType)
    if (found === undefined) return undefined
    const context = new RequestContext(this.#parts, partType, this.meters)
    return async (content) => {
      const result = await runParser(found, content, partType, context)
      return dataOf(result, nests(found, this.#parts.config), this.#parts.config)
    }
  }
}
