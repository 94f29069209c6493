/** JSON Schema, made fit to stand inside a larger document. */

export type JsonSchema = Record<string, unknown>

/**
 * A copy in which each `$ref` to the schema itself or to one of its `$defs` is what it refers to, since inside another
 * document it would refer to that one. Where a schema contains itself, it is cut: anything may stand there.
 */
export function inlineReferences(root: JsonSchema): JsonSchema {
  return inline(root, root, []) as JsonSchema
}

// What only has a meaning at the root of a document.
const rootKeys = new Set(['$schema', '$defs', 'definitions', '$id', 'id', '~standard'])

function inline(value: unknown, root: JsonSchema, within: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((item) => inline(item, root, within))
  if (typeof value !== 'object' || value === null) return value
  const target = '$ref' in value ? find(String(value.$ref), root) : value
  if (within.includes(target)) return {}
  const copy: JsonSchema = {}
  for (const [key, part] of Object.entries({ ...target, ...value })) {
    const isName = within.at(-1) === 'properties'
    if (key === '$ref' || (!isName && rootKeys.has(key))) continue
    copy[key] = inline(part, root, [...within, target, key])
  }
  return copy
}

function find(reference: string, root: JsonSchema): object {
  let found: unknown = root
  for (const key of reference.split('/').slice(1)) {
    found = (found as JsonSchema | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return typeof found === 'object' && found !== null ? found : {}
}
