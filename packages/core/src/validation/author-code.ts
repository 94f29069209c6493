/** Whether a zod schema runs code of its author, which may be asynchronous. */
import { followSchemas, partsOf } from './schema-parts.js'
import type { ZodSchema } from './schema.js'

// The rules that are zod's own, and synchronous. `property` is not: it asks another schema.
const ownChecks: ReadonlySet<string | undefined> = new Set([
  undefined,
  'less_than',
  'greater_than',
  'multiple_of',
  'number_format',
  'bigint_format',
  'max_size',
  'min_size',
  'size_equals',
  'max_length',
  'min_length',
  'length_equals',
  'string_format',
  'mime_type',
  'overwrite',
])

const ownTypes: ReadonlySet<string> = new Set([
  'string',
  'number',
  'int',
  'boolean',
  'bigint',
  'date',
  'undefined',
  'null',
  'void',
  'any',
  'unknown',
  'never',
  'nan',
  'symbol',
  'literal',
  'enum',
  'file',
  'template_literal',
  'object',
  'array',
  'tuple',
  'record',
  'map',
  'set',
  'union',
  'intersection',
  'optional',
  'nullable',
  'nonoptional',
  'default',
  'prefault',
  'catch',
  'readonly',
  'success',
  'lazy',
  'pipe',
])

const answers = new WeakMap<ZodSchema, boolean>()

/** Whether a schema certainly has nothing in it that could return a promise: no refinement, transform or codec. */
export function isOwnCodeOnly(schema: ZodSchema): boolean {
  let answer = answers.get(schema)
  if (answer === undefined) answers.set(schema, (answer = hasOwnCodeOnly(schema)))
  return answer
}

function hasOwnCodeOnly(schema: ZodSchema): boolean {
  const { found, isWhole } = followSchemas([schema], partsOf)
  return isWhole && ![...found].some(mayRunAuthorCode)
}

function mayRunAuthorCode({ _zod: { def } }: ZodSchema): boolean {
  if (!ownTypes.has(def.type) || def.transform !== undefined) return true
  const checks = [def.check, ...(def.checks ?? []).map((check) => check._zod.def.check)]
  return !checks.every((check) => ownChecks.has(check))
}
