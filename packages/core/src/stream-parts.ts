/** The way from a request to the parts of its form, which are streamed and not stored. */
import { BodyError } from './errors.js'
import { beginInspections, bindFilter } from './files/inspection.js'
import type { MediaType } from './http/media-type.js'
import type { Config } from './options/options.js'
import { readingFor } from './parse-body.js'
import { MultiPartParser } from './parsers/multipart/multipart-parser.js'
import type { PartIterator } from './parsers/multipart/part-iterator.js'
import type { Part } from './parsers/multipart/part-iterator.js'
import {
  registerParsers,
  selectParser,
  unsupportedMediaType,
  type RegisteredParser,
} from './parsers/registry.js'
import { discardRest } from './http/drain.js'
import type { IncomingBody } from './http/incoming-body.js'

/** A MultiPartParser of a list. */
type MultiPartReader = RegisteredParser & { readonly parser: MultiPartParser }

const defaultParsers = registerParsers([MultiPartParser])

/**
 * Yields the parts of a multipart form while they arrive; none for an empty body.
 *
 * When the loop is left or the response has ended, open streams fail and the rest of the body is drained.
 *
 * @param onFailure called if the body fails and the loop is left without asking for its next part
 * @throws BodyError as the multipart parser does; 415 if the body is not a multipart form
 */
export async function* streamParts(
  source: IncomingBody,
  config: Config,
  onFailure: (reason: unknown) => void,
): AsyncGenerator<Part, void, undefined> {
  const { limits } = config
  source.hold()
  if (await source.isEmpty(limits)) return
  const { mediaType } = source
  const reader = mediaType && multipartParser(config.parsers, mediaType)
  if (mediaType === undefined || reader === undefined)
    throw unsupportedMediaType(defaultParsers, source.headers['content-type'])
  const inspecting = { inspectors: config.inspectors, request: source.target }
  const controller = new AbortController()
  const parts = reader.parser.parts(source.open(readingFor(reader, config)), mediaType, {
    limits,
    request: source.target,
    filter: config.filter && bindFilter(config.filter, source.target),
    inspections: (info) => beginInspections(inspecting, info, controller.signal),
  })
  let isOver = false
  const end = (reason: unknown): void => {
    if (isOver) return
    isOver = true
    controller.abort(reason)
    parts.fail(reason)
    discardRest(source, limits)
  }
  source.onResponseEnd(() =>
    end(source.isAnswered ? new Error('The response has ended.') : new BodyError('CLIENT_ABORTED')),
  )
  try {
    yield* loop(parts)
    isOver = true
  } finally {
    if (!isOver && parts.failure !== undefined) onFailure(parts.failure.reason)
    end(new Error('The loop over the parts was left.'))
  }
}

async function* loop(parts: PartIterator): AsyncGenerator<Part, void, undefined> {
  for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
    yield part
    if (part.kind === 'file') await parts.leave(part)
  }
}

/** The app's own instance, which may have options, else the default. */
function multipartParser(
  parsers: readonly RegisteredParser[],
  mediaType: MediaType,
): MultiPartReader | undefined {
  return selectParser([...parsers.filter(isMultiPart), ...defaultParsers], mediaType) as
    | MultiPartReader
    | undefined
}

function isMultiPart(reader: RegisteredParser): reader is MultiPartReader {
  return reader.parser instanceof MultiPartParser
}
