/** Reads unions and intersections. */
import { acceptsText, type Node, shapesOf, type UnionNode } from '../schema/form-node.js'
import { NO_MATCH } from '../schema/text-value.js'
import { type FormTree, isPlainObject, plainObject, rawValue } from './form-tree.js'
import type { Reader } from './reader.js'

interface Reading {
  readonly value: unknown
  readonly mismatches: number
}

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

  /** Keeps a text that an option accepts as a text; otherwise the first option that it fits decides. */
  read(node: UnionNode, tree: FormTree, depth: number): unknown {
    const [entry] = tree.entries
    if (tree.children.size === 0 && tree.entries.length === 1 && entry?.kind === 'text') {
      if (acceptsText(node, entry.value)) return entry.value
      if (this.#reader.isBlankText(tree)) return this.#reader.readBlank(node)
    }
    return this.readOnce(node, tree, () => this.#readBest(node, tree, depth))
  }

  /** Returns the value of a node in one place. @param read makes it, at the first call */
  readOnce(node: Node, tree: FormTree, read: () => unknown): unknown {
    const reader = this.#reader
    let readings = this.#readings.get(tree)
    if (readings === undefined) this.#readings.set(tree, (readings = new Map<Node, Reading | undefined>()))
    if (readings.has(node)) {
      const reading = readings.get(node) ?? { value: rawValue(tree), mismatches: 1 }
      reader.mismatches += reading.mismatches
      return reading.value
    }
    readings.set(node, undefined)
    const before = reader.mismatches
    const value = read()
    readings.set(node, { value, mismatches: reader.mismatches - before })
    return value
  }

  /** Returns the value of the first option that fits, or of the one with the fewest mismatches. */
  #readBest(node: UnionNode, tree: FormTree, depth: number): unknown {
    const reader = this.#reader
    const before = reader.mismatches
    let best: Reading | undefined
    for (const option of inOrder(namedOptions(node, tree), tree)) {
      reader.mismatches = before
      const value = reader.read(option, tree, depth)
      const mismatches = reader.mismatches - before
      if (best === undefined || mismatches < best.mismatches) best = { value, mismatches }
      if (mismatches === 0) break
    }
    const { value, mismatches } = best ?? { value: rawValue(tree), mismatches: 1 }
    reader.mismatches = before + mismatches
    return value
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

/** The options that the discriminator selects; all options without a discriminator. */
function namedOptions({ discriminator, options }: UnionNode, tree: FormTree): readonly Node[] {
  if (discriminator === undefined) return options
  const named = options.filter((option) => isNamed(option, discriminator, tree))
  if (named.length > 0) return named
  // The schema will refuse a value that selects no option, so one option suffices.
  const isRefused = tree.entries.length === 0 && options.every((option) => isTagged(option, discriminator))
  return isRefused ? options.slice(0, 1) : options
}

/** True if a text selects the option. */
function isTagged(option: Node, discriminator: string): boolean {
  return option.kind === 'object' && option.fields.get(discriminator)?.kind === 'scalar'
}

function isNamed(option: Node, discriminator: string, tree: FormTree): boolean {
  const child = tree.children.get(discriminator)
  return shapesOf(option).some((shape) => {
    const field = shape.kind === 'object' ? shape.fields.get(discriminator) : undefined
    if (field?.kind !== 'scalar') return false
    if (child === undefined) return field.optional
    const [entry] = child.entries
    return entry?.kind === 'text' && field.read(entry.value) !== NO_MATCH
  })
}

/**
 * Merges the values that the two sides of an intersection made of one form. Of a key that both have, the coerced value
 * wins.
 */
export function mergeSides(left: unknown, right: unknown): unknown {
  if (!isPlainObject(left) || !isPlainObject(right)) return typeof left === 'string' ? right : left
  const merged = Object.assign(plainObject(), right)
  for (const [key, value] of Object.entries(left)) {
    merged[key] = Object.hasOwn(right, key) ? mergeSides(value, right[key]) : value
  }
  return merged
}
