/** The options of `body()` and `form()`, and their check. */
import type { Readable } from 'node:stream'
import { checkOptions, routeTypes, type OptionTypes, type RouteOptions } from './options.js'
import type { FrameworkRequest } from '../http/progress.js'
import type { ParserLike } from '../parsers/base-parser.js'
import { isRawBody, type RawBytes, type RawStream } from './raw-body.js'
import type { Coerce } from '../coercion/coerce-form.js'
import type { Out } from '../schema/schema-output.js'
import { isZodSchema, nodeOf } from '../schema/read-zod.js'
import { isSchema, type Schema } from '../schema/schema.js'
import type { Storage, StoredFile } from '../storages/storage.js'

/** The type of a body: a schema of zod or of any Standard Schema library, `bytes()` or `stream()`. */
export type BodyType = Schema | RawBytes | RawStream

/** Options of `body()` and `form()`. */
export interface BodyOptions<Request = FrameworkRequest> extends RouteOptions<Request> {
  /** Media types or ranges: any other body is a 415. Default: all that the parsers read. */
  readonly contentType?: string | readonly string[]
  /** Replace the parsers of the `multipart()` above: classes or instances. */
  readonly parsers?: readonly ParserLike[]
  /** `false` passes the merged form on without validation or coercion. Default true. */
  readonly validate?: boolean
  /** The `data` of an empty body. It is not validated. */
  readonly default?: unknown
  /** Returns the `data` of an empty body, or a promise of it. */
  readonly defaultFactory?: () => unknown
  /** The status of a body that does not match the schema, 400 to 498. Default 422. */
  readonly status?: number
  /** What an empty text means where the schema does not expect a string. Default `'absent'`. */
  readonly emptyText?: 'absent' | 'keep'
  /** Replaces the coercion along the schema, for libraries other than zod. */
  readonly coerce?: Coerce
}

/** Options of `form()`. */
export type FormOptions<Request = FrameworkRequest> = Omit<BodyOptions<Request>, 'contentType'>

/** The type of the handler's `data`. */
export type BodyData<Type, Options = unknown> =
  | BodyValue<Type, Options>
  | Fallback<Options, BodyValue<Type, Options>>

type BodyValue<Type, Options> = Type extends RawBytes
  ? Buffer
  : Type extends RawStream
    ? Readable
    : Options extends { readonly validate: false }
      ? unknown
      : Type extends Schema
        ? Out<Type, StoredBy<Options>>
        : unknown

/** What the storage of the route returns for a file. */
type StoredBy<Options> = Options extends { readonly storage: infer Given }
  ? Given extends Storage<infer Stored, never> | readonly Storage<infer Stored, never>[]
    ? Stored
    : StoredFile
  : StoredFile

/** The type of the default, unless the type of the body includes it. */
type Fallback<Options, Value> =
  | (Options extends { readonly default: infer Default } ? Surplus<Default, Value> : never)
  | (Options extends { readonly defaultFactory: () => infer Default }
      ? Surplus<Awaited<Default>, Value>
      : never)

type Surplus<Default, Value> = Default extends Value | Frozen<Value> ? never : Default

/** TypeScript infers defaults as readonly. */
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Frozen<Value[Key]> }
    : Value

/** Thrown by the definition of a route whose body cannot have a default. */
export class ParameterCannotUseDefaultError extends TypeError {
  override readonly name = 'ParameterCannotUseDefaultError'
}

const bodyTypes: OptionTypes = {
  contentType: undefined,
  parsers: undefined,
  validate: 'boolean',
  default: undefined,
  defaultFactory: 'function',
  status: undefined,
  emptyText: ['absent', 'keep'],
  coerce: 'function',
  ...routeTypes,
}

/** The options that every kind of route has, out of those of a body. */
export function routeOptionsOf(options: BodyOptions): RouteOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(routeTypes, name)))
}

/**
 * Checks the definition of a typed body.
 *
 * @throws TypeError for an invalid schema, an unknown option, an invalid value, or options that exclude each other;
 * ParameterCannotUseDefaultError for a stream with a default
 */
export function checkDefinition(type: BodyType | undefined, options: BodyOptions): void {
  checkType(type)
  checkOptions(options, bodyTypes)
  const { status } = options
  if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status < 499))
    throw new TypeError(`status must be a whole number from 400 to 498, but is ${String(status)}.`)
  checkDefault(type, options)
  if (isRawBody(type)) checkRawOptions(type, options)
}

function checkType(type: unknown): void {
  if (type === undefined || isRawBody(type)) return
  if (!isSchema(type)) {
    throw new TypeError(
      'body() takes a schema of zod or of another Standard Schema library, bytes() or stream().',
    )
  }
  if (!isZodSchema(type)) return warnOfZod3(type)
  const node = nodeOf(type)
  const options = node.kind === 'union' ? node.options : [node]
  if (options.some((option) => option.kind === 'scalar' && isRawBody(option.foreign))) {
    throw new ParameterCannotUseDefaultError(
      'bytes() and stream() are not schemas. Remove what wraps them, such as optional().',
    )
  }
}

let hasWarnedOfZod3 = false

/** Warns once in a process of a schema of zod 3, whose numbers and booleans refuse every form. */
function warnOfZod3({ '~standard': { vendor } }: Schema): void {
  if (vendor !== 'zod' || hasWarnedOfZod3) return
  hasWarnedOfZod3 = true
  process.emitWarning(
    'A schema of zod 3 validates but coerces nothing: the text "42" of a form does not become a number, and files need ' +
      "z.instanceof(File). Import z from 'zod/v4', which zod 3.25 has too, or update to zod 4.",
    { type: 'FormgateWarning', code: 'ZOD_3' },
  )
}

function checkDefault(type: BodyType | undefined, options: BodyOptions): void {
  const hasDefault = 'default' in options
  const hasFactory = options.defaultFactory !== undefined
  if (!hasDefault && !hasFactory) return
  const attribute = hasDefault ? 'default' : 'defaultFactory'
  if (isRawBody(type) && type.kind === 'stream') {
    throw new ParameterCannotUseDefaultError(
      `stream() cannot have a default. Remove the option \`${attribute}\`.`,
    )
  }
  if (hasDefault && hasFactory) {
    throw new TypeError('The options `default` and `defaultFactory` exclude each other. Remove one.')
  }
  if (type !== undefined && !isRawBody(type) && acceptsAbsence(type)) {
    throw new TypeError(
      `The option \`${attribute}\` would never be used: the schema accepts an absent body, since it is optional or has a ` +
        'default of its own. Remove one.',
    )
  }
}

/** True if a schema accepts an absent body. An asynchronous schema counts as one that does not. */
export function acceptsAbsence(type: Schema): boolean {
  if (isZodSchema(type)) return nodeOf(type).optional
  try {
    const result = type['~standard'].validate(undefined)
    if (!(result instanceof Promise)) return result.issues === undefined
    result.catch(() => undefined)
  } catch {
    // The first request meets the same error.
  }
  return false
}

/** A raw body is neither parsed nor validated. */
function checkRawOptions(type: RawBytes | RawStream, options: BodyOptions): void {
  const unused = ['parsers', 'validate', 'emptyText', 'coerce', 'filter', 'nested', 'rawBody']
  if (type.kind === 'stream') unused.push('status')
  const name = Object.keys(options).find((name) => unused.includes(name))
  if (name !== undefined)
    throw new TypeError(`The option \`${name}\` has no effect on ${type.kind}(). Remove it.`)
}
