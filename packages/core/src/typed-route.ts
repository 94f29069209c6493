/** A route whose body has a type: which bodies it takes, and what it makes of them. */
import type { Readable } from 'node:stream'
import type { Limits } from './limits.js'
import { ContentType, parseMediaType, type MediaType } from './media-type.js'
import { defaultParsers, RouteConfig, type Config, type RouteOptions } from './options.js'
import type { ParsedBody } from './parse-body.js'
import type { FileRules } from './parsers/base-parser.js'
import { PlainTextParser } from './parsers/plain-text-parser.js'
import { BytesParser, isRawBody, rawValue, StreamParser, type RawBytes, type RawStream } from './raw-body.js'
import { narrowParsers, registerParsers, type RegisteredParser } from './registry.js'
import { isAccepted } from './validation/accept.js'
import { fileRules } from './validation/file-rules.js'
import { formValue, type Coerce } from './validation/form-value.js'
import { dropPrototypeKeys } from './validation/json-text.js'
import type { Out } from './validation/out.js'
import { nodeOf } from './validation/read-schema.js'
import { isSchema, isZodSchema, takesAnything, type Schema } from './validation/schema.js'
import { validate } from './validation/validate.js'

/** What `body()` takes: a schema of zod or of any Standard Schema library, `bytes()` or `stream()`. */
export type BodyType = Schema | RawBytes | RawStream

/** What the handler gets for it. */
export type BodyData<Type, Options = unknown> = Type extends RawBytes
  ? Buffer
  : Type extends RawStream
    ? Readable
    : Options extends { readonly validate: false }
      ? unknown
      : Type extends Schema
        ? Out<Type>
        : unknown

/** Options of `body()` and `form()`. */
export interface BodyOptions extends RouteOptions {
  /** Media types or ranges of them; anything else is a 415. Default: whatever the parsers above, or the usual ones, read. */
  readonly contentType?: string | readonly string[]
  /** `false` hands on the merged form as it came. Default true. */
  readonly validate?: boolean
  /** What `data` is when no byte was sent. It is not validated. */
  readonly default?: unknown
  /** The same, made anew for each request. */
  readonly defaultFactory?: () => unknown
  /** The status of a body that does not fit the schema, 400 to 499. Default 422. */
  readonly status?: number
  /** What an empty text means where the schema wants no text. Default `'absent'`. */
  readonly emptyText?: 'absent' | 'keep'
  /** Makes the value of a form in place of the walk along the schema, for schemas of other libraries than zod. */
  readonly coerce?: Coerce
}

/** Options of `form()`. */
export type FormOptions = Omit<BodyOptions, 'contentType'>

/** Thrown when a route is defined whose body cannot have a default. */
export class ParameterCannotUseDefaultError extends TypeError {
  override readonly name = 'ParameterCannotUseDefaultError'
}

const builtInParsers = registerParsers([...defaultParsers, PlainTextParser])

const bytesParser = registerParsers([BytesParser])
const streamParser = registerParsers([StreamParser])
const formTypes = [ContentType.MultipartFormData, ContentType.FormUrlEncoded] as const

/** A route with `body()` or `form()`. */
export class TypedRoute {
  /** How its body is read. */
  readonly config: RouteConfig
  readonly #type: BodyType | undefined
  readonly #options: BodyOptions

  /**
   * @throws TypeError for what is no schema, for an unknown option or an invalid value, and for options that exclude
   * each other; ParameterCannotUseDefaultError for a stream with a default
   */
  constructor(type: BodyType | undefined, options: BodyOptions = {}) {
    checkDefinition(type, options)
    this.#type = type
    this.#options = options
    const types = options.contentType === undefined ? undefined : mediaTypes(options.contentType)
    this.config = new RouteConfig(
      (mounted) => parsersFor(type, mounted, types),
      routeOptionsOf(options),
      (config) => this.#complete(config),
    )
  }

  /** The route of `form(schema)`: the body is a multipart or a URL-encoded form. */
  static ofForm(schema: BodyType | undefined, options: FormOptions = {}): TypedRoute {
    if ('contentType' in options) throw new TypeError('contentType is no option of form(): use body().')
    if (schema === undefined || isRawBody(schema)) throw new TypeError('form() takes a schema.')
    return new TypedRoute(schema, { ...options, contentType: formTypes })
  }

