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

/** Reads the unions of one form, each place once: unions inside unions would otherwise take exponential time. */
export class UnionReader {
  readonly #reader: Reader
  readonly #readings = new Map<FormTree, Map<UnionNode, Reading>>()

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
    let readings = this.#readings.get(tree)
    if (readings === undefined) this.#readings.set(tree, (readings = new Map<UnionNode, Reading>()))
    let reading = readings.get(node)
    if (reading === undefined) readings.set(node, (reading = this.#bestReading(node, tree, depth)))
    this.#reader.misfits += reading.misfits
    return reading.value
  }

  /** That of the first option which fits; where none does, of the one that fits best. */
  #bestReading(node: UnionNode, tree: FormTree, depth: number): Reading {
    const reader = this.#reader
    const before = reader.misfits
    let best: Reading | undefined
    for (const option of namedOptions(node, tree)) {
      reader.misfits = before
      const value = reader.read(option, tree, depth)
      const misfits = reader.misfits - before
      if (best === undefined || misfits < best.misfits) best = { value, misfits }
      if (misfits === 0) break
    }
    reader.misfits = before
    return best ?? { value: readUntyped(tree), misfits: 1 }
  }
}

/** The options that a discriminator names; all of them where there is none. */
function namedOptions({ discriminator, options }: UnionNode, tree: FormTree): readonly Node[] {
  if (discriminator === undefined) return options
  const named = options.filter((option) => isNamed(option, discriminator, tree))
  return named.length > 0 ? named : options
}

function isNamed(option: Node, discriminator: string, tree: FormTree): boolean {
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
      return option.options.some((each) => isNamed(each, discriminator, tree))
    case 'intersection':
      return isNamed(option.left, discriminator, tree) || isNamed(option.right, discriminator, tree)
    case 'lazy':
      return isNamed(option.target, discriminator, tree)
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
