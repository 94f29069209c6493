/** Describes what a route accepts, as plain data. */
import type { BodyStep } from '../adapter.js'
import { ContentType, mediaTypeCovers, parseMediaType } from '../http/media-type.js'
import type { Limits } from '../limits.js'
import { capsOf, type Config } from '../options/options.js'
import { boundOf, limitOf } from '../parse-body.js'
import { FileUploadParser, rawFileField } from '../parsers/file-upload-parser.js'
import { MultiPartParser } from '../parsers/multipart/multipart-parser.js'
import { narrower, rangeContains, selectParser, type RegisteredParser } from '../parsers/registry.js'
import { sizeWithin } from '../schema/file-rules.js'
import { fileFields, schemaFields, type SchemaField } from '../schema/schema-fields.js'
import { isZodSchema } from '../schema/read-zod.js'
import type { TypedRoute } from '../typed-route.js'

/**
 * What one route accepts, as returned by `describe(app)`. A route that reads its media types with different options has a
 * row for each.
 *
 * Plain data that JSON can represent, except that `Infinity` becomes `null`.
 */
export interface RouteDescription {
  /** In upper case; `*` for all methods. */
  readonly method: string
  /** As in the app, with its mounts. `*` at the end stands for everything below, `…` for an unknown part: see `notes`. */
  readonly path: string
  /**
   * `always`: before the handler runs. `on demand`: when the handler calls `req.parse()` or `req.parts()`. `never`: not by
   * Formgate. `unknown`: Formgate cannot see what runs here, or above.
   */
  readonly reads: 'always' | 'on demand' | 'never' | 'unknown'
  /** Any other is a 415, or is not read if the route has only a `multipart()` above. */
  readonly mediaTypes: readonly AcceptedMediaType[]
  /** The files that `MultiPartParser` and `FileUploadParser` accept. Your own parsers may store others. */
  readonly files: readonly AcceptedFiles[]
  /** The content of `data`: what the client sent, the output of a schema, or the raw body. */
  readonly data: 'as sent' | 'typed' | 'bytes' | 'stream'
  readonly schema?: SchemaDescription
  /** All limits that apply. Missing if nothing is read. */
  readonly limits?: Limits | Dependent
  /** Names, in the order in which they are tried. */
  readonly storages: readonly string[]
  /** Names, in the order in which they see a file. */
  readonly inspectors: readonly string[]
  /** Where a 4xx goes: to the client, or to the app's own error handler. Missing if nothing is read. */
  readonly errors?: 'respond' | 'next'
  /** Everything else to know, in sentences. */
  readonly notes: readonly string[]
}

/** In place of a limit, if a function decides on it for each request. */
export type Dependent = 'depends on the request'

/** A media type, or a range. */
export interface AcceptedMediaType {
  readonly type: string
  /** The name of the parser's class. */
  readonly parser: string
  /** Of the whole body, in bytes. */
  readonly maxSize: number | Dependent
  /** True if a compressed body is decompressed; `maxSize` then applies before and after. */
  readonly inflates: boolean
}

/** The files of one field. */
export interface AcceptedFiles {
  /** `photos`, `items[].scan`, or `*` for any name. */
  readonly field: string
  /** Of one file, in bytes. */
  readonly maxSize: number | Dependent
  readonly maxCount: number | Dependent
  /** Media types, ranges, and extensions. */
  readonly types: readonly string[]
}

/** The schema of a typed body. */
export interface SchemaDescription {
  /** The library, such as `zod`. */
  readonly vendor: string
  /** The top level of a zod object; otherwise empty. */
  readonly fields: readonly SchemaField[]
}

/** A route, as an adapter found it in an app. */
export interface RoutePlace {
  readonly method: string
  readonly path: string
  readonly notes?: readonly string[]
  /** Sentences on middleware that may or may not run before the route. */
  readonly doubts?: readonly string[]
}

/** Describes a route. @param steps the middlewares of Formgate before its handler, in the order of a request */
export function describeRoute(place: RoutePlace, steps: readonly BodyStep[]): readonly RouteDescription[] {
  let followed: ReturnType<typeof bodyReadings>
  try {
    followed = bodyReadings(steps)
  } catch (error) {
    return [emptyRow(place, 'never', `Every body is a 500: ${(error as Error).message}`)]
  }
  const { readings, onDemand, typed } = followed
  if (readings.length > 0) return readings.map((reading) => row(place, 'always', reading, typed))
  if (onDemand !== undefined) return [row(place, 'on demand', rest(onDemand, []), undefined)]
  return [emptyRow(place, place.doubts?.length ? 'unknown' : 'never')]
}

