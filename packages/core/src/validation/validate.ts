/** Asks a schema whether it takes a value. */
import { BodyError, type FieldIssue } from '../errors.js'
import { isOwnCodeOnly } from './author-code.js'
import { isZodSchema, type Schema, type ZodSchema } from './schema.js'
import { readStandardIssues } from './standard-issues.js'
import { readZodIssues, type ZodIssue } from './zod-issues.js'

export interface ValidateOptions {
  /** The HTTP status of a value that does not fit. Default 422. */
  readonly status?: number
}

/** The methods that schemas of zod and zod/mini have. */
interface ZodMethods<Output> {
  safeParse(value: unknown): ZodResult<Output>
  safeParseAsync(value: unknown): Promise<ZodResult<Output>>
}

type ZodResult<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly error: { readonly issues: readonly ZodIssue[] } }

/**
 * Validates a value, with every refinement run once.
 *
 * @returns what the schema makes of the value
 * @throws BodyError `VALIDATION_FAILED` with every issue at once, and without the values that were submitted.
 * Whatever the schema itself throws is thrown on: it is a fault of the server.
 */
export async function validate<Output>(
  schema: Schema<Output>,
  value: unknown,
  options: ValidateOptions = {},
): Promise<Output> {
  if (hasZodMethods(schema)) {
    // A schema with an asynchronous refinement would have run half of itself before safeParse() throws.
    const result = isOwnCodeOnly(schema) ? schema.safeParse(value) : await schema.safeParseAsync(value)
    if (result.success) return result.data
    throw validationFailed(readZodIssues(result.error.issues), options)
  }
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  throw validationFailed(readStandardIssues(result.issues, value), options)
}

function hasZodMethods<Output>(
  schema: Schema<Output>,
): schema is Schema<Output> & ZodSchema & ZodMethods<Output> {
  return isZodSchema(schema) && typeof (schema as Partial<ZodMethods<Output>>).safeParseAsync === 'function'
}

function validationFailed(errors: readonly FieldIssue[], { status }: ValidateOptions): BodyError {
  return new BodyError('VALIDATION_FAILED', { errors, ...(status !== undefined && { status }) })
}
