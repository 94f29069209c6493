/** How the middlewares of Formgate above a handler divide the media types of its body among them. */
import type { BodyStep } from '../adapter.js'
import { mediaTypeCovers } from '../http/media-type.js'
import type { Config } from '../options/options.js'
import { narrower, rangeContains, type RegisteredParser } from '../parsers/registry.js'
import type { TypedRoute } from '../typed-route.js'

/** Media types that are read with the same options. */
export interface BodyReading {
  readonly config: Config
  readonly parsers: readonly RegisteredParser[]
  /** What the parsers do not show, in sentences. */
  readonly notes: readonly string[]
}

export interface BodyReadings {
  /** In the order of the middlewares; empty if the body is not read before the handler runs. */
  readonly readings: readonly BodyReading[]
  /** The options of a reading by the handler. */
  readonly onDemand: Config | undefined
  /** The route that gives `data` its type. */
  readonly typed: TypedRoute | undefined
}

/**
 * Follows a body through the middlewares as a `RequestBody` would.
 *
 * @throws TypeError if a route names a media type that no parser above it reads
 */
export function bodyReadings(steps: readonly BodyStep[]): BodyReadings {
  let readings: readonly BodyReading[] = []
  let mount: Config | undefined
  let typed: TypedRoute | undefined
  let hasRoute = false
  for (const step of steps) {
    if (step.kind === 'mount') {
      const { config } = step
      readings = readings.map((reading) => noteLate(reading, config.readingOptions, 'A second multipart()'))
      // The first route reads all that is left.
      if (!config.lazy && !hasRoute) readings = [...readings, rest(config, readings)]
      mount = config
    } else {
      const { route } = step
      const config = route.below(mount)
      const admitted = readings.map((each) =>
        noteLate(admit(each, config), route.readingOptions, 'The route'),
      )
      readings = hasRoute ? admitted : [...admitted, rest(config, readings)]
      hasRoute = true
      typed = step.typed ?? typed
    }
  }
  const shown = readings.filter(({ parsers, notes }) => parsers.length > 0 || notes.length > 0)
  return {
    // A route that refuses every body has a row too.
    readings: shown.length > 0 ? shown : readings.slice(-1),
    onDemand: readings.length === 0 ? mount : undefined,
    typed,
  }
}

/** What a config reads of the media types that earlier readings have left. */
function rest(config: Config, earlier: readonly BodyReading[]): BodyReading {
  const taken = earlier.flatMap(({ parsers }) => parsers)
  const parsers = config.parsers.filter(
    ({ range }) => !taken.some((other) => rangeContains(other.range, range)),
  )
  const inside = taken.filter((other) => parsers.some(({ range }) => rangeContains(range, other.range)))
  const types = [...new Set(inside.map(({ range }) => range.essence))].join(', ')
  return {
    config,
    parsers,
    notes: types === '' ? [] : [`Not for ${types}: the multipart() above has already read it.`],
  }
}

/** What a route accepts of an earlier reading: its list must have a parser of the same class. */
function admit(reading: BodyReading, { parsers }: Config): BodyReading {
  const admitted = reading.parsers.flatMap((reader) =>
    parsers
      .filter(
        ({ parser, range }) =>
          parser.constructor === reader.parser.constructor && mediaTypeCovers(range, reader.range),
      )
      .map(({ range }) => ({ ...reader, range: narrower(range, reader.range) })),
  )
  return { ...reading, parsers: admitted }
}

function noteLate(reading: BodyReading, options: readonly string[], owner: string): BodyReading {
  if (options.length === 0 || reading.parsers.length === 0) return reading
  const note = `${owner} sets ${options.join(', ')}, but the multipart() above has already read the body: every such body is a 500 BODY_ALREADY_READ.`
  return { ...reading, notes: [...reading.notes, note] }
}
