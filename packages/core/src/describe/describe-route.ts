/** What a route accepts, as plain data: a row of what `describe(app)` returns. */
import type { BodyStep } from '../adapter.js'
import type { Inspector } from '../files/inspection.js'
import type { Storage } from '../storages/storage.js'
import type { Limits } from '../limits.js'
import { ContentType, parseMediaType } from '../http/media-type.js'
import { boundOf } from '../parse-body.js'
import { FileUploadParser } from '../parsers/file-upload-parser.js'
import { MultiPartParser } from '../parsers/multipart/multipart-parser.js'
import { selectParser, type RegisteredParser } from '../parsers/registry.js'
import type { TypedRoute } from '../typed-route.js'
import { fileFields, schemaFields, type SchemaField } from '../schema/schema-fields.js'
import { isZodSchema } from '../schema/read-zod.js'
import type { Schema } from '../schema/schema.js'
import { bodyReadings, type BodyReading } from './body-readings.js'

/**
 * What one route accepts. A route whose media types are read in more than one way has a row for each.
 *
 * It is plain data, and JSON can hold it: only a limit of `Infinity` becomes `null` there.
 */
export interface RouteDescription {
  /** In upper case; `*` where the route takes every method. */
  readonly method: string
  /**
   * As the app spells it, with the mounts before it. A `*` at the end is whatever lies below, and `…` stands for what
   * cannot be known; `notes` then say why.
   */
  readonly path: string
  /**
   * `always`: before the handler runs. `on demand`: when the handler calls `req.parse()` or `req.parts()`. `never`: by
   * nothing of Formgate's. `unknown`: what stands here, or above, cannot be looked into.
   */
  readonly reads: 'always' | 'on demand' | 'never' | 'unknown'
  /** Any other is a 415, or is left unread where only a `multipart()` stands above. */
  readonly mediaTypes: readonly AcceptedMediaType[]
  /** The files that `MultiPartParser` and `FileUploadParser` let through. A parser of your own may store others. */
  readonly files: readonly AcceptedFiles[]
  /** What `data` holds: what the client sent, what a schema has made of it, or the raw body. */
  readonly data: 'as sent' | 'typed' | 'bytes' | 'stream'
  /** Of a typed body. */
  readonly schema?: SchemaDescription
  /** All of them, in the units of `Limits`. Not there where nothing is read. */
  readonly limits?: Limits
  /** Names of the storages, in the order in which they are asked. */
  readonly storages: readonly string[]
  /** Names of the inspectors, in the order in which they see a file. */
  readonly inspectors: readonly string[]
  /** Who answers a 4xx: Formgate, or the app's own error handler. Not there where nothing is read. */
  readonly errors?: 'respond' | 'next'
  /** What else there is to know, in sentences. */
  readonly notes: readonly string[]
}

/** A media type, or a range of them. */
export interface AcceptedMediaType {
  readonly type: string
  /** The name of the parser's class. */
  readonly parser: string
  /** Bytes of the whole body. */
  readonly maxSize: number
  /** Whether a body with a Content-Encoding is inflated; `maxSize` then bounds it before and after. */
  readonly inflates: boolean
}

/** The files of one field. */
export interface AcceptedFiles {
  /** `photos`, `items[].scan`, or `*` for a field of any name. */
  readonly field: string
  /** Bytes of one file. */
  readonly maxSize: number
  /** Files in the field. */
  readonly maxCount: number
  /** Media types as clients declare them, ranges of them, and endings of file names. */
  readonly types: readonly string[]
}

/** The schema of a typed body. */
export interface SchemaDescription {
  /** The library, such as `zod`. */
  readonly vendor: string
  /** The top level of a zod object; empty where nothing is known of the schema. */
  readonly fields: readonly SchemaField[]
}

/** Where a description comes from. */
export interface RoutePlace {
  readonly method: string
  readonly path: string
  readonly notes?: readonly string[]
  /** What else may stand above and cannot be known, in sentences. */
  readonly doubts?: readonly string[]
}

