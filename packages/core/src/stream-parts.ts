/** The way from a request to the parts of its form, which are streamed and not stored. */
import { BodyError } from './errors.js'
import { beginInspections, bindFilter } from './files/inspection.js'
import type { Config } from './options/options.js'
import { readingFor } from './parse-body.js'
import { MultiPartParser } from './parsers/multipart/multipart-parser.js'
import type { Part } from './parsers/multipart/part-iterator.js'
import {
  type RegisteredParser,
  registerParsers,
  selectParser,
  unsupportedMediaType,
} from './parsers/registry.js'
import { discardRest } from './http/drain.js'
import type { IncomingBody } from './http/incoming-body.js'

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
  // The app's own instance, which may have options, else the default.
  const readers = [...config.parsers.filter(isMultiPart), ...defaultParsers]
  const reader = mediaType && selectParser(readers, mediaType)
  if (mediaType === undefined || reader === undefined || !isMultiPart(reader))
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
    for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
      yield part
      if (part.kind === 'file') await parts.leave(part)
    }
    isOver = true
  } finally {
    if (!isOver && parts.failure !== undefined) onFailure(parts.failure.reason)
    end(new Error('The loop over the parts was left.'))
  }
}

function isMultiPart(
  reader: RegisteredParser,
): reader is RegisteredParser & { readonly parser: MultiPartParser } {
  return reader.parser instanceof MultiPartParser
}
