/** The entries of a form as a tree, by the paths in their names. */
import type { Entry } from '../entries.js'
import { BodyError } from '../errors.js'
import { append, isIndex, type NameLimits } from './field-name.js'

const none: ReadonlyMap<string, FormTree> = new Map()

/** The item of a list that `items[].name` fills, and what it already has. */
interface GrowingItem {
  readonly index: number
  readonly names: Set<string>
}

/** What arrived for one place of the schema: values, or children, or both. */
export class FormTree {
  readonly entries: Entry[] = []
  #children: Map<string, FormTree> | undefined
  #growing: GrowingItem | undefined
  #isBlank: boolean | undefined

  /** A tree of one value. */
  static of(entry: Entry): FormTree {
    const tree = new FormTree()
    tree.entries.push(entry)
    return tree
  }

  get children(): ReadonlyMap<string, FormTree> {
    return this.#children ?? none
  }

  /** Puts an entry where its path leads. */
  add(path: readonly string[], entry: Entry, from = 0): void {
    const key = path[from]
    if (key === undefined) this.entries.push(entry)
    else if (key !== append || from === 0) this.child(key).add(path, entry, from + 1)
    else if (from === path.length - 1) this.entries.push(entry)
    else this.child(this.#itemFor(path.slice(from + 1))).add(path, entry, from + 1)
  }

  /** The child of that key, made where it is not there yet. */
  child(key: string): FormTree {
    this.#children ??= new Map()
    let child = this.#children.get(key)
    if (child === undefined) this.#children.set(key, (child = new FormTree()))
    return child
  }

  /** Which item a name such as `items[].price` means. As in Rails, a name that is there already begins the next one. */
  #itemFor(path: readonly string[]): string {
    const name = JSON.stringify(path)
    const isAgain = path.at(-1) !== append && this.#growing?.names.has(name)
    if (this.#growing === undefined || isAgain)
      this.#growing = { index: this.children.size, names: new Set() }
    this.#growing.names.add(name)
    return String(this.#growing.index)
  }

  /**
   * The items of a list that were named by their index, in order.
   *
   * @throws BodyError `LIMIT_NESTING` where an index is left out or too high: a list must not grow by a number alone
   */
  indexed(limits: NameLimits): readonly FormTree[] {
    const items: FormTree[] = []
    const { size } = this.children
    for (let at = 0; at < size; at += 1) {
      const item = this.children.get(String(at))
      if (item === undefined || at > limits.arrayIndex) throw brokenList(this, at, limits)
      items.push(item)
    }
    return items
  }

  /** Whether there are children, all of them items of a list. */
  get isList(): boolean {
    for (const key of this.children.keys()) if (!isIndex(key)) return false
    return this.children.size > 0
  }

  /** Whether nothing but empty texts arrived. Asked when all entries are there, and by each option of a union. */
  get isBlank(): boolean {
    return (this.#isBlank ??= this.#findBlank())
  }

  #findBlank(): boolean {
    for (const child of this.children.values()) if (!child.isBlank) return false
    return this.entries.every((entry) => entry.kind === 'text' && entry.value === '')
  }

  /** The name of a field in this tree, for a message. */
  get someName(): string | undefined {
    for (const child of this.children.values()) return child.someName
    return this.entries[0]?.name
  }
}

function brokenList(tree: FormTree, at: number, limits: NameLimits): BodyError {
  const field = tree.someName
  return new BodyError('LIMIT_NESTING', {
    detail:
      at > limits.arrayIndex
        ? 'A list in the names of the fields has too many items.'
        : `A list in the names of the fields has gaps: it has no item ${at}.`,
    hint: 'Number the items of a list from 0 without gaps, or leave the numbers out: items[].name.',
    ...(field !== undefined && { field }),
    limit: limits.arrayIndex,
  })
}
