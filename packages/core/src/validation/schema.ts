/** What Formgate knows of schemas: the Standard Schema interface, with the inside of zod 4 where it is zod's. */

/** A schema of any library that implements Standard Schema (https://standardschema.dev): zod, valibot, arktype. */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * A schema of zod 4, of zod/mini or of another library on zod's core. Zod is never imported: its definitions are read
 * as plain data, which has the same form in all of 4.1 to 4.6 and in any mix of them.
 */
export interface ZodSchema {
  readonly _zod: {
    readonly def: ZodDef
    /** Parses a value; adds what is wrong with it to the issues, whose messages are still to be made. */
    run?(payload: ZodPayload, context: ZodContext): ZodPayload | Promise<ZodPayload>
    /** Of a `z.lazy()`. */
    readonly innerType?: ZodSchema
    /** Of a string or a template literal. */
    readonly pattern?: RegExp
  }
}

/** What a schema of zod is given, and what it makes of it. */
export interface ZodPayload {
  value: unknown
  issues: unknown[]
}

export interface ZodContext {
  readonly async: boolean
  /** Makes the message of an issue; `undefined` leaves that to zod. */
  readonly error: (issue: { readonly values?: readonly unknown[] }) => string | undefined
}

/** The parts of zod's definitions that are read here; `type` says which of them are there. */
export interface ZodDef {
  readonly type: string
  readonly checks?: readonly ZodCheck[]
  /** A format such as `z.email()` is a schema and a check in one. */
  readonly check?: string
  readonly coerce?: boolean
  readonly pattern?: RegExp
  readonly format?: string
  readonly fn?: unknown
  readonly innerType?: ZodSchema
  readonly getter?: () => ZodSchema
  readonly in?: ZodSchema
  readonly out?: ZodSchema
  readonly transform?: unknown
  readonly shape?: Readonly<Record<string, ZodSchema>>
  readonly catchall?: ZodSchema
  readonly element?: ZodSchema
  readonly items?: readonly ZodSchema[]
  readonly rest?: ZodSchema | null
  readonly keyType?: ZodSchema
  readonly valueType?: ZodSchema
  /** `loose` for a record that leaves keys alone which its key type does not take. */
  readonly mode?: string
  readonly options?: readonly ZodSchema[]
  readonly discriminator?: string
  readonly left?: ZodSchema
  readonly right?: ZodSchema
  readonly values?: readonly unknown[]
  readonly entries?: Readonly<Record<string, string | number>>
}

/** A rule of a schema, such as `min(3)`. */
interface ZodCheck {
  readonly _zod: { readonly def: ZodCheckDef }
}

export interface ZodCheckDef {
  readonly check?: string
  readonly minimum?: number | bigint
  readonly maximum?: number | bigint
  readonly length?: number
  readonly size?: number
  readonly pattern?: RegExp
  readonly fn?: unknown
  readonly mime?: readonly string[]
  /** Of Formgate's own `accept()`. */
  readonly accept?: readonly string[]
}

/** Whether a value is a schema that Formgate can validate with. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as Partial<Schema>)['~standard']
  return typeof standard?.validate === 'function'
}

/** Whether a value is a schema of zod 4. A schema of zod 3 is one of Standard Schema only. */
export function isZodSchema(value: unknown): value is ZodSchema {
  return (
    typeof value === 'object' && value !== null && typeof (value as Partial<ZodSchema>)._zod?.def === 'object'
  )
}

/** The schema that a `z.lazy()` stands for. */
export function lazySchema(schema: ZodSchema): ZodSchema | undefined {
  // Zod keeps what the getter gave. A second call could give a schema that is equal but not the same.
  return schema._zod.innerType ?? schema._zod.def.getter?.()
}

/** Whether a schema takes everything as it is: `z.any()` and `z.unknown()` without rules of their own. */
export function takesAnything(schema: unknown): boolean {
  if (!isZodSchema(schema)) return false
  const { type, checks = [] } = schema._zod.def
  return ['any', 'unknown'].includes(type) && checks.length === 0
}