/**
 * Describes a route.
 *
 * @param steps what of Formgate stands on the way to its handler, in the order of a request
 */
export function describeRoute(place: RoutePlace, steps: readonly BodyStep[]): readonly RouteDescription[] {
  let followed: ReturnType<typeof bodyReadings>
  try {
    followed = bodyReadings(steps)
  } catch (error) {
    return [nothing(place, 'never', [`Every body is a 500: ${(error as Error).message}`])]
  }
  const { readings, onDemand, typed } = followed
  if (readings.length > 0) return readings.map((reading) => row(place, 'always', reading, typed))
  if (onDemand === undefined) return [nothing(place, place.doubts?.length ? 'unknown' : 'never')]
  const { parsers } = onDemand
  return [row(place, 'on demand', { config: onDemand, parsers, notes: [] }, undefined)]
}

/** A row for what cannot be looked into. */
export function describeUnknown(place: RoutePlace, note: string): RouteDescription {
  return nothing(place, 'unknown', [note])
}

function nothing(
  { method, path, notes = [], doubts = [] }: RoutePlace,
  reads: 'never' | 'unknown',
  more: readonly string[] = [],
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
  const schema = typed?.schema
  return {
    method,
    path,
    reads,
    mediaTypes: parsers.map(({ parser, range }) => ({
      type: range.essence,
      parser: parser.constructor.name,
      maxSize: limits[boundOf(parser, limits)],
      inflates: parser.inflates,
    })),
    files: acceptedFiles(parsers, limits, typed),
    data: typed?.raw ?? (schema === undefined ? 'as sent' : 'typed'),
    ...(schema !== undefined && { schema: describeSchema(schema) }),
    limits,
    storages: config.storages.map(storageName),
    inspectors: config.inspectors.map(inspectorName),
    errors,
    notes: [...notes, ...doubts, ...more, ...envelopeNote(parsers)],
  }
}

/** A range of media types that are stored as they are may hold one that is not. */
function envelopeNote(parsers: readonly RegisteredParser[]): readonly string[] {
  const reader = selectParser(parsers, parseMediaType(ContentType.MultipartFormData)!)
  const isBare = reader?.parser instanceof FileUploadParser
  return isBare ? ['Not for multipart/form-data: what is taken here is the bare file.'] : []
}

function describeSchema(schema: Schema): SchemaDescription {
  const { vendor } = schema['~standard']
  return { vendor, fields: isZodSchema(schema) ? schemaFields(schema) : [] }
}

function acceptedFiles(
  parsers: readonly RegisteredParser[],
  limits: Limits,
  typed: TypedRoute | undefined,
): readonly AcceptedFiles[] {
  const bodies = parsers
    .filter(({ parser }) => parser instanceof FileUploadParser)
    .map(({ parser, range }) => {
      const maxSize = limits[boundOf(parser, limits)]
      return { field: 'file', maxSize, maxCount: 1, types: [range.essence] }
    })
  if (!parsers.some(({ parser }) => parser instanceof MultiPartParser)) return bodies
  const maxSize = Math.min(limits.fileSize, limits.bodySize)
  const maxCount = Math.min(limits.files, limits.parts)
  const schema = typed?.fileSchema
  const rules = schema === undefined ? [{ field: '*' }] : fileFields(schema)
  const inForms = rules.map((rule) => ({
    field: rule.field,
    maxSize: Math.min(rule.maxSize ?? Infinity, maxSize),
    maxCount: Math.min(rule.maxCount ?? Infinity, maxCount),
    types: rule.types ?? ['*/*'],
  }))
  return [...inForms, ...bodies].filter((files) => files.maxCount > 0)
}

/** A class is known by its name; what is made in place may bring a name along. */
function storageName({ name, constructor }: Storage): string {
  return name ?? (constructor === Object ? 'a storage without a name' : constructor.name)
}

function inspectorName({ name }: Inspector): string {
  return name === '' ? 'an inspector without a name' : name
}
