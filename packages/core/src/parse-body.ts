/** The straight line from a request to its data and files. */
import type { Readable } from 'node:stream'
import { DataAndFiles } from './data-and-files.js'
import { BodyError } from './errors.js'
import { bareRecord, type Entry, type FilesByField } from './entries.js'
import { FileLedger } from './files/file-ledger.js'
import type { Limits } from './limits.js'
import type { Config } from './options.js'
import { RequestContext } from './parser-context.js'
import type { RequestMeters } from './parsers/meters.js'
import type { BaseParser, ParserContext, RouteParams, SizeLimit } from './parsers/base-parser.js'
import { selectParser, unsupportedMediaType, type RegisteredParser } from './registry.js'
import { discardRest } from './rest-of-body.js'
import type { Reading, Source } from './source.js'
import { watchStorage } from './storage-watch.js'

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
  const body = (reader.takesBytes ? source.takeWhole(reading) : undefined) ?? source.open(reading)
  const inspecting = { inspectors: config.inspectors, request: source.target }
  const ledger = new FileLedger(config.storages, { inspecting })
  let endWatch: (() => void) | undefined
  const storeFile: ParserContext['storeFile'] = (file, info) => {
    endWatch ??= watchStorage(source, config.limits.settle, ledger)
    return ledger.store(file, info)
  }
  try {
    const context = new RequestContext(
      { headers: source.headers, params, config, ledger, storeFile },
      mediaType,
    )
    const result = await (Buffer.isBuffer(body)
      ? parser.parseBytes!(body, mediaType, context)
      : parser.parse(body, mediaType, context))
    ledger.releaseAfter(source)
    const isForm = result instanceof DataAndFiles
    return {
      data: isForm ? result.merge() : result,
      files: isForm ? result.files : bareRecord(),
      entries: isForm ? result.entries : undefined,
      reader,
      partParser: context.partParser,
      meters: context.meters,
      discard: (reason) => ledger.discard(reason),
    }
  } catch (error) {
    if (!Buffer.isBuffer(body)) body.destroy()
    await ledger.discard(error)
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