  /**
   * What the handler gets for a body.
   *
   * @param limits those that the body was, or would have been, read with
   * @throws BodyError `VALIDATION_FAILED` or `LIMIT_NESTING`; whatever the schema itself throws
   */
  async valueOf(body: ParsedBody, { limits, parsers }: Config): Promise<unknown> {
    const type = this.#type
    const options = this.#options
    const isAbsent = body.reader === undefined
    if (isAbsent && 'default' in options) return options.default
    if (isAbsent && options.defaultFactory !== undefined) return options.defaultFactory()
    if (isRawBody(type)) return rawValue(type, isAbsent ? undefined : body.data, options.status)
    if (!this.#validates(type)) return body.data
    if (isAbsent) {
      const isForm = parsers.some(({ range }) => isFormType(range)) && !(await takesAbsence(type))
      return validate(type, isForm ? formValue(type, [], { ...options, limits }) : undefined, options)
    }
    if (body.entries !== undefined)
      return validate(type, formValue(type, body.entries, { ...options, limits }), options)
    dropPrototypeKeys(body.data)
    return validate(type, body.data, options)
  }

  #validates(type: BodyType | undefined): type is Schema {
    return type !== undefined && !isRawBody(type) && this.#options.validate !== false && !takesAnything(type)
  }

  /** What the type says about the reading: the size of a raw body, the files of a form. */
  #complete(config: Config): Config {
    const type = this.#type
    if (isRawBody(type)) {
      const max = type.kind === 'bytes' ? type.max : Infinity
      return { ...config, limits: { ...config.limits, bodySize: Math.min(config.limits.bodySize, max) } }
    }
    return this.#validates(type) ? { ...config, fileRules: rulesOf(type, config.limits) } : config
  }
}

function checkDefinition(type: BodyType | undefined, options: BodyOptions): void {
  const hasDefault = 'default' in options
  const hasFactory = options.defaultFactory !== undefined
  if (type !== undefined && !isRawBody(type) && !isSchema(type)) {
    throw new TypeError(
      'body() takes a schema of zod or of another Standard Schema library, bytes() or stream().',
    )
  }
  if (isRawBody(type) && type.kind === 'stream' && (hasDefault || hasFactory)) {
    const attribute = hasDefault ? 'default' : 'defaultFactory'
    throw new ParameterCannotUseDefaultError(
      `A body of stream() cannot have a default: take "${attribute}" away.`,
    )
  }
  if (hasDefault && hasFactory) {
    throw new TypeError('"default" and "defaultFactory" exclude each other: take one of them away.')
  }
  if ((hasDefault || hasFactory) && isZodSchema(type) && nodeOf(type).optional) {
    const attribute = hasDefault ? 'default' : 'defaultFactory'
    throw new TypeError(
      `"${attribute}" is never used beside a schema that is optional: take one of them away.`,
    )
  }
  const { status, defaultFactory } = options
  if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status < 499)) {
    throw new TypeError(`status must be a whole number from 400 to 498, but is ${String(status)}.`)
  }
  if (hasFactory && typeof defaultFactory !== 'function')
    throw new TypeError('defaultFactory must be a function.')
}

/** The options of a route without those of its type; a name that is neither is still there to be refused. */
function routeOptionsOf(options: BodyOptions): RouteOptions {
  const own = ['contentType', 'validate', 'default', 'defaultFactory', 'status', 'emptyText', 'coerce']
  return Object.fromEntries(Object.entries(options).filter(([name]) => !own.includes(name)))
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
  if (!isRawBody(type)) return types === undefined ? mounted : narrowParsers(mounted, types, builtInParsers)
  const raw = type.kind === 'bytes' ? bytesParser : streamParser
  return types === undefined ? raw : narrowParsers(raw, types, raw)
}

function isFormType({ essence }: MediaType): boolean {
  return formTypes.some((type) => type === essence)
}

/** Whether an absent body is a value of its own to a schema: optional, or with a default. */
async function takesAbsence(type: Schema): Promise<boolean> {
  if (isZodSchema(type)) return nodeOf(type).optional
  const result = await type['~standard'].validate(undefined)
  return result.issues === undefined
}

/** The rules of a schema in the form that a parser asks for. */
function rulesOf(type: Schema, limits: Limits): FileRules {
  const rules = fileRules(type, limits)
  return {
    strict: rules.strict,
    find(name) {
      const rule = rules.find(name)
      if (rule === undefined) return undefined
      const { types } = rule
      return { ...rule, accepts: (file) => types === undefined || isAccepted(file, types) }
    },
  }
}
