/** The straight line from a request to its data and files. */

import type { Readable } from 'node:stream'
import { BodyError } from './errors.js'
import { RequestFiles } from './files/request-files.js'
import { longestTimer } from './http/body-stream.js'
import { discardRest } from './http/drain.js'
import type { Reading, Source } from './http/incoming-body.js'
import type { Limits } from './limits.js'
import type { Config } from './options/options.js'
import { RequestContext } from './parser-context.js'
import type { BaseParser, ParserContext, RouteParams, SizeLimit } from './parsers/base-parser.js'
import { bareRecord, DataAndFiles, type Entry, type FilesByField } from './parsers/data-and-files.js'
import type { RequestMeters } from './parsers/form-limits.js'
import { type RegisteredParser, selectParser, unsupportedMediaType } from './parsers/registry.js'

/** What the body of a request came to. */
export interface BodyResult {
  /** Fields and files together, or whatever the parser returned. */
  readonly data: unknown
  readonly files: FilesByField
}

/** The same, with what is kept of how it came to be. */
export interface ParsedBody extends BodyResult {
  /** Of a form: its fields and files in the order in which the client sent them. */
  readonly entries: readonly Entry[] | undefined
  /** The parser that read the body; `undefined` where there was nothing to read. */
  readonly reader: RegisteredParser | undefined
  /** Reads a part of the body by the part's own media type. */
  readonly partParser: ParserContext['partParser']
  /** What the request has used of its limits; `undefined` where there was nothing to read. */
  readonly meters: RequestMeters | undefined
  /** Removes the files: something that came after the parsing has failed. Never rejects. */
  discard(reason: unknown): Promise<void>
}

/**
 * Reads the body of a request: media type → parser → merge.
 *
 * @param params the route's parameters
 * @throws BodyError, after every file that was stored has been removed
 */
export async function parseBody(source: Source, config: Config, params: RouteParams): Promise<ParsedBody> {
  if (await source.isEmpty(config.limits)) return emptyBody()
  const { mediaType } = source
  const reader = mediaType === undefined ? undefined : selectParser(config.parsers, mediaType)
  if (mediaType === undefined || reader === undefined) {
    throw unsupportedMediaType(config.parsers, source.headers['content-type'])
  }
  const { parser } = reader
  const reading = readingFor(parser, config)
  const body = (reader.acceptsBytes ? source.readWhole(reading) : undefined) ?? source.open(reading)
  const inspecting = { inspectors: config.inspectors, request: source.target }
  const requestFiles = new RequestFiles(config.storages, { inspecting })
  let endWatch: (() => void) | undefined
  const storeFile: ParserContext['storeFile'] = (file, info) => {
    endWatch ??= watchStorage(source, config.limits.storageTimeout, requestFiles)
    return requestFiles.store(file, info)
  }
  try {
    const context = new RequestContext(
      { headers: source.headers, params, config, requestFiles, storeFile },
      mediaType,
    )
    const result = await (Buffer.isBuffer(body)
      ? parser.parseBytes!(body, mediaType, context)
      : parser.parse(body, mediaType, context))
    requestFiles.releaseAfter(source)
    const isForm = result instanceof DataAndFiles
    return {
      data: isForm ? result.merge() : result,
      files: isForm ? result.files : bareRecord(),
      entries: isForm ? result.entries : undefined,
      reader,
      partParser: context.partParser,
      meters: context.meters,
      discard: (reason) => requestFiles.discard(reason),
    }
  } catch (error) {
    if (!Buffer.isBuffer(body)) body.destroy()
    await requestFiles.discard(error)
    throw error
  } finally {
    endWatch?.()
    if (!Buffer.isBuffer(body) && !source.request.readableEnded) {
      source.onResponseEnd(() => body.destroyed && discardRest(source, config.limits))
    }
  }
}

/** Opens a body for a parser, within the limits. @throws BodyError as `Source.open` does */
export function openStream(source: Source, parser: BaseParser, config: Config): Readable {
  return source.open(readingFor(parser, config))
}

function emptyBody(): ParsedBody {
  return {
    data: bareRecord(),
    files: bareRecord(),
    entries: [],
    reader: undefined,
    partParser: () => undefined,
    meters: undefined,
    discard: async () => {},
  }
}

function readingFor(parser: BaseParser, { limits, onProgress }: Config): Reading {
  const name = boundOf(parser, limits)
  const limit = limits[name]
  const tooLarge = (): BodyError => {
    const isFile = name === 'fileSize'
    const detail = `The ${isFile ? 'file' : 'body'} is larger than ${limit} bytes.`
    return new BodyError(isFile ? 'LIMIT_FILE_SIZE' : 'LIMIT_BODY_SIZE', { detail, limit })
  }
  const { idle, total } = limits
  return { limit, tooLarge, idle, total, inflates: parser.inflates, onProgress }
}

/** What bounds a body for this parser: of the limits of its size, the smallest. */
export function boundOf(parser: BaseParser, limits: Limits): SizeLimit {
  const [first, ...others] = parser.sizeLimits
  return others.reduce((least, each) => (limits[each] < limits[least] ? each : least), first ?? 'bodySize')
}

/**
 * Watches over the files of one request, from the first on until all are stored.
 *
 * While the body arrives, a slow client makes slow work, and a client that has gone is noticed by its body. After that,
 * and while the storage takes nothing of what has arrived, nobody but this would end a storage that hangs: its signal is
 * aborted when the client has gone, or when time is up.
 *
 * @param timeout milliseconds after the last byte of the body, or in which a storage takes none; `Infinity` for no limit.
 * Time is up when that was so at the last look already, so after one to two times this time.
 * @returns what ends the watch
 */
function watchStorage(source: Source, timeout: number, requestFiles: RequestFiles): () => void {
  let isOver = false
  let hadArrived = false
  let received = -1
  const look = (): void => {
    const isStuck = source.isHeldBack && source.received === received
    if (hadArrived || isStuck) requestFiles.abort(unsettled(timeout, hadArrived))
    hadArrived = !source.isIncoming
    received = source.received
  }
  const timer = timeout === Infinity ? undefined : setInterval(look, Math.min(timeout, longestTimer)).unref()
  source.onResponseEnd(() => {
    // Whoever has been answered already may still be sending, and has to be read to the end.
    if (!isOver && !source.isAnswered) requestFiles.abort(new BodyError('CLIENT_ABORTED'))
  })
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

function unsettled(timeout: number, hadArrived: boolean): BodyError {
  const detail = hadArrived
    ? `A file was not stored ${timeout} milliseconds after the last byte of the body had arrived.`
    : `Storing a file took nothing of what had arrived for ${timeout} milliseconds.`
  return new BodyError('STORAGE_FAILED', { detail, limit: timeout })
}
