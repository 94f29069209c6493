/** The rules for a value that has several schemas. */
import type { FormTree } from './form-tree.js'
import { takesText } from './node-kinds.js'
import type { Node, UnionNode } from './nodes.js'
import { isPlainObject, plainObject } from './plain-object.js'
import type { Reader } from './reader.js'
import { unfit } from './text-value.js'
import { readUntyped } from './untyped.js'

interface Reading {
  readonly value: unknown
  readonly misfits: number
}

/**
 * Reads the unions and intersections of one form, each place once: those inside each other would otherwise take
 * exponential time.
 */
export class UnionReader {
  readonly #reader: Reader
  /** `undefined` while a node is being read: one that contains itself in the same place has no end. */
  readonly #readings = new Map<FormTree, Map<Node, Reading | undefined>>()

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** A text stays one where an option takes it as a text; otherwise the first option that it fits decides. */
  read(node: UnionNode, tree: FormTree, depth: number): unknown {
    const [entry] = tree.entries
    if (tree.children.size === 0 && tree.entries.length === 1 && entry?.kind === 'text') {
      if (takesText(node, entry.value)) return entry.value
      if (this.#reader.isBlankText(tree)) return this.#reader.readBlank(node)
    }
    return this.readOnce(node, tree, () => this.#readBest(node, tree, depth))
  }

  /** The value of a node in one place. @param read makes it, the first time that it is asked for */
  readOnce(node: Node, tree: FormTree, read: () => unknown): unknown {
    const reader = this.#reader
    let readings = this.#readings.get(tree)
    if (readings === undefined) this.#readings.set(tree, (readings = new Map<Node, Reading | undefined>()))
    if (readings.has(node)) {
      const reading = readings.get(node) ?? { value: readUntyped(tree), misfits: 1 }
      reader.misfits += reading.misfits
      return reading.value
    }
    readings.set(node, undefined)
    const before = reader.misfits
    const value = read()
    readings.set(node, { value, misfits: reader.misfits - before })
    return value
  }

  /** That of the first option which fits; where none does, of the one that fits best. */
  #readBest(node: UnionNode, tree: FormTree, depth: number): unknown {
    const reader = this.#reader
    const before = reader.misfits
    let best: Reading | undefined
    for (const option of inOrder(namedOptions(node, tree), tree)) {
      reader.misfits = before
      const value = reader.read(option, tree, depth)
      const misfits = reader.misfits - before
      if (best === undefined || misfits < best.misfits) best = { value, misfits }
      if (misfits === 0) break
    }
    const { value, misfits } = best ?? { value: readUntyped(tree), misfits: 1 }
    reader.misfits = before + misfits
    return value
  }
}

/** A JSON part that is no list is meant for an option that is none, and only then as the one item of a list. */
function inOrder(options: readonly Node[], { children, entries }: FormTree): readonly Node[] {
  const [entry] = entries
  const isOne = children.size === 0 && entries.length === 1 && entry?.kind === 'parsed'
  if (!isOne || Array.isArray(entry.value)) return options
  const lists = options.filter(({ kind }) => kind === 'list' || kind === 'tuple')
  return lists.length === 0 ? options : [...options.filter((option) => !lists.includes(option)), ...lists]
}

/** The options that a discriminator names; all of them where there is none. */
function namedOptions({ discriminator, options }: UnionNode, tree: FormTree): readonly Node[] {
  if (discriminator === undefined) return options
  const named = options.filter((option) => isNamed(option, discriminator, tree))
  if (named.length > 0) return named
  // The schema refuses what names none of its options, so what the others would make of the fields does not matter.
  const isRefused = tree.entries.length === 0 && options.every((option) => isTagged(option, discriminator))
  return isRefused ? options.slice(0, 1) : options
}

/** Whether a text decides if an option is meant. */
function isTagged(option: Node, discriminator: string): boolean {
  return option.kind === 'object' && option.fields.get(discriminator)?.kind === 'scalar'
}

/** How many unions, intersections and lazy schemas inside each other may stand around the object with a discriminator. */
const deepestOption = 16

function isNamed(option: Node, discriminator: string, tree: FormTree, depth = 0): boolean {
  if (depth > deepestOption) return false
  const isNamedInside = (inner: Node) => isNamed(inner, discriminator, tree, depth + 1)
  switch (option.kind) {
    case 'object': {
      const field = option.fields.get(discriminator)
      const child = tree.children.get(discriminator)
      if (field?.kind !== 'scalar') return false
      if (child === undefined) return field.optional
      const [entry] = child.entries
      return entry?.kind === 'text' && field.read(entry.value) !== unfit
    }
    case 'union':
      return option.options.some(isNamedInside)
    case 'intersection':
      return isNamedInside(option.left) || isNamedInside(option.right)
    case 'lazy':
      return isNamedInside(option.target)
    default:
      return false
  }
}

/**
 * What the two sides of an intersection made of the same form, in one. Of a key that both have, the value that was
 * coerced.
 */
export function mergeSides(left: unknown, right: unknown): unknown {
  if (!isPlainObject(left) || !isPlainObject(right)) return typeof left === 'string' ? right : left
  const merged = Object.assign(plainObject(), right)
  for (const [key, value] of Object.entries(left)) {
    merged[key] = Object.hasOwn(right, key) ? mergeSides(value, right[key]) : value
  }
  return merged
}
