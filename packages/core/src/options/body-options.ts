/** What `body()` and `form()` take, and what of it cannot be. */
import type { Readable } from 'node:stream'
import { routeOptionNames, type RouteOptions } from './options.js'
import type { ParserLike } from '../parsers/base-parser.js'
import { isRawBody, type RawBytes, type RawStream } from './raw-body.js'
import type { Coerce } from '../coercion/coerce-form.js'
import type { Out } from '../schema/schema-output.js'
import { isZodSchema, nodeOf } from '../schema/read-zod.js'
import { isSchema, type Schema } from '../schema/schema.js'

/** What `body()` takes: a schema of zod or of any Standard Schema library, `bytes()` or `stream()`. */
export type BodyType = Schema | RawBytes | RawStream

/** Options of `body()` and `form()`. */
export interface BodyOptions extends RouteOptions {
  /** Media types or ranges of them; anything else is a 415. Default: whatever the parsers above, or the usual ones, read. */
  readonly contentType?: string | readonly string[]
  /** In place of the parsers above: classes or instances. */
  readonly parsers?: readonly ParserLike[]
  /** `false` hands on the merged form as it came. Default true. */
  readonly validate?: boolean
  /** What `data` is when no byte was sent. It is not validated. */
  readonly default?: unknown
  /** The same, made anew for each request; a promise is waited for. */
  readonly defaultFactory?: () => unknown
  /** The status of a body that does not fit the schema, 400 to 498. Default 422. */
  readonly status?: number
  /** What an empty text means where the schema wants no text. Default `'absent'`. */
  readonly emptyText?: 'absent' | 'keep'
  /** Makes the value of a form in place of the walk along the schema, for schemas of other libraries than zod. */
  readonly coerce?: Coerce
}

/** Options of `form()`. */
export type FormOptions = Omit<BodyOptions, 'contentType'>

/** What the handler gets. */
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
        ? Out<Type>
        : unknown

/** What a default adds: nothing where it is of the type of the body anyway. */
type Fallback<Options, Value> =
  | (Options extends { readonly default: infer Default } ? Surplus<Default, Value> : never)
  | (Options extends { readonly defaultFactory: () => infer Default }
      ? Surplus<Awaited<Default>, Value>
      : never)

type Surplus<Default, Value> = Default extends Value | Frozen<Value> ? never : Default

/** A default is inferred as what cannot change. */
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Frozen<Value[Key]> }
    : Value

/** Thrown when a route is defined whose body cannot have a default. */
export class ParameterCannotUseDefaultError extends TypeError {
  override readonly name = 'ParameterCannotUseDefaultError'
}

const optionNames = [
  'contentType',
  'parsers',
  'validate',
  'default',
  'defaultFactory',
  'status',
  'emptyText',
  'coerce',
]

/** The options of a route among those of its body. */
export function routeOptionsOf(options: BodyOptions): RouteOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => routeOptionNames.includes(name)))
}

/**
 * Refuses what no body can be.
 *
 * @throws TypeError for what is no schema, for an unknown option or an invalid value, and for options that exclude
 * each other; ParameterCannotUseDefaultError for a stream with a default
 */
export function checkDefinition(type: BodyType | undefined, options: BodyOptions): void {
  checkType(type)
  checkValues(options)
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
  if (!isZodSchema(type)) return
  const node = nodeOf(type)
  const options = node.kind === 'union' ? node.options : [node]
  if (options.some((option) => option.kind === 'scalar' && isRawBody(option.foreign))) {
    throw new ParameterCannotUseDefaultError(
      'bytes() and stream() are not schemas. Remove what wraps them, such as optional().',
    )
  }
}

function checkDefault(type: BodyType | undefined, options: BodyOptions): void {
  const hasDefault = 'default' in options
  const hasFactory = options.defaultFactory !== undefined
  if (!hasDefault && !hasFactory) return
  const attribute = hasDefault ? 'default' : 'defaultFactory'
  if (isRawBody(type) && type.kind === 'stream') {
    throw new ParameterCannotUseDefaultError(
      `A body of stream() cannot have a default: take "${attribute}" away.`,
    )
  }
  if (hasDefault && hasFactory) {
    throw new TypeError('"default" and "defaultFactory" exclude each other: take one of them away.')
  }
  if (type !== undefined && !isRawBody(type) && acceptsAbsence(type)) {
    throw new TypeError(
      `"${attribute}" would never be used: the schema takes an absent body itself, since it is optional or has a ` +
        'default of its own. Take one of them away.',
    )
  }
}

/** Whether an absent body is a value of its own to a schema, as far as it says so at once. */
export function acceptsAbsence(type: Schema): boolean {
  if (isZodSchema(type)) return nodeOf(type).optional
  try {
    const result = type['~standard'].validate(undefined)
    if (!(result instanceof Promise)) return result.issues === undefined
    result.catch(() => undefined)
  } catch {
    // It will say so to the request that it is about.
  }
  return false
}

function checkValues(options: BodyOptions): void {
  const { validate, status, emptyText } = options
  const names = [...optionNames, ...routeOptionNames]
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new TypeError(`${name} is no option here. The options are: ${names.join(', ')}.`)
  }
  if (validate !== undefined && typeof validate !== 'boolean')
    throw new TypeError(`validate must be true or false, but is ${String(validate)}.`)
  if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status < 499))
    throw new TypeError(`status must be a whole number from 400 to 498, but is ${String(status)}.`)
  if (emptyText !== undefined && emptyText !== 'absent' && emptyText !== 'keep')
    throw new TypeError(`emptyText must be 'absent' or 'keep', but is ${String(emptyText)}.`)
  for (const name of ['defaultFactory', 'coerce'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new TypeError(`${name} must be a function.`)
  }
}

/** A raw body has no value that these could act on. */
function checkRawOptions(type: RawBytes | RawStream, options: BodyOptions): void {
  const without = [
    'parsers',
    'validate',
    'emptyText',
    'coerce',
    ...(type.kind === 'stream' ? ['status'] : []),
  ]
  const name = Object.keys(options).find((name) => without.includes(name))
  if (name !== undefined) throw new TypeError(`${name} is no option beside ${type.kind}().`)
}
