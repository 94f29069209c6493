/** A route whose body has a type: which bodies it takes, and what it makes of them. */

import { formValue } from './coercion/coerce-form.js'
import { BodyError } from './errors.js'
import { completeLimits } from './limits.js'
import { isRejected } from './files/rejected-file.js'
import { ContentType, isJson, type MediaType, parseMediaType } from './http/media-type.js'
import {
  type BodyOptions,
  type BodyType,
  checkDefinition,
  type FormOptions,
  routeOptionsOf,
  acceptsAbsence,
} from './options/body-options.js'
import { type Caps, capsOf, type Config, defaultParsers, RouteConfig, warnOfCaps } from './options/options.js'
import {
  BytesParser,
  isRawBody,
  type RawBytes,
  type RawStream,
  rawBodyValue,
  StreamParser,
} from './options/raw-body.js'
import type { BodyResult, ParsedBody } from './parse-body.js'
import { parsePart } from './parsers/base-parser.js'
import { type Entry, type FilesByField, groupFiles } from './parsers/data-and-files.js'
import { FormParser } from './parsers/form-parser.js'
import { JSONParser } from './parsers/json-parser.js'
import { dropPrototypeKeys } from './parsers/json-values.js'
import { PlainTextParser } from './parsers/plain-text-parser.js'
import { narrowParsers, type RegisteredParser, registerParsers } from './parsers/registry.js'
import { fileRules, filesOf, type SchemaFiles } from './schema/file-rules.js'
import { acceptsAnything } from './schema/read-zod.js'
import type { Schema } from './schema/schema.js'
import { validate } from './schema/validate.js'

/** What a route may name though no parser above reads it. */
const builtInParsers: readonly RegisteredParser[] = [
  ...registerParsers([...defaultParsers, PlainTextParser]),
  ...registerParsers([JSONParser]).map((json) => ({ ...json, range: mediaTypes('application/*+json')[0]! })),
]

const rawParsers = { bytes: registerParsers([BytesParser]), stream: registerParsers([StreamParser]) }
const formTypes = [ContentType.MultipartFormData, ContentType.FormUrlEncoded] as const

/** A route with `body()` or `form()`. */
export class TypedRoute {
  /** How its body is read. */
  readonly config: RouteConfig
  /** What validates `data`, if anything does. */
  readonly schema: Schema | undefined
  /** Where it was defined, for an error that is found only when a request comes. */
  readonly definition: Error = new Error('It was defined here.')
  readonly #raw: RawBytes | RawStream | undefined
  readonly #options: BodyOptions
  #files: SchemaFiles | undefined
  #hasWarned = false

  /**
   * @throws TypeError for what is no schema, for an unknown option or an invalid value, and for options that exclude
   * each other; ParameterCannotUseDefaultError for a stream with a default
   */
  constructor(type: BodyType | undefined, options: BodyOptions = {}) {
    checkDefinition(type, options)
    if (isRawBody(type)) this.#raw = type
    else if (options.validate !== false && !acceptsAnything(type)) this.schema = type
    this.#options = options
    const types = options.contentType === undefined ? undefined : mediaTypes(options.contentType)
    const own = options.parsers && registerParsers(options.parsers)
    this.config = new RouteConfig(
      (mounted) => parsersFor(type, own ?? mounted, types),
      routeOptionsOf(options),
      (config, mounted) => this.#complete(config, mounted, own),
    )
    // Without parsers of its own, only what is mounted above says whether a media type can be read.
    if (own !== undefined) this.config.below()
  }

  /** The route of `form(schema)`: the body is a multipart or a URL-encoded form. */
  static ofForm(schema: BodyType | undefined, options: FormOptions = {}): TypedRoute {
    if ('contentType' in options) throw new TypeError('contentType is no option of form(): use body().')
    if (schema === undefined || isRawBody(schema)) throw new TypeError('form() takes a schema.')
    return new TypedRoute(schema, { ...options, contentType: formTypes })
  }

  /** The schema, if its names are those of the form's fields: a `coerce` option may have changed them. */
  get fileSchema(): Schema | undefined {
    return this.#options.coerce === undefined ? this.schema : undefined
  }

