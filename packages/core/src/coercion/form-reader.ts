/** Reads one form along the nodes of its schema. */

import type { Limits } from '../limits.js'
import type { Entry } from '../parsers/data-and-files.js'
import { type JsonMeter, parseJsonText } from '../parsers/json-values.js'
import { keepSentIndexes } from '../schema/field-path.js'
import {
  acceptsText,
  type FileNode,
  type IntersectionNode,
  isList,
  isSided,
  itemAt,
  kindsOf,
  type ListNode,
  type Node,
  type ObjectNode,
  type RecordNode,
  type ScalarNode,
  shapesOf,
  type TupleNode,
  type UnionNode,
  unwrapped,
} from '../schema/form-node.js'
import { NO_MATCH, noTextNode, readBoolean } from '../schema/text-value.js'
import { FormTree, isPlainObject, plainObject, type PlainObject, rawValue } from './form-tree.js'
import { mergeSides } from './merge-nodes.js'

/** What a place is by one node. */
interface Reading {
  readonly value: unknown
  /** The number of places in it that do not fit. */
  readonly mismatches: number
  /** The node without the unions around it; `undefined` if none of their options applies. */
  readonly decided: Node | undefined
}

/** Unions, intersections and lazy schemas in one place: a schema that contains itself there has no end. */
const maxReadings = 500

export class FormReader {
  readonly #root: FormTree
  readonly #limits: Limits
  readonly #jsonMeter: JsonMeter
  readonly #emptyIsAbsent: boolean
  /** The number of places that did not fit so far. A union compares its options by it. */
  #mismatches = 0
  // Created on demand: most forms need none of these.
  #items: Map<Entry, FormTree> | undefined
  #json: Map<Entry, object | undefined> | undefined
  /** Each place by each node, since nested unions would otherwise take exponential time; `undefined` while it is read. */
  #readings: Map<FormTree | undefined, Map<Node, Reading | undefined>> | undefined

  constructor(root: FormTree, limits: Limits, jsonMeter: JsonMeter, emptyIsAbsent: boolean) {
    this.#root = root
    this.#limits = limits
    this.#jsonMeter = jsonMeter
    this.#emptyIsAbsent = emptyIsAbsent
  }

  /** Returns the value of a node. @param tree what arrived for it; `undefined` if nothing did */
  read(node: Node, tree: FormTree | undefined): unknown {
    if (tree === undefined) return this.#readAbsent(node)
    if (isNull(node, tree)) return null
    switch (node.kind) {
      case 'scalar':
        return this.#readScalar(node, tree)
      case 'file':
        return this.#readFile(node, tree)
      case 'object':
        return this.#readObject(node, tree)
      case 'list':
        return this.#readList(node, tree)
      case 'tuple':
        return this.#readTuple(node, tree)
      case 'record':
        return this.#readRecord(node, tree)
      case 'union':
      case 'intersection':
      case 'lazy':
        return this.#readOnce(node, tree)
    }
  }

