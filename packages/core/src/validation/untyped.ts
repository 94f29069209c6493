/** What a form holds for a place where the schema says nothing. */
import type { FormTree } from './form-tree.js'
import { plainObject } from './plain-object.js'

/** A value as it came: one, or an array where there are several. */
export function readUntyped(tree: FormTree): unknown {
  if (tree.children.size === 0) {
    return tree.entries.length === 1 ? tree.entries[0]!.value : tree.entries.map((entry) => entry.value)
  }
  const object = plainObject()
  for (const [key, child] of tree.children) object[key] = readUntyped(child)
  return object
}
