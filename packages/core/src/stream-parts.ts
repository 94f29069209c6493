/** The line from a request to the parts of its form, which are streamed and not stored. */
import { BodyError } from './errors.js'
import { beginInspections } from './files/inspected-stream.js'
import type { MediaType } from './media-type.js'
import type { Config } from './options.js'
import { openStream } from './parse-body.js'
import { MultiPartParser } from './parsers/multipart/multipart-parser.js'
import type { PartQueue } from './parsers/multipart/part-queue.js'
import type { Part } from './parsers/multipart/part.js'
import { registerParsers, selectParser, unsupportedMediaType, type RegisteredParser } from './registry.js'
import { discardRest } from './rest-of-body.js'
import type { Source } from './source.js'

const defaultParsers = registerParsers([MultiPartParser])

/**
 * The parts of a multipart form, one after the other, while they arrive. Of an empty body there are none.
 *
 * When the loop is left, and when the response has ended, nothing is handed out any more: open streams fail, and what
 * the client still sends is thrown away.
 *
 * @throws BodyError as the multipart parser does; 415 for a body that is no multipart form
 */
export async function* streamParts(source: Source, config: Config): AsyncGenerator<Part, void, undefined> {
  const { limits } = config
  if (await source.isEmpty(limits)) return
  const { mediaType } = source
  const parser = mediaType && multipartParser(config.parsers, mediaType)
  if (mediaType === undefined || parser === undefined)
    throw unsupportedMediaType(defaultParsers, source.headers['content-type'])
  const inspecting = { inspectors: config.inspectors, request: source.target }
  const controller = new AbortController()
  const parts = parser.parts(openStream(source, parser, config), mediaType, {
    limits,
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
    end(new Error('The loop over the parts was left.'))
  }
}

async function* loop(parts: PartQueue): AsyncGenerator<Part, void, undefined> {
  for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
    yield part
    if (part.kind === 'file') await parts.leave(part)
  }
}

/** That of the app, which may have options; else one with none. */
function multipartParser(
  parsers: readonly RegisteredParser[],
  mediaType: MediaType,
): MultiPartParser | undefined {
  const own = parsers.filter(({ parser }) => parser instanceof MultiPartParser)
  const parser = selectParser([...own, ...defaultParsers], mediaType)?.parser
  return parser instanceof MultiPartParser ? parser : undefined
}
