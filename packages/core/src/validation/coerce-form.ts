/** Turns the fields and files of a form into the value that a zod schema is asked about. */
import type { Entry } from '../entries.js'
import type { Limits } from '../limits.js'
import { JsonMeter } from '../parsers/json-values.js'
import { FieldPaths } from './field-paths.js'
import { FormReader } from './form-reader.js'
import { FormTree } from './form-tree.js'
import type { Node } from './nodes.js'
import { plainObject } from './plain-object.js'
import { nodeOf } from './read-schema.js'
import type { ZodSchema } from './schema.js'

export interface CoerceOptions {
  readonly limits: Limits
  /** Counts the JSON values of the request. Default: one that counts those of the form. */
  readonly jsonMeter?: JsonMeter | undefined
  /**
   * What an empty text means where the schema wants no text: `'absent'`, as browsers submit an input that was left
   * empty, or `'keep'` for the text that it is. Default `'absent'`.
   */
  readonly emptyText?: 'absent' | 'keep'
}

/**
 * Walks the entries of a form along a schema: "42" becomes 42 where the schema wants a number, `items[0].price` goes
 * into the list of objects that the schema has there, and a box that is not checked is false. What cannot be coerced
 * stays the text that it was; a name that the schema does not have stays as it is. Nothing is validated here.
 *
 * @param schema of zod 4 or zod/mini. The values of a JSON part are never touched.
 * @param entries in the order in which the client sent them
 * @throws BodyError `LIMIT_NESTING` for names and JSON that are nested too deeply, and for lists with gaps;
 * `LIMIT_JSON_VALUES` and `MALFORMED_JSON` for the JSON in a field
 */
export function coerceForm(schema: ZodSchema, entries: readonly Entry[], options: CoerceOptions): unknown {
  const { limits, emptyText = 'absent', jsonMeter = new JsonMeter(limits) } = options
  const root = nodeOf(schema)
  // Whatever comes is handed on as it is, and a form with nothing in it is no list of nothing.
  if (entries.length === 0 && root.kind === 'scalar' && root.takesAll) return plainObject()
  const tree = plantEntries(root, entries, limits)
  return new FormReader({ limits, jsonMeter, emptyIsAbsent: emptyText === 'absent' }).read(root, tree, 0)
}

function plantEntries(root: Node, entries: readonly Entry[], limits: Limits): FormTree {
  const tree = new FormTree()
  const keys = root.kind === 'object' ? root.fields : undefined
  const paths = FieldPaths.of(root, limits)
  for (const entry of entries) {
    const path = keys?.has(entry.name) ? undefined : paths.get(entry.name)
    if (path === undefined) tree.child(entry.name).entries.push(entry)
    else tree.add(path, entry)
  }
  return tree
}
