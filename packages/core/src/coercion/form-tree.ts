/** The entries of a form as a tree, by the paths in their names. */

import { BodyError } from '../errors.js'
import type { Entry } from '../parsers/data-and-files.js'
import { isData } from '../parsers/json-values.js'
import { append, fieldPath, isIndex, listHint, type NameLimits } from '../schema/field-path.js'
import type { Node } from '../schema/form-node.js'

/** An object by string keys. */
export type PlainObject = Record<string, unknown>

// V8 reads an object of `Object.create(null)` as a dictionary, at half the speed. An instance of this class is an ordinary
// fast object, and its prototype is empty.
class Bare {
  [key: string]: unknown
  static {
    Reflect.deleteProperty(this.prototype, 'constructor')
    Object.setPrototypeOf(this.prototype, null)
  }
}

/** Makes an object on which `__proto__`, `constructor` and `toString` are ordinary keys. */
export function plainObject(): PlainObject {
  return new Bare()
}

/** True for an object of keys, and not for an array, a file or a date. */
export function isPlainObject(value: unknown): value is PlainObject {
  return isData(value) || value instanceof Bare
}

const none: ReadonlyMap<string, FormTree> = new Map()

/** What arrived for one place of the schema: values, children or both. */
export class FormTree {
  readonly entries: Entry[] = []
  /** The number of entries that `tags[]` added. */
  appended = 0
  #children: Map<string, FormTree> | undefined
  /** The list item that `items[].name` fills, with the names that it has already. */
  #growing: { readonly index: number; readonly names: Set<string> } | undefined
  #isBlank: boolean | undefined

  /** A tree of a single value. */
  static of(entry: Entry): FormTree {
    const tree = new FormTree()
    tree.entries.push(entry)
    return tree
  }

  get children(): ReadonlyMap<string, FormTree> {
    return this.#children ?? none
  }

  /** Adds an entry at the end of its path. */
  add(path: readonly string[], entry: Entry, from = 0): void {
    const key = path[from]
    if (key === undefined) this.entries.push(entry)
    else if (key !== append || from === 0) this.child(key).add(path, entry, from + 1)
    else if (from === path.length - 1) {
      this.appended += 1
      this.entries.push(entry)
    } else this.child(this.#itemFor(path.slice(from + 1))).add(path, entry, from + 1)
  }

  /** The child of a key, created if necessary. */
  child(key: string): FormTree {
    this.#children ??= new Map()
    let child = this.#children.get(key)
    if (child === undefined) this.#children.set(key, (child = new FormTree()))
    return child
  }

  /** The index of the item that `items[].price` belongs to. As in Rails, a name that is repeated begins the next item. */
  #itemFor(path: readonly string[]): string {
    const name = JSON.stringify(path)
    const isAgain = path.at(-1) !== append && this.#growing?.names.has(name)
    if (this.#growing === undefined || isAgain)
      this.#growing = { index: this.children.size, names: new Set() }
    this.#growing.names.add(name)
    return String(this.#growing.index)
  }

  /**
   * The list items that were named by index, in order.
   *
   * @throws BodyError `LIMIT_NESTING` if an index is missing or too high: a number alone must not grow a list
   */
  indexed(limits: NameLimits): readonly FormTree[] {
    const items: FormTree[] = []
    const { size } = this.children
    for (let at = 0; at < size; at += 1) {
      const item = this.children.get(String(at))
      if (item === undefined || at > limits.arrayIndex) {
        throw new BodyError('LIMIT_NESTING', {
          detail:
            at > limits.arrayIndex
              ? 'A list in the field names has too many items.'
              : `A list in the field names has gaps: item ${at} is missing.`,
          hint: listHint,
          field: this.someName,
          limit: limits.arrayIndex,
        })
      }
      items.push(item)
    }
    return items
  }

  /** True if there are children and all of them are list items. */
  get isList(): boolean {
    for (const key of this.children.keys()) if (!isIndex(key)) return false
    return this.children.size > 0
  }

  /** True if only empty texts arrived. Kept, since each option of a union asks; call it when all entries are there. */
  get isBlank(): boolean {
    this.#isBlank ??=
      [...this.children.values()].every((child) => child.isBlank) &&
      this.entries.every((entry) => entry.kind === 'text' && entry.value === '')
    return this.#isBlank
  }

  /** The name of a field in this tree, for a message. */
  get someName(): string | undefined {
    for (const child of this.children.values()) return child.someName
    return this.entries[0]?.name
  }
}

/** Makes the tree of a form, by the names that the root node has a place for. @throws BodyError `LIMIT_NESTING` */
export function plantEntries(root: Node, entries: readonly Entry[], limits: NameLimits): FormTree {
  const tree = new FormTree()
  const keys = root.kind === 'object' ? root.fields : undefined
  for (const entry of entries) {
    const path = keys?.has(entry.name) ? undefined : fieldPath(root, entry.name, limits)
    if (path === undefined) tree.child(entry.name).entries.push(entry)
    else tree.add(path, entry)
  }
  return tree
}

/** The unchanged values of a tree: one value, an array of several, or an object of children. */
export function rawValue(tree: FormTree): unknown {
  if (tree.children.size === 0) {
    return tree.entries.length === 1 ? tree.entries[0]!.value : tree.entries.map((entry) => entry.value)
  }
  const object = plainObject()
  for (const [key, child] of tree.children) object[key] = rawValue(child)
  return object
}
