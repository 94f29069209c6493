/** Remembers how the names of a form's fields were cut: the next form has the same ones. */
import { cutFieldName, type NameLimits } from './field-name.js'
import type { Node } from './nodes.js'

// Clients choose the names, so what is remembered has an end. A form rarely has more fields than this.
const mostNames = 1000

const known = new WeakMap<Node, FieldPaths>()

/** The paths of the names of one schema. */
export class FieldPaths {
  readonly #root: Node
  readonly #limits: NameLimits
  readonly #paths = new Map<string, readonly string[]>()

  private constructor(root: Node, limits: NameLimits) {
    this.#root = root
    this.#limits = limits
  }

  static of(root: Node, limits: NameLimits): FieldPaths {
    let paths = known.get(root)
    if (paths === undefined || paths.#limits !== limits)
      known.set(root, (paths = new FieldPaths(root, limits)))
    return paths
  }

  /** As `cutFieldName()`. */
  get(name: string): readonly string[] | undefined {
    let path = this.#paths.get(name)
    if (path !== undefined) return path
    path = cutFieldName(this.#root, name, this.#limits)
    if (path === undefined) return undefined
    if (this.#paths.size === mostNames) this.#paths.clear()
    this.#paths.set(name, path)
    return path
  }
}
