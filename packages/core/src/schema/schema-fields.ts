/** The fields that a schema names, as plain data. */
import { either, fileTerms, type FileTerms } from './file-rules.js'
import { namedParts, type Node, shapesOf } from './form-node.js'
import { isEndless, isZodSchema, nodeOf, type ZodSchema } from './read-zod.js'
import type { Schema } from './schema.js'
import { NO_MATCH } from './text-value.js'

/** A field on the top level of a schema. */
export interface SchemaField {
  readonly name: string
  /** True if a form without it is refused. An absent checkbox is false, an absent list is empty. */
  readonly required: boolean
}

/** What a schema says of the files in one field. */
interface FileField extends Partial<FileTerms> {
  /** `photos`, `items[].scan`, or `*` for any name. */
  readonly field: string
}

/** The fields on the top level of a schema. */
export function schemaFields(schema: ZodSchema): readonly SchemaField[] {
  return [...fieldsOf(nodeOf(schema))].map(([name, field]) => ({ name, required: !mayBeAbsent(field) }))
}

/** The fields of the object in the place of a node; of a union or an intersection, those of all sides. */
export function fieldsOf(node: Node): ReadonlyMap<string, Node> {
  return new Map(shapesOf(node).flatMap((shape) => (shape.kind === 'object' ? [...shape.fields] : [])))
}

/** True if a form may omit a field: nothing is sent for an unchecked checkbox, an empty list and an object of such fields. */
export function mayBeAbsent(node: Node, around: readonly Node[] = []): boolean {
  if (node.optional || node.kind === 'list' || node.kind === 'record') return true
  if (node.kind === 'scalar') return node.isBoolean && node.read('false') !== NO_MATCH
  if (node.kind !== 'object' || node.nullable || around.includes(node)) return false
  return [...node.fields.values()].every((field) => mayBeAbsent(field, [...around, node]))
}

const maxPlaces = 10_000
/** Of a schema that has no end, since its getters return a new one each time. */
const maxEndless = 200

/** The fields that may hold files, at any depth. A schema that contains itself is cut where it begins again. */
export function fileFields(schema: Schema): readonly FileField[] {
  if (!isZodSchema(schema)) return [{ field: '*' }]
  const root = nodeOf(schema)
  const most = isEndless(schema) ? maxEndless : maxPlaces
  const fields = new Map<string, FileTerms>()
  const places = [{ node: root, path: '', around: new Set<Node>() }]
  // A list that grows during a walk is walked to its new end.
  for (const { node, path, around } of places) {
    const terms = fileTerms(node)
    const parts = namedParts(node)
    if (terms.kind !== 'value' && (path !== '' || parts.length === 0)) {
      const field = path === '' ? '*' : path
      const known = fields.get(field)
      fields.set(field, known === undefined ? terms : either(known, terms))
      continue
    }
    const within = new Set(around).add(node)
    for (const [name, part] of parts)
      if (!within.has(part) && places.length < most)
        places.push({ node: part, path: join(path, name), around: within })
  }
  return [...fields].map(([field, terms]) => ({ ...terms, field }))
}

function join(path: string, name: string): string {
  return path === '' || name === '' || name === '[]' ? path + name : `${path}.${name}`
}
