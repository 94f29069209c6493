/** Turns the fields and files of a form into the value that its schema validates. */

import type { Limits } from '../limits.js'
import { type Entry, mergeEntries } from '../parsers/data-and-files.js'
import { JsonMeter } from '../parsers/json-values.js'
import { isZodSchema, nodeOf, type ZodSchema } from '../schema/read-zod.js'
import type { Schema } from '../schema/schema.js'
import { FormReader } from './form-reader.js'
import { plainObject, plantEntries } from './form-tree.js'
import { nestEntries } from './nest-entries.js'

/**
 * Makes the value of a form itself, instead of the walk along a zod schema.
 *
 * @param data fields and files by name: a text or a file each, an array for a repeated name; objects and lists with the
 * option `nested`
 * @param entries the same in the order in which the client sent them
 */
export type Coerce = (data: Record<string, unknown>, entries: readonly Entry[]) => unknown

/**
 * Returns the value to validate: that of the user's `coerce`, the coerced form for a schema of zod 4, and for any
 * other schema the merged fields and files, in which every field is a text.
 *
 * @throws BodyError `LIMIT_NESTING`; also `MALFORMED_FORM` with the option `nested`
 */
export function formValue(
  schema: Schema | ZodSchema,
  entries: readonly Entry[],
  options: CoerceOptions & { readonly coerce?: Coerce | undefined; readonly nested?: boolean },
): unknown {
  const { coerce, nested = false, limits } = options
  if (coerce === undefined && isZodSchema(schema)) return coerceForm(schema, entries, options)
  const merged = nested ? nestEntries(entries, limits) : mergeEntries(entries)
  return coerce === undefined ? merged : coerce(merged, entries)
}

export interface CoerceOptions {
  readonly limits: Limits
  /** Counts the JSON values of the request. Default: a meter for this form alone. */
  readonly jsonMeter?: JsonMeter | undefined
  /**
   * What an empty text means where the schema expects no text: `'absent'`, since browsers submit empty inputs as empty
   * texts, or `'keep'` for an empty text. Default `'absent'`.
   */
  readonly emptyText?: 'absent' | 'keep' | undefined
}

/**
 * Walks the entries of a form along a schema: "42" becomes 42 where the schema expects a number, `items[0].price` goes
 * into a list of objects, and an unchecked checkbox becomes false. A text that cannot be coerced stays a text, and an
 * unknown name stays as it is. Nothing is validated here, and the values of a JSON part are never changed.
 *
 * @param entries in the order in which the client sent them
 * @throws BodyError `LIMIT_NESTING` for names and JSON nested too deeply and for lists with gaps; `LIMIT_JSON_VALUES`
 * and `MALFORMED_JSON` for the JSON in a field
 */
export function coerceForm(schema: ZodSchema, entries: readonly Entry[], options: CoerceOptions): unknown {
  const { limits, emptyText = 'absent', jsonMeter = new JsonMeter(limits) } = options
  const root = nodeOf(schema)
  // The value passes unchanged, and an empty form is an object rather than an empty list.
  if (entries.length === 0 && root.kind === 'scalar' && root.acceptsAny) return plainObject()
  const tree = plantEntries(root, entries, limits)
  return new FormReader(tree, limits, jsonMeter, emptyText === 'absent').read(root, tree)
}
