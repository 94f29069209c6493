/** The value that a schema is asked about, for the fields and files of a form. */
import { mergeEntries, type Entry } from '../parsers/data-and-files.js'
import { coerceForm, type CoerceOptions } from './coerce-form.js'
import { isZodSchema, type Schema, type ZodSchema } from '../schema/schema.js'

/**
 * Makes the value of a form in the user's own way, for schemas of a library that Formgate cannot walk, or instead of
 * that walk.
 *
 * @param data fields and files merged: a text or a file each, an array where a name is repeated, names as they came
 * @param entries the same in the order in which the client sent them
 */
export type Coerce = (data: Record<string, unknown>, entries: readonly Entry[]) => unknown

export interface FormValueOptions extends CoerceOptions {
  readonly coerce?: Coerce
}

/**
 * With a `coerce` of the user's, what that gives; along a schema of zod 4, the coerced form; for any other schema,
 * fields and files merged, every field a text.
 *
 * @throws BodyError `LIMIT_NESTING`
 */
export function formValue(
  schema: Schema | ZodSchema,
  entries: readonly Entry[],
  options: FormValueOptions,
): unknown {
  if (options.coerce !== undefined) return options.coerce(mergeEntries(entries), entries)
  return isZodSchema(schema) ? coerceForm(schema, entries, options) : mergeEntries(entries)
}
