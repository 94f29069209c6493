/** Walks what a form holds along the nodes of a schema, and makes the value that the schema is asked about. */
import type { Entry } from '../entries.js'
import type { Limits } from '../limits.js'
import type { JsonMeter } from '../parsers/json-values.js'
import { FormTree } from './form-tree.js'
import { readJson } from './json-text.js'
import { kindsOf, takesText } from './node-kinds.js'
import type { Node } from './nodes.js'
import { plainObject } from './plain-object.js'
import { readList, readTuple } from './read-list.js'
import { readFields, readObject, readRecord } from './read-object.js'
import { readFile, readScalar } from './read-scalar.js'
import { mergeSides, UnionReader } from './read-union.js'
import type { Reader } from './reader.js'
import { readUntyped } from './untyped.js'

interface Settings {
  readonly limits: Limits
  /** Counts the JSON values of the request. */
  readonly jsonMeter: JsonMeter
  /** Whether an empty text may stand for no value. */
  readonly emptyIsAbsent: boolean
}

/*
 * A schema may contain itself, or make a new one like itself each time it is asked (`z.lazy(() => …)`, a getter). These bound
 * how far the walk goes where no value goes with it.
 */
/** How many lists inside each other one value may be the only item of. */
const deepestItem = 8
/** How many `z.lazy()` may follow each other in one place. */
const longestLazy = 16
/** How many objects inside each other, and how many in all, are read though nothing arrived for them. */
const deepestAbsent = 64
const mostAbsent = 10_000

/** Reads one form. */
export class FormReader implements Reader {
  readonly limits: Limits
  misfits = 0
  readonly #jsonMeter: JsonMeter
  readonly #emptyIsAbsent: boolean
  // Made when they are needed, which most forms do not.
  #absent: Set<Node> | undefined
  #absentCount = 0
  #items: Map<Entry, Set<Node>> | undefined
  #lazyPlace: { readonly tree: FormTree; readonly count: number } | undefined
  #json: Map<Entry, object | undefined> | undefined
  #unions: UnionReader | undefined

  constructor({ limits, jsonMeter, emptyIsAbsent }: Settings) {
    this.limits = limits
    this.#jsonMeter = jsonMeter
    this.#emptyIsAbsent = emptyIsAbsent
  }

  read(node: Node, tree: FormTree | undefined, depth: number): unknown {
    if (tree === undefined) return this.#readAbsent(node)
    switch (node.kind) {
      case 'scalar':
        return readScalar(this, node, tree)
      case 'file':
        return readFile(this, node, tree)
      case 'object':
        return readObject(this, node, tree, depth)
      case 'list':
        return readList(this, node, tree, depth)
      case 'tuple':
        return readTuple(this, node, tree, depth)
      case 'record':
        return readRecord(this, node, tree, depth)
      case 'union':
        this.#unions ??= new UnionReader(this)
        return this.#unions.read(node, tree, depth)
      case 'intersection':
        this.#unions ??= new UnionReader(this)
        return this.#unions.readOnce(node, tree, () =>
          mergeSides(this.read(node.left, tree, depth), this.read(node.right, tree, depth)),
        )
      case 'lazy':
        if (node.optional && this.isBlankText(tree) && !takesText(node.target, '')) return undefined
        return this.#readLazy(node, tree, depth)
    }
  }

  readItem(node: Node, entry: Entry, depth: number): unknown {
    const item = FormTree.of(entry)
    if (node.kind === 'scalar' || node.kind === 'file') return this.read(node, item, depth)
    this.#items ??= new Map()
    let around = this.#items.get(entry)
    if (around === undefined) this.#items.set(entry, (around = new Set()))
    if (around.has(node) || around.size >= deepestItem) return this.misfit(readUntyped(item))
    around.add(node)
    const value = this.read(node, item, depth)
    around.delete(node)
    return value
  }

  #readLazy(node: Extract<Node, { kind: 'lazy' }>, tree: FormTree, depth: number): unknown {
    const around = this.#lazyPlace
    const count = around?.tree === tree ? around.count + 1 : 1
    if (count > longestLazy) return this.misfit(readUntyped(tree))
    this.#lazyPlace = { tree, count }
    const value = this.read(node.target, tree, depth)
    this.#lazyPlace = around
    return value
  }

  misfit<Value>(value: Value): Value {
    this.misfits += 1
    return value
  }

  /** What a form says by leaving a name out: an unchecked box, an empty list, or nothing. */
  #readAbsent(node: Node): unknown {
    if (node.optional) return undefined
    this.#absent ??= new Set()
    // A schema that requires itself has no end.
    this.#absentCount += 1
    const isTooFar = this.#absent.size >= deepestAbsent || this.#absentCount > mostAbsent
    if (isTooFar || this.#absent.has(node)) return this.misfit(undefined)
    this.#absent.add(node)
    const value = this.#absentValue(node)
    this.#absent.delete(node)
    return value
  }

  #absentValue(node: Node): unknown {
    switch (node.kind) {
      case 'scalar':
        if (node.isBoolean) return false
        return node.takesAll ? undefined : this.misfit(undefined)
      case 'list':
        return node.isSet ? new Set() : []
      case 'record':
        return node.isMap ? new Map() : plainObject()
      case 'object':
        // So that boxes and lists in it are there, and a missing field is named by its own path.
        return node.nullable ? this.misfit(undefined) : readFields(this, node, undefined, undefined, 0)
      case 'lazy':
        return this.#readAbsent(node.target)
      case 'intersection':
        return mergeSides(this.#readAbsent(node.left), this.#readAbsent(node.right))
      default:
        return this.misfit(undefined)
    }
  }

  readBlank(node: Node): unknown {
    return node.nullable && !node.optional ? null : this.#readAbsent(node)
  }

  isBlankText(tree: FormTree): boolean {
    return this.#emptyIsAbsent && tree.children.size === 0 && tree.entries.length === 1 && tree.isBlank
  }

  isLeftOut(node: Node, tree: FormTree): boolean {
    return this.#emptyIsAbsent && node.optional && tree.isBlank
  }

  entriesFor(node: Node, { entries }: FormTree): readonly Entry[] {
    if (entries.length < 2) return entries
    const files = entries.filter((entry) => entry.kind === 'file')
    if (files.length === 0 || files.length === entries.length) return entries
    const kinds = kindsOf(node)
    if (kinds.file === kinds.text) return entries
    return kinds.file ? files : entries.filter((entry) => entry.kind !== 'file')
  }

  wholeValue(node: Node, tree: FormTree, depth: number): unknown {
    const entries = this.entriesFor(node, tree)
    const [entry] = entries
    if (entry === undefined || entries.length > 1) return undefined
    if (entry.kind !== 'text') return entry.kind === 'parsed' ? entry.value : undefined
    // Each option of a union may ask for the same text.
    this.#json ??= new Map()
    if (!this.#json.has(entry)) {
      const levels = this.limits.nesting - depth
      this.#json.set(entry, readJson(entry.value, levels, entry.name, this.#jsonMeter))
    }
    return this.#json.get(entry)
  }
}
