/** Reads unions and intersections. */
import {
  acceptsText,
  type IntersectionNode,
  type Node,
  shapesOf,
  type UnionNode,
} from '../schema/form-node.js'
import { type FormTree, isPlainObject, rawValue } from './form-tree.js'
import { mergeSides } from './merge-nodes.js'
import type { Reader } from './reader.js'

interface Reading {
  readonly value: unknown
  readonly mismatches: number
  /** Of a union: the option that the value is for. */
  readonly option?: Node | undefined
}

/** Unions, intersections and lazy schemas in one place: a schema that contains itself there has no end. */
const maxDecisions = 1000

/**
 * Reads the unions and intersections of one form, each place once: nested ones would otherwise take exponential time.
 */
export class UnionReader {
  readonly #reader: Reader
  /** `undefined` while a node is being read, so that one that contains itself in the same place ends. */
  readonly #readings = new Map<FormTree, Map<Node, Reading | undefined>>()

  constructor(reader: Reader) {
    this.#reader = reader
  }

  read(node: UnionNode | IntersectionNode, tree: FormTree, depth: number): unknown {
    const { value, mismatches } = this.#readOnce(node, tree, depth)
    this.#reader.mismatches += mismatches
    return value
  }

  /** Returns the value of a place for which nothing arrived. */
  readAbsent(node: UnionNode | IntersectionNode): unknown {
    const reader = this.#reader
    const decided = this.#decide(node, undefined, 0)
    return decided === undefined ? reader.mismatch(undefined) : reader.read(decided, undefined, 0)
  }

  #readOnce(node: UnionNode | IntersectionNode, tree: FormTree, depth: number): Reading {
    let readings = this.#readings.get(tree)
    if (readings === undefined) this.#readings.set(tree, (readings = new Map<Node, Reading | undefined>()))
    if (readings.has(node)) return readings.get(node) ?? { value: rawValue(tree), mismatches: 1 }
    readings.set(node, undefined)
    const reading =
      node.kind === 'union'
        ? this.#readUnion(node, tree, depth)
        : this.#try(() => this.#readBoth(node, tree, depth))
    readings.set(node, reading)
    return reading
  }

  /** Reads without counting the mismatches. */
  #try(read: () => unknown, option?: Node): Reading {
    const reader = this.#reader
    const before = reader.mismatches
    const value = read()
    const mismatches = reader.mismatches - before
    reader.mismatches = before
    return { value, mismatches, option }
  }

  /** Keeps a text that an option accepts as a text; otherwise the first option that it fits decides. */
  #readUnion(node: UnionNode, tree: FormTree, depth: number): Reading {
    const reader = this.#reader
    const [entry] = tree.entries
    if (tree.children.size === 0 && tree.entries.length === 1 && entry?.kind === 'text') {
      const option = node.options.find((each) => acceptsText(each, entry.value))
      if (option !== undefined) return { value: entry.value, mismatches: 0, option }
      if (reader.isBlankText(tree)) return this.#try(() => reader.readBlank(node))
    }
    return (
      this.#best(inOrder(this.#namedOptions(node, tree, depth), tree), tree, depth) ?? {
        value: rawValue(tree),
        mismatches: 1,
      }
    )
  }

  /** The first option that fits, or the one with the fewest mismatches. */
  #best(options: readonly Node[], tree: FormTree | undefined, depth: number): Reading | undefined {
    let best: Reading | undefined
    for (const option of options) {
      const reading = this.#try(() => this.#reader.read(option, tree, depth), option)
      // Where nothing arrived, an option such as a text says nothing.
      if (tree === undefined && reading.value === undefined) return undefined
      if (best === undefined || reading.mismatches < best.mismatches) best = reading
      if (best.mismatches === 0 && tree !== undefined) break
    }
    return best
  }

  #readBoth(node: IntersectionNode, tree: FormTree, depth: number): unknown {
    const reader = this.#reader
    const decided = this.#decide(node, tree, depth)
    if (decided !== undefined) return reader.read(decided, tree, depth)
    return reader.isBlankText(tree) ? reader.readBlank(node) : reader.mismatch(rawValue(tree))
  }

  /**
   * Returns the node by which a place is read once each union has its option: for an intersection both sides in one.
   *
   * @param tree `undefined` if nothing arrived
   */
  #decide(
    node: Node,
    tree: FormTree | undefined,
    depth: number,
    left = { decisions: maxDecisions },
  ): Node | undefined {
    if (left.decisions-- === 0) return undefined
    switch (node.kind) {
      case 'lazy':
        return this.#decide(node.target, tree, depth, left)
      case 'union': {
        const reading =
          tree === undefined ? this.#best(node.options, tree, depth) : this.#readOnce(node, tree, depth)
        return reading?.option && this.#decide(reading.option, tree, depth, left)
      }
      case 'intersection': {
        const one = this.#decide(node.left, tree, depth, left)
        const other = one && this.#decide(node.right, tree, depth, left)
        return one && other && mergeSides(node, one, other)
      }
      default:
        return node
    }
  }

  /** The options that the discriminator selects; all options without a discriminator. */
  #namedOptions({ discriminator, options }: UnionNode, tree: FormTree, depth: number): readonly Node[] {
    if (discriminator === undefined) return options
    const named = options.filter((option) =>
      shapesOf(option).some((shape) => this.#isNamed(shape, discriminator, tree, depth)),
    )
    if (named.length > 0) return named
    // The schema will refuse a value that selects no option, so one option suffices.
    return tree.entries.length === 0 ? options.slice(0, 1) : options
  }

  #isNamed(option: Node, discriminator: string, tree: FormTree, depth: number): boolean {
    const field = option.kind === 'object' ? option.fields.get(discriminator) : undefined
    if (field === undefined) return false
    const child = tree.children.get(discriminator)
    const whole = child === undefined ? this.#reader.wholeValue(option, tree) : undefined
    if (isPlainObject(whole) && Object.hasOwn(whole, discriminator)) {
      const value = whole[discriminator]
      return field.kind === 'scalar' && Object.is(field.read(String(value)), value)
    }
    return this.#try(() => this.#reader.read(field, child, depth + 1)).mismatches === 0
  }
}

/** Tries lists last for a JSON part that is not a list: it could be the single item of one. */
function inOrder(options: readonly Node[], { children, entries }: FormTree): readonly Node[] {
  const [entry] = entries
  const isOne = children.size === 0 && entries.length === 1 && entry?.kind === 'parsed'
  if (!isOne || Array.isArray(entry.value)) return options
  const lists = options.filter(({ kind }) => kind === 'list' || kind === 'tuple')
  return lists.length === 0 ? options : [...options.filter((option) => !lists.includes(option)), ...lists]
}