  /** Which raw body it is. */
  get raw(): 'bytes' | 'stream' | undefined {
    return this.#raw?.kind
  }

  /**
   * What the handler gets for a body.
   *
   * @param config that which the body was, or would have been, read with
   * @throws BodyError `VALIDATION_FAILED`, or what is wrong with a part; whatever the schema itself throws
   */
  async resultOf(body: ParsedBody, config: Config): Promise<BodyResult> {
    const { schema } = this
    const { files } = body
    if (body.reader === undefined) return { data: await this.#absentData(body, config), files }
    if (this.#raw !== undefined)
      return { data: rawBodyValue(this.#raw, body.data, this.#options.status), files }
    if (schema === undefined) return { data: body.data, files }
    if (body.entries === undefined) {
      // JSON with such a key has been refused.
      if (!readsJson(body.reader)) dropPrototypeKeys(body.data)
      return { data: await this.#validate(schema, body.data, config), files: storedAmong(files) }
    }
    const entries = await parseJsonFiles(body.entries, body, config)
    dropFromParts(entries, config)
    const data = await this.#formData(schema, entries, config, body)
    // The schema may have left out a file that was refused early, and has left out one whose name it does not know.
    const known = entries.filter(
      (entry) => entry.kind !== 'file' || (!isRejected(entry.value) && isKnown(entry, config)),
    )
    const isAsRead = entries === body.entries && known.length === entries.length
    return { data, files: isAsRead ? files : groupFiles(known) }
  }

  /** What the handler gets where no byte was sent. */
  async #absentData({ data, entries }: ParsedBody, config: Config): Promise<unknown> {
    const { limits, parsers } = config
    const { schema } = this
    const options = this.#options
    if ('default' in options) return options.default
    if (options.defaultFactory !== undefined) return options.defaultFactory()
    if (this.#raw !== undefined) return rawBodyValue(this.#raw, undefined, options.status)
    if (schema === undefined) return data
    if (acceptsAbsence(schema)) return this.#validate(schema, undefined, config)
    if (entries === undefined) return this.#validate(schema, data, config)
    const acceptsForms = parsers.some(({ range }) => formTypes.some((form) => form === range.essence))
    // So that each field that is missing is named.
    const value = acceptsForms ? formValue(schema, [], { ...options, limits }) : undefined
    return this.#validate(schema, value, config)
  }

  #validate(type: Schema, value: unknown, { limits: { issues } }: Config): Promise<unknown> {
    return validate(type, value, { issues, status: this.#options.status })
  }

  async #formData(
    type: Schema,
    entries: readonly Entry[],
    config: Config,
    { meters, nested }: ParsedBody,
  ): Promise<unknown> {
    const { limits } = config
    const { coerce, emptyText, status } = this.#options
    // No spread of the options: V8 makes a hidden class for each, which took 5 µs, a tenth of a form of ten fields.
    const options = { coerce, emptyText, limits, nested, jsonMeter: meters?.json }
    try {
      return await this.#validate(type, formValue(type, entries, options), config)
    } catch (error) {
      const unstored = entries.filter(
        (entry) => entry.kind === 'file' && isRejected(entry.value) && isKnown(entry, config),
      )
      if (error instanceof BodyError || unstored.length === 0) throw error
      // A rule of the author's own may want to read a file that was refused before it was stored.
      throw new BodyError('VALIDATION_FAILED', {
        errors: unstored.map(({ name }) => ({ path: name, message: 'Invalid file', code: 'custom' })),
        status,
        cause: error,
      })
    }
  }

  /** What the type says about the reading: the size of a raw body, the files of a form. */
  #complete(
    config: Config,
    mounted: readonly RegisteredParser[],
    own: readonly RegisteredParser[] = mounted,
  ): Config {
    const raw = this.#raw
    if (raw !== undefined) {
      if (raw.kind === 'stream' || raw.max === Infinity) return config
      const { bodySize } = config.setLimits
      if (config.limitLayers === undefined) this.#warnOfCaps('a body', raw.max, { bodySize })
      return { ...config, limits: { ...config.limits, bodySize: Math.min(bodySize ?? Infinity, raw.max) } }
    }
    const isReadAbove = !config.lazy && mounted.some(({ range }) => range.essence === formTypes[0])
    const whole = { ...config, lazy: !isReadAbove, partParsers: own }
    const schema = this.fileSchema
    if (schema === undefined) return whole
    const files = (this.#files ??= filesOf(schema))
    const caps = capsOf(whole)
    const { fileSize, bodySize } = caps
    // A function of the request may lower limits as it likes.
    if (config.limitLayers === undefined) this.#warnOfCaps('a file', files.largest, { fileSize, bodySize })
    const limits = completeLimits(caps, files)
    return { ...whole, limits, fileRules: fileRules(schema, limits, caps.fileSize) }
  }

  #warnOfCaps(what: string, bytes: number, caps: Caps): void {
    if (!this.#hasWarned) this.#hasWarned = warnOfCaps(what, bytes, caps, this.definition.stack)
  }
}

/** The files without those that were refused before they were stored. */
function storedAmong(files: FilesByField): FilesByField {
  const all = Object.entries(files).flatMap(([name, list]) =>
    list.map((value) => ({ kind: 'file', name, value }) as const),
  )
  return groupFiles(all.filter(({ value }) => !isRejected(value)))
}

/** Whether the schema of a route has a place for a file of this name. */
function isKnown({ name }: Entry, { fileRules }: Config): boolean {
  return fileRules === undefined || fileRules.find(name) !== undefined
}

/** Whether a body was read by the method of JSONParser itself, and not by one that overrides it. */
function readsJson({ parser }: RegisteredParser): boolean {
  return parser instanceof JSONParser && parser.parse === JSONParser.prototype.parse
}

/** Takes keys of a prototype out of parts that a parser of the user's own, or one for forms, has read. */
function dropFromParts(entries: readonly Entry[], { parsers, partParsers = parsers }: Config): void {
  const hasOwn = partParsers.some(
    (each) => !readsJson(each) && !(each.parser instanceof FormParser) && each.range.type !== 'multipart',
  )
  for (const { kind, value } of entries) {
    // Only the data of a form has no prototype: that of JSON, in which there is no such key, need not be walked.
    if (kind === 'parsed' && (hasOwn || hasNoPrototype(value))) dropPrototypeKeys(value)
  }
}

function hasNoPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null
}

function mediaTypes(contentType: string | readonly string[]): readonly MediaType[] {
  const types = [contentType].flat() as readonly string[]
  if (types.length === 0) throw new TypeError('contentType must name a media type.')
  return types.map((type) => {
    const mediaType = typeof type === 'string' ? parseMediaType(type) : undefined
    if (mediaType === undefined) throw new TypeError(`contentType: "${type}" is no media type.`)
    return mediaType
  })
}

function parsersFor(
  type: BodyType | undefined,
  mounted: readonly RegisteredParser[],
  types: readonly MediaType[] | undefined,
): readonly RegisteredParser[] {
  const [parsers, others] = isRawBody(type) ? [rawParsers[type.kind], []] : [mounted, builtInParsers]
  return types === undefined ? parsers : narrowParsers(parsers, types, others)
}

/**
 * The entries of a form as they would be had the route read it: a file of JSON where the schema wants a value is that
 * value.
 *
 * @throws BodyError `MALFORMED_JSON`, `LIMIT_FIELDS` or `LIMIT_FIELD_SIZE`
 */
async function parseJsonFiles(
  entries: readonly Entry[],
  { partParser, meters }: Pick<ParsedBody, 'partParser' | 'meters'>,
  { fileRules }: Config,
): Promise<readonly Entry[]> {
  let read: Entry[] | undefined
  for (const [at, entry] of entries.entries()) {
    if (entry.kind !== 'file' || fileRules?.find(entry.name)?.kind !== 'value') continue
    const { name, value: file } = entry
    const mediaType = parseMediaType(file.type)
    const parser = mediaType !== undefined && isJson(mediaType) ? partParser(mediaType) : undefined
    if (parser === undefined) continue
    // Counts as the field that it would have been.
    meters?.fields.begin(name)
    meters?.fields.add(name, file.size, file.size)
    const value = await parsePart(parser, Buffer.from(await file.arrayBuffer()), name)
    read ??= [...entries]
    read[at] = { kind: 'parsed', name, value }
  }
  return read ?? entries
}