/** A row for something that Formgate cannot see into. */
export function describeUnknown(place: RoutePlace, note: string): RouteDescription {
  return emptyRow(place, 'unknown', note)
}

function emptyRow(
  { method, path, notes = [], doubts = [] }: RoutePlace,
  reads: 'never' | 'unknown',
  ...more: readonly string[]
): RouteDescription {
  const empty = { mediaTypes: [], files: [], data: 'as sent', storages: [], inspectors: [] } as const
  return { method, path, reads, ...empty, notes: [...notes, ...doubts, ...more] }
}

function row(
  { method, path, notes = [], doubts = [] }: RoutePlace,
  reads: 'always' | 'on demand',
  { config, parsers, notes: more }: BodyReading,
  typed: TypedRoute | undefined,
): RouteDescription {
  const { limits, errors } = config
  const dependent: Dependent | undefined = config.limitLayers && 'depends on the request'
  const schema = typed?.schema
  return {
    method,
    path,
    reads,
    mediaTypes: parsers.map(({ parser, range }) => ({
      type: range.essence,
      parser: parser.constructor.name,
      maxSize: dependent ?? limitOf(boundOf(parser, config), config),
      inflates: parser.inflates,
    })),
    files: acceptedFiles(parsers, config, typed).map((files) =>
      dependent === undefined ? files : { ...files, maxSize: dependent, maxCount: dependent },
    ),
    data: typed?.raw ?? (schema === undefined ? 'as sent' : 'typed'),
    ...(schema !== undefined && {
      schema: {
        vendor: schema['~standard'].vendor,
        fields: isZodSchema(schema) ? schemaFields(schema) : [],
      },
    }),
    limits: dependent ?? limits,
    // Named by its class, or by itself if it is an object literal.
    storages: config.storages.map(
      ({ name, constructor }) =>
        name ?? (constructor === Object ? 'a storage without a name' : constructor.name),
    ),
    inspectors: config.inspectors.map(({ name }) => name || 'an inspector without a name'),
    errors,
    notes: [...notes, ...doubts, ...more, ...formNote(parsers)],
  }
}

/** A range such as `*` covers forms too, which a parser of raw files does not take. */
function formNote(parsers: readonly RegisteredParser[]): readonly string[] {
  const reader = selectParser(parsers, parseMediaType(ContentType.MultipartFormData)!)
  const isRaw = reader?.parser instanceof FileUploadParser
  return isRaw ? ['Not for multipart/form-data: this route takes a raw file.'] : []
}

function acceptedFiles(
  parsers: readonly RegisteredParser[],
  config: Config,
  typed: TypedRoute | undefined,
): readonly (AcceptedFiles & { readonly maxCount: number })[] {
  const rawFiles = parsers
    .filter(({ parser }) => parser instanceof FileUploadParser)
    .map(({ parser, range }) => {
      const maxSize = limitOf(boundOf(parser, config), config)
      return { field: rawFileField, maxSize, maxCount: 1, types: [range.essence] }
    })
  if (!parsers.some(({ parser }) => parser instanceof MultiPartParser)) return rawFiles
  const { limits } = config
  const maxCount = Math.min(limits.files, limits.parts)
  const schema = typed?.fileSchema
  const rules = schema === undefined ? [{ field: '*' }] : fileFields(schema)
  const inForms = rules.map((rule) => ({
    field: rule.field,
    maxSize: Math.min(
      (rule.maxSize && sizeWithin(rule.maxSize, limits, capsOf(config).fileSize)) ?? limits.fileSize,
      limits.bodySize,
    ),
    maxCount: Math.min(rule.maxCount ?? Infinity, maxCount),
    types: rule.types ?? ['*/*'],
  }))
  return [...inForms, ...rawFiles].filter(({ maxCount }) => maxCount > 0)
}

/** Media types that are read with the same options. */
interface BodyReading {
  readonly config: Config
  readonly parsers: readonly RegisteredParser[]
  /** What the parsers do not show, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Follows a body through the middlewares as a `RequestBody` would.
 *
 * @returns the readings before the handler runs, the options of one by the handler, and the route that types `data`
 * @throws TypeError if a route names a media type that no parser above it reads
 */
function bodyReadings(steps: readonly BodyStep[]) {
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
