/** Which config reads which media types, where several middlewares of Formgate stand on the way to a handler. */
import type { BodyStep } from '../adapter.js'
import { mediaTypeCovers } from '../media-type.js'
import type { Config } from '../options.js'
import { narrower, rangeContains, type RegisteredParser } from '../registry.js'
import type { TypedRoute } from '../typed-route.js'

/** Media types that are read in one way. */
export interface BodyReading {
  readonly config: Config
  readonly parsers: readonly RegisteredParser[]
  /** What cannot be told by the parsers, in sentences. */
  readonly notes: readonly string[]
}

/** What becomes of the body of a request on its way. */
export interface BodyReadings {
  /** In the order in which they come; none where nobody reads before the handler runs. */
  readonly readings: readonly BodyReading[]
  /** How the handler can read, where nothing was read before. */
  readonly onDemand: Config | undefined
  /** What gives `data` its type. */
  readonly typed: TypedRoute | undefined
}

/**
 * Follows a body from the first middleware to the last, as a `RequestBody` would.
 *
 * @throws TypeError where a route names a media type that no parser above it reads
 */
export function bodyReadings(steps: readonly BodyStep[]): BodyReadings {
  let readings: readonly BodyReading[] = []
  let mount: Config | undefined
  let typed: TypedRoute | undefined
  let hasRoute = false
  for (const step of steps) {
    if (step.kind === 'mount') {
      const { config } = step
      readings = readings.map((reading) => withLate(reading, config.readingOptions, 'A second multipart()'))
      // What stands below the first reading of a route has nothing left to read.
      if (!config.lazy && !hasRoute) readings = [...readings, rest(config, readings)]
      mount = config
    } else {
      const config = step.route.below(mount)
      const admitted = readings.map((reading) =>
        withLate(admit(reading, config), step.route.readingOptions, 'The route'),
      )
      readings = hasRoute ? admitted : [...admitted, rest(config, readings)]
      hasRoute = true
      typed = step.typed ?? typed
    }
  }
  const telling = readings.filter(({ parsers, notes }) => parsers.length > 0 || notes.length > 0)
  return {
    // A route that refuses everything still has a row.
    readings: telling.length > 0 ? telling : readings.slice(-1),
    onDemand: readings.length === 0 ? mount : undefined,
    typed,
  }
}

/** What is left to a config by those that read before it. */
function rest(config: Config, before: readonly BodyReading[]): BodyReading {
  const taken = before.flatMap(({ parsers }) => parsers)
  const parsers = config.parsers.filter(
    ({ range }) => !taken.some((other) => rangeContains(other.range, range)),
  )
  const inside = taken.filter((other) => parsers.some(({ range }) => rangeContains(range, other.range)))
  const types = [...new Set(inside.map(({ range }) => range.essence))].join(', ')
  const notes = types === '' ? [] : [`Not for ${types}, which the multipart() above has read by then.`]
  return { config, parsers, notes }
}

/** Of what was read above, that which a route takes: the same kind of parser has to be in its list. */
function admit(reading: BodyReading, { parsers }: Config): BodyReading {
  const admitted = reading.parsers.flatMap((reader) =>
    parsers
      .filter(({ parser, range }) => {
        return parser.constructor === reader.parser.constructor && mediaTypeCovers(range, reader.range)
      })
      .map(({ range }) => ({ ...reader, range: narrower(range, reader.range) })),
  )
  return { ...reading, parsers: admitted }
}

function withLate(reading: BodyReading, options: readonly string[], who: string): BodyReading {
  if (options.length === 0 || reading.parsers.length === 0) return reading
  const note = `${who} has ${options.join(', ')} of its own, too late for a body that was read above: every such body is a 500 BODY_ALREADY_READ.`
  return { ...reading, notes: [...reading.notes, note] }
}
