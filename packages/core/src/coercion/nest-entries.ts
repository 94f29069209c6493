/** The entries of a form as objects and lists, by the paths in their names alone: no schema says what they are. */

import { BodyError } from '../errors.js'
import { bareRecord, type Entry } from '../parsers/data-and-files.js'
import { quote } from '../parsers/form-limits.js'
import { isIndex, type NameLimits } from '../schema/field-path.js'
import { type RecordNode, unwrapped } from '../schema/form-node.js'
import { FormTree, plantEntries } from './form-tree.js'

/** A record of records without end, in which every name is a path. */
const anyNames: RecordNode = {
  kind: 'record',
  get key() {
    return anyNames
  },
  get value() {
    return anyNames
  },
  keys: undefined,
  isMap: false,
  ...unwrapped,
}

/**
 * Makes objects of `a[b]` and `a.b`, and lists of `a[0]`, `a[]` and repeated names. A name that is no path, such as `a[b`,
 * stays a key.
 *
 * @returns an object without prototype, as are those in it
 * @throws BodyError `MALFORMED_FORM` for names that contradict each other or spell a key that leads to a prototype;
 * `LIMIT_NESTING` for names nested too deeply and for lists with gaps or too many items
 */
export function nestEntries(entries: readonly Entry[], limits: NameLimits): Record<string, unknown> {
  return nestedObject(plantEntries(anyNames, entries, limits), limits)
}

function nestedObject({ children }: FormTree, limits: NameLimits): Record<string, unknown> {
  const object = bareRecord<unknown>()
  for (const [key, child] of children) {
    if (key === '__proto__' || (key === 'constructor' && child.children.has('prototype'))) {
      const field = child.someName ?? ''
      const detail = `The field name ${quote(field)} has a key that leads to a prototype.`
      throw new BodyError('MALFORMED_FORM', { detail, field })
    }
    object[key] = nestedValue(child, limits)
  }
  return object
}

function nestedValue(tree: FormTree, limits: NameLimits): unknown {
  const { entries, children, appended, isList } = tree
  const values = entries.map((entry) => entry.value)
  if (children.size === 0) return values.length === 1 && appended === 0 ? values[0] : values
  if (entries.length > (isList ? appended : 0)) throw contradiction(entries[0]?.name, tree)
  if (isList) return [...tree.indexed(limits).map((item) => nestedValue(item, limits)), ...values]
  const index = [...children.keys()].find(isIndex)
  if (index !== undefined) throw contradiction(children.get(index)?.someName, tree)
  return nestedObject(tree, limits)
}

/** @param name of a field for which the tree is something else than for another field in it */
function contradiction(name: string | undefined, { children }: FormTree): BodyError {
  const others = [...children.values()].map((child) => child.someName)
  const field = others.find((other) => other !== name) ?? ''
  return new BodyError('MALFORMED_FORM', {
    detail: `The field names ${quote(name ?? '')} and ${quote(field)} contradict each other.`,
    hint: 'Let a name stand for one thing: a value (a), a list (a[] or a[0]) or an object (a[b] or a.b).',
    field,
  })
}
