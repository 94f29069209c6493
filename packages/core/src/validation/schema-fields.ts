/** The fields that a schema names, as plain data. */
import { either, readFileRule, type FileRule } from './file-rule.js'
import type { Node } from './nodes.js'
import { nodeOf } from './read-schema.js'
import { isZodSchema, lazySchema, type Schema, type ZodSchema } from './schema.js'

/** A field on the top level of a schema. */
export interface SchemaField {
  readonly name: string
  /** Whether a form without it is refused. A box or a list that is not there is empty. */
  readonly required: boolean
}

/** What a schema says of the files of one field. */
interface FileField extends Partial<FileRule> {
  /** `photos`, `items[].scan`, or `*` for a name that the schema leaves open. */
  readonly field: string
}

/** The fields on the top level of a schema. */
export function schemaFields(schema: ZodSchema): readonly SchemaField[] {
  return Object.entries(shapeOf(schema)).map(([name, field]) => ({
    name,
    required: !mayBeAbsent(nodeOf(field)),
  }))
}

/** The fields of the object that a schema is about; of an intersection, those of both sides. */
export function shapeOf(schema: ZodSchema): Readonly<Record<string, ZodSchema>> {
  const { def } = schema._zod
  if (def.shape !== undefined) return def.shape
  const inner = [def.innerType, def.in, def.left, def.right, ...(def.options ?? [])]
  return Object.assign({}, ...inner.filter((part) => part !== undefined).map(shapeOf)) as Record<
    string,
    ZodSchema
  >
}

/** Whether a form may leave a field out: it sends nothing for a box that is not checked and for a list without items. */
export function mayBeAbsent(node: Node): boolean {
  return (
    node.optional ||
    node.kind === 'list' ||
    node.kind === 'record' ||
    (node.kind === 'scalar' && node.isBoolean)
  )
}

/*
 * How many schemas inside each other, and how many fields, are described. A getter that makes a new schema each time has no
 * end.
 */
const deepestSchema = 64
const mostFields = 10_000

/** The fields that may hold files, at any depth. A schema that contains itself is cut where it begins again. */
export function fileFields(schema: Schema): readonly FileField[] {
  if (!isZodSchema(schema)) return [{ field: '*' }]
  const rules = new Map<string, FileRule>()
  for (const [field, rule] of walk(schema, '', new Set())) {
    if (rules.size === mostFields) break
    const known = rules.get(field)
    rules.set(field, known === undefined ? rule : either(known, rule))
  }
  return [...rules].map(([field, rule]) => ({ ...rule, field }))
}

function* walk(
  schema: ZodSchema,
  path: string,
  within: ReadonlySet<ZodSchema>,
): Generator<readonly [string, FileRule]> {
  if (within.has(schema) || within.size === deepestSchema) return
  const rule = readFileRule(schema)
  const parts = partsByName(schema)
  if (rule.kind !== 'value' && (path !== '' || parts.length === 0)) yield [path === '' ? '*' : path, rule]
  else for (const [name, part] of parts) yield* walk(part, join(path, name), new Set(within).add(schema))
}

type NamedPart = readonly [name: string, part: ZodSchema]

/** What a schema is made of, by what stands in a field's name for it: nothing for a part in the same place. */
function partsByName(schema: ZodSchema): readonly NamedPart[] {
  const { def } = schema._zod
  switch (def.type) {
    case 'object': {
      const fields = Object.entries(def.shape!)
      return def.catchall === undefined ? fields : [...fields, ['*', def.catchall]]
    }
    case 'array':
      return [['[]', def.element!]]
    case 'set':
      return [['[]', def.valueType!]]
    case 'tuple':
      return [...def.items!, ...(def.rest ? [def.rest] : [])].map((item) => ['[]', item] as const)
    case 'record':
    case 'map':
      return [['*', def.valueType!]]
    case 'lazy':
      return [['', lazySchema(schema)!]]
    case 'pipe':
      return [['', def.in!]]
    case 'union':
      return def.options!.map((option) => ['', option] as const)
    case 'intersection':
      return [
        ['', def.left!],
        ['', def.right!],
      ]
    default:
      return def.innerType === undefined ? [] : [['', def.innerType]]
  }
}

function join(path: string, name: string): string {
  return path === '' || name === '' || name === '[]' ? path + name : `${path}.${name}`
}