  /** Counts a mismatch and returns the value unchanged: the schema reports what is wrong with it. */
  #mismatch<Value>(value: Value): Value {
    this.#mismatches += 1
    return value
  }

  /** Returns what a missing name means: an unchecked checkbox, an empty list, or nothing. */
  #readAbsent(node: Node): unknown {
    if (node.optional) return undefined
    switch (node.kind) {
      case 'scalar':
        if (node.isBoolean) return this.#readBox(node, false)
        return node.acceptsAny ? undefined : this.#mismatch(undefined)
      case 'list':
        return node.isSet ? new Set() : []
      case 'record':
        return node.isMap ? new Map() : plainObject()
      case 'file':
      case 'tuple':
        return this.#mismatch(undefined)
      case 'object':
        // Its checkboxes and lists get values, and a missing field is reported with its own path.
        return node.nullable ? this.#mismatch(undefined) : this.#readOnce(node, undefined)
      case 'union':
      case 'intersection':
      case 'lazy':
        return this.#readOnce(node, undefined)
    }
  }

  /** Returns the value of a place for which one empty text arrived. */
  #readBlank(node: Node): unknown {
    return node.nullable && !node.optional ? null : this.#readAbsent(node)
  }

  /** True for an empty text that may mean no value. */
  #isBlank(entry: Entry | undefined): boolean {
    return this.#emptyIsAbsent && entry?.kind === 'text' && entry.value === ''
  }

  #isBlankText({ children, entries }: FormTree): boolean {
    return entries.length === 1 && children.size === 0 && this.#isBlank(entries[0])
  }

  /** Returns the entries that the node accepts, where a field and a file have the same name. */
  #entriesFor(node: Node, { entries }: FormTree): readonly Entry[] {
    if (entries.length < 2) return entries
    const files = entries.filter(({ kind }) => kind === 'file')
    if (files.length === 0 || files.length === entries.length) return entries
    const kinds = kindsOf(node)
    if (kinds.file === kinds.text) return entries
    if (kinds.text) return entries.filter(({ kind }) => kind !== 'file')
    if (node.kind !== 'list') return files
    // An empty text among the files of a list is an item where that may be null or absent.
    return entries.filter(
      (entry) => entry.kind === 'file' || this.#isBlank(entry) || isNullEntry(node.element, entry),
    )
  }

  /** Returns the value of a JSON part, or an object or list as JSON in the text of a field. */
  #wholeValue(node: Node, tree: FormTree): unknown {
    const entries = this.#entriesFor(node, tree)
    const [entry] = entries
    if (entry === undefined || entries.length > 1) return undefined
    if (entry.kind !== 'text') return entry.kind === 'parsed' ? entry.value : undefined
    // Each option of a union asks for the same text.
    this.#json ??= new Map()
    if (!this.#json.has(entry))
      this.#json.set(entry, parseJsonText(entry.value, entry.name, this.#limits, this.#jsonMeter))
    return this.#json.get(entry)
  }

  /** Reads a text, a number, a date or a choice. */
  #readScalar(node: ScalarNode, tree: FormTree): unknown {
    if (node.blankIsAbsent && this.#isBlankText(tree)) return this.#readBlank(node)
    if (node.acceptsAny) return rawValue(tree)
    const entries = this.#entriesFor(node, tree)
    const [entry] = entries
    if (tree.children.size > 0 || entry === undefined) return this.#mismatch(rawValue(tree))
    if (entries.length > 1) return this.#readRepeated(node, entries)
    if (entry.kind !== 'text') {
      const fits = entry.kind === 'parsed' && (typeof entry.value !== 'object' || entry.value === null)
      return fits ? entry.value : this.#mismatch(entry.value)
    }
    const value = node.read(entry.value)
    return value === NO_MATCH ? this.#mismatch(entry.value) : value
  }

  /** A checkbox and a hidden field of the same name are both sent. The box is checked if either says so. */
  #readRepeated(node: ScalarNode, entries: readonly Entry[]): unknown {
    const values = entries.map((entry) => entry.value)
    if (!node.isBoolean) return this.#mismatch(values)
    const read = entries.map((entry) => {
      if (entry.kind !== 'text') return entry.value
      return this.#isBlank(entry) ? false : readBoolean(entry.value)
    })
    const isBox = read.every((value) => typeof value === 'boolean')
    return isBox ? this.#readBox(node, read.includes(true)) : this.#mismatch(values)
  }

  /** A literal accepts only a box that is checked, or only one that is not. */
  #readBox(node: ScalarNode, isChecked: boolean): boolean {
    return node.read(String(isChecked)) === NO_MATCH ? this.#mismatch(isChecked) : isChecked
  }

  #readFile(node: FileNode, tree: FormTree): unknown {
    // Scripts append an empty text where no file was chosen.
    if (this.#isBlankText(tree)) return this.#readBlank(node)
    const entries = this.#entriesFor(node, tree)
    const [entry] = entries
    if (entry === undefined || tree.children.size > 0) return this.#mismatch(rawValue(tree))
    if (entries.length > 1) return this.#mismatch(entries.map(({ value }) => value))
    return entry.kind === 'file' ? entry.value : this.#mismatch(entry.value)
  }

  /** Reads an object from fields with a path in their name, from JSON, or from JSON with files beside it. */
  #readObject(node: ObjectNode, tree: FormTree): unknown {
    if (this.#isBlankText(tree)) return this.#readBlank(node)
    const whole = this.#wholeValue(node, tree)
    const base = isPlainObject(whole) ? whole : undefined
    if (tree.children.size === 0 && tree !== this.#root) return base ?? this.#mismatch(rawValue(tree))
    const before = this.#mismatches
    const object = this.#readFields(node, tree, base)
    // A group of fields that is optional is left out if all of them are empty.
    const isLeftOut = this.#mismatches > before && this.#emptyIsAbsent && node.optional && tree.isBlank
    if (!isLeftOut) return object
    this.#mismatches = before
    return undefined
  }

  /** Reads the fields of an object. @param base the values that came as JSON */
  #readFields(node: ObjectNode, tree: FormTree | undefined, base?: PlainObject): PlainObject {
    const object = plainObject()
    if (base !== undefined) Object.assign(object, base)
    const children = tree?.children
    let known = 0
    for (const [key, field] of node.fields) {
      const child = children?.get(key)
      if (child !== undefined) known += 1
      else if (base !== undefined && Object.hasOwn(base, key)) continue
      const value = this.read(field, child)
      if (value !== undefined || field.needsKey) object[key] = value
    }
    if (children === undefined || children.size === known) return object
    const { catchall } = node
    for (const [key, child] of children) {
      if (node.fields.has(key)) continue
      // Zod 4.1 assigns unknown keys to an ordinary object, where this one sets the prototype.
      if (key === '__proto__' && catchall !== undefined) continue
      if (node.strict) this.#mismatches += 1
      // A strict schema reports unknown keys, any other drops them.
      object[key] = catchall === undefined ? rawValue(child) : this.read(catchall, child)
    }
    return object
  }

  /** Reads a record or a map. */
  #readRecord(node: RecordNode, tree: FormTree): unknown {
    if (this.#isBlankText(tree)) return this.#readBlank(node)
    const whole = this.#wholeValue(node, tree)
    if (node.isMap && isPairs(whole)) return new Map(whole)
    const base = isPlainObject(whole) ? whole : undefined
    if (tree.children.size === 0) {
      if (base === undefined && tree !== this.#root) return this.#mismatch(rawValue(tree))
      // The client chooses the number of keys, and a copy takes as long as parsing them did.
      if (base !== undefined && !node.isMap) return base
    }
    const record = plainObject()
    if (base !== undefined) Object.assign(record, base)
    for (const [key, child] of tree.children) record[key] = this.read(node.value, child)
    if (!node.isMap) return record
    return new Map(Object.entries(record).map(([key, value]) => [readKey(node.key, key), value]))
  }

  /** Reads an array or a set from repeated names, from names with an index, or from JSON. */
  #readList(node: ListNode, tree: FormTree): unknown {
    if (tree.children.size > 0 && !tree.isList) return this.#mismatch(rawValue(tree))
    const whole = this.#wholeValue(node, tree)
    const isWhole = Array.isArray(whole) && tree.children.size === 0 && !isTextItem(node, tree, whole)
    const items: readonly unknown[] = isWhole ? whole : this.#readItems(node, tree)
    if (items.length === 0 && !isWhole && !node.mayBeEmpty && (node.optional || node.nullable))
      return this.#readBlank(node)
    return node.isSet ? new Set(items) : items
  }

  /** Reads a tuple: a list in which each item has its own schema. */
  #readTuple(node: TupleNode, tree: FormTree): unknown {
    if (tree.children.size > 0 && !tree.isList) return this.#mismatch(rawValue(tree))
    if ((node.optional || node.nullable) && this.#isBlankText(tree)) return this.#readBlank(node)
    const whole = this.#wholeValue(node, tree)
    return Array.isArray(whole) && tree.children.size === 0 ? whole : this.#readItems(node, tree)
  }

  #readItems(node: ListNode | TupleNode, tree: FormTree): readonly unknown[] {
    const indexed = tree.indexed(this.#limits)
    const entries = this.#entriesFor(node, tree)
    const count = indexed.length + entries.length
    const items: unknown[] = []
    let sent: number[] | undefined
    for (let at = 0; at < count; at += 1) {
      const itemNode = itemAt(node, at) ?? unexpected
      const item = indexed[at] ?? this.#itemOf(entries[at - indexed.length]!, itemNode)
      const before = this.#mismatches
      const value = this.read(itemNode, item)
      // An empty input is an item only where it has a value. An empty list or object needs an index: `a=` is no item of `a`.
      const hasValue =
        this.#mismatches === before && (at < indexed.length || typeof value !== 'object' || value === null)
      if (node.kind === 'list' && !hasValue && this.#isBlankText(item)) {
        this.#mismatches = before
        sent ??= items.map((_, index) => index)
        continue
      }
      items.push(value)
      sent?.push(at)
    }
    if (sent !== undefined) keepSentIndexes(items, sent)
    return items
  }

  /** Returns the tree of an entry that is a list item. */
  #itemOf(entry: Entry, { kind }: Node): FormTree {
    if (kind === 'scalar' || kind === 'file') return FormTree.of(entry)
    // The options of a union ask for the same one, since what they contain is read once for each tree.
    let item = this.#items?.get(entry)
    if (item === undefined) (this.#items ??= new Map()).set(entry, (item = FormTree.of(entry)))
    return item
  }

  #readOnce(node: Node, tree: FormTree | undefined): unknown {
    const { value, mismatches } = this.#readingOf(node, tree)
    this.#mismatches += mismatches
    return value
  }

  #readingOf(node: Node, tree: FormTree | undefined): Reading {
    this.#readings ??= new Map()
    let readings = this.#readings.get(tree)
    if (readings === undefined) this.#readings.set(tree, (readings = new Map<Node, Reading | undefined>()))
    const known = readings.get(node)
    if (known !== undefined) return known
    // A node that contains itself in the same place, or that contains new ones there without end.
    if (readings.has(node) || (tree !== undefined && readings.size === maxReadings)) return noReading(tree)
    readings.set(node, undefined)
    const reading = this.#newReading(node, tree)
    readings.set(node, reading)
    return reading
  }

  #newReading(node: Node, tree: FormTree | undefined): Reading {
    switch (node.kind) {
      case 'union':
        return this.#readUnion(node, tree)
      case 'intersection':
        return this.#readBoth(node, tree)
      case 'lazy':
        return this.#try(node.target, tree)
      case 'object':
        return this.#uncounted(node, () => this.#readFields(node, tree))
      default:
        return this.#try(node, tree)
    }
  }

  #try(node: Node, tree: FormTree | undefined): Reading {
    return this.#uncounted(this.#decide(node, tree), () => this.read(node, tree))
  }

  /** Reads without counting the mismatches. */
  #uncounted(decided: Node | undefined, read: () => unknown): Reading {
    const before = this.#mismatches
    const value = read()
    const mismatches = this.#mismatches - before
    this.#mismatches = before
    return { value, mismatches, decided }
  }

  /** The node that decides on a place: of a union the option that fits, of an intersection both sides in one. */
  #decide(node: Node, tree: FormTree | undefined): Node | undefined {
    return isSided(node) ? this.#readingOf(node, tree).decided : node
  }

  /** Keeps a text that an option accepts as a text; otherwise the first option that it fits decides. */
  #readUnion(node: UnionNode, tree: FormTree | undefined): Reading {
    if (tree === undefined) return this.#best(node.options, tree)
    const [entry] = tree.entries
    if (tree.children.size === 0 && tree.entries.length === 1 && entry?.kind === 'text') {
      const option = node.options.find((each) => acceptsText(each, entry.value))
      if (option !== undefined)
        return { value: entry.value, mismatches: 0, decided: this.#decide(option, tree) }
      if (this.#isBlank(entry)) return this.#uncounted(undefined, () => this.#readBlank(node))
    }
    return this.#best(inOrder(this.#namedOptions(node, tree), tree), tree)
  }

  /** The first option that fits, or the one with the fewest mismatches. */
  #best(options: readonly Node[], tree: FormTree | undefined): Reading {
    let best: Reading | undefined
    for (const option of options) {
      const reading = this.#try(option, tree)
      // Where nothing arrived, an option such as a text says nothing.
      if (tree === undefined && reading.value === undefined) return noReading(tree)
      if (best === undefined || reading.mismatches < best.mismatches) best = reading
      if (best.mismatches === 0 && tree !== undefined) break
    }
    return best ?? noReading(tree)
  }

  #readBoth(node: IntersectionNode, tree: FormTree | undefined): Reading {
    const left = this.#decide(node.left, tree)
    const right = left && this.#decide(node.right, tree)
    if (left !== undefined && right !== undefined) return this.#try(mergeSides(node, left, right), tree)
    const isBlank = tree !== undefined && this.#isBlankText(tree)
    return isBlank ? this.#uncounted(undefined, () => this.#readBlank(node)) : noReading(tree)
  }

  /** The options that the discriminator selects; all options without a discriminator. */
  #namedOptions({ discriminator, options }: UnionNode, tree: FormTree): readonly Node[] {
    if (discriminator === undefined) return options
    const named = options.filter((option) =>
      shapesOf(option).some((shape) => this.#isNamed(shape, discriminator, tree)),
    )
    if (named.length > 0) return named
    // The schema will refuse a value that selects no option, so one option suffices.
    return tree.entries.length === 0 ? options.slice(0, 1) : options
  }

  #isNamed(option: Node, discriminator: string, tree: FormTree): boolean {
    const field = option.kind === 'object' ? option.fields.get(discriminator) : undefined
    if (field === undefined) return false
    const child = tree.children.get(discriminator)
    const whole = child === undefined ? this.#wholeValue(option, tree) : undefined
    if (isPlainObject(whole) && Object.hasOwn(whole, discriminator)) {
      const value = whole[discriminator]
      return field.kind === 'scalar' && Object.is(field.read(String(value)), value)
    }
    return this.#try(field, child).mismatches === 0
  }
}

/** A place that no option applies to. */
function noReading(tree: FormTree | undefined): Reading {
  return { value: tree && rawValue(tree), mismatches: 1, decided: undefined }
}

/** Tries lists last for a JSON part that is not a list: it could be the single item of one. */
function inOrder(options: readonly Node[], { children, entries }: FormTree): readonly Node[] {
  const [entry] = entries
  const isOne = children.size === 0 && entries.length === 1 && entry?.kind === 'parsed'
  if (!isOne || Array.isArray(entry.value)) return options
  return options.toSorted((left, right) => Number(isList(left)) - Number(isList(right)))
}

function isNull(node: Node, { children, entries }: FormTree): boolean {
  return entries.length === 1 && children.size === 0 && isNullEntry(node, entries[0]!)
}

/** True for the JSON value null, and for the text `null` unless it stands for itself, also as an item of a list. */
function isNullEntry(node: Node, entry: Entry): boolean {
  if (!node.nullable || entry.kind !== 'text') return node.nullable && entry.value === null
  return entry.value === 'null' && !acceptsText(node.kind === 'list' ? node.element : node, 'null')
}

/** True for `[...map]` as JSON. */
function isPairs(value: unknown): value is [unknown, unknown][] {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2)
}

function readKey(node: Node, key: string): unknown {
  const value = node.kind === 'scalar' ? node.read(key) : NO_MATCH
  return value === NO_MATCH ? key : value
}

/** True if a text that looks like JSON is an item in a list of texts, rather than a list of texts itself. */
function isTextItem(
  { element }: ListNode,
  { entries: [entry] }: FormTree,
  list: readonly unknown[],
): boolean {
  if (entry?.kind !== 'text' || (element.kind === 'scalar' && element.acceptsAny)) return false
  return acceptsText(element, entry.value) && !list.every((item) => typeof item === 'string')
}

/** The node of an item that a tuple does not have. */
const unexpected = noTextNode(unwrapped)
