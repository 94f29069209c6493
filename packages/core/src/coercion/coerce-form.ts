/** Turns the fields and files of a form into the value that its schema validates. */

import type { Limits } from '../limits.js'
import { type Entry, mergeEntries } from '../parsers/data-and-files.js'
import { JsonMeter, parseJsonText } from '../parsers/json-values.js'
import { acceptsText, type FileNode, kindsOf, type Node, type ScalarNode } from '../schema/form-node.js'
import { isZodSchema, nodeOf, type ZodSchema } from '../schema/read-zod.js'
import type { Schema } from '../schema/schema.js'
import { NO_MATCH, readBoolean } from '../schema/text-value.js'
import { FormTree, plainObject, plantEntries, rawValue } from './form-tree.js'
import { nestEntries } from './nest-entries.js'
import { readFields, readList, readObject, readRecord, readTuple } from './read-containers.js'
import { UnionReader } from './read-union.js'
import type { Reader } from './reader.js'

/**
 * Makes the value of a form itself, instead of the walk along a zod schema.
 *
 * @param data fields and files by name: a text or a file each, an array for a repeated name; objects and lists with the
 * option `nested`
 * @param entries the same in the order in which the client sent them
 */
export type Coerce = (data: Record<string, unknown>, entries: readonly Entry[]) => unknown

/**
 * Returns the value to validate: that of the user's `coerce`, the coerced form for a schema of zod 4, and for any
 * other schema the merged fields and files, in which every field is a text.
 *
 * @throws BodyError `LIMIT_NESTING`; also `MALFORMED_FORM` with the option `nested`
 */
export function formValue(
  schema: Schema | ZodSchema,
  entries: readonly Entry[],
  options: CoerceOptions & { readonly coerce?: Coerce; readonly nested?: boolean },
): unknown {
  const { coerce, nested = false, limits } = options
  if (coerce === undefined && isZodSchema(schema)) return coerceForm(schema, entries, options)
  const merged = nested ? nestEntries(entries, limits) : mergeEntries(entries)
  return coerce === undefined ? merged : coerce(merged, entries)
}

export interface CoerceOptions {
  readonly limits: Limits
  /** Counts the JSON values of the request. Default: a meter for this form alone. */
  readonly jsonMeter?: JsonMeter | undefined
  /**
   * What an empty text means where the schema expects no text: `'absent'`, since browsers submit empty inputs as empty
   * texts, or `'keep'` for an empty text. Default `'absent'`.
   */
  readonly emptyText?: 'absent' | 'keep'
}

/**
 * Walks the entries of a form along a schema: "42" becomes 42 where the schema expects a number, `items[0].price` goes
 * into a list of objects, and an unchecked checkbox becomes false. A text that cannot be coerced stays a text, and an
 * unknown name stays as it is. Nothing is validated here, and the values of a JSON part are never changed.
 *
 * @param entries in the order in which the client sent them
 * @throws BodyError `LIMIT_NESTING` for names and JSON nested too deeply and for lists with gaps; `LIMIT_JSON_VALUES`
 * and `MALFORMED_JSON` for the JSON in a field
 */
export function coerceForm(schema: ZodSchema, entries: readonly Entry[], options: CoerceOptions): unknown {
  const { limits, emptyText = 'absent', jsonMeter = new JsonMeter(limits) } = options
  const root = nodeOf(schema)
  // The value passes unchanged, and an empty form is an object rather than an empty list.
  if (entries.length === 0 && root.kind === 'scalar' && root.acceptsAny) return plainObject()
  const tree = plantEntries(root, entries, limits)
  return new FormReader(limits, jsonMeter, emptyText === 'absent').read(root, tree, 0)
}

/*
 * A schema may contain itself, or return a new one like itself from each getter. These bounds end the walk where no value
 * does.
 */
/** Nested lists of which one value may be the only item. */
const maxItemDepth = 4
/** `z.lazy()` in a row in one place. */
const maxLazyDepth = 16
/** Nested objects for which nothing arrived, and all of them together. */
const maxAbsentDepth = 64
const maxAbsent = 10_000

/** Reads one form. */
class FormReader implements Reader {
  readonly limits: Limits
  mismatches = 0
  readonly #jsonMeter: JsonMeter
  readonly #emptyIsAbsent: boolean
  // Created on demand: most forms need none of these.
  #absent: Set<Node> | undefined
  #absentCount = 0
  #items: Map<Entry, FormTree> | undefined
  /** The nodes around an item that have the same text. */
  #around: Map<FormTree, Set<Node>> | undefined
  #lazyPlace: { readonly tree: FormTree; readonly count: number } | undefined
  #json: Map<Entry, object | undefined> | undefined
  #unions: UnionReader | undefined

  constructor(limits: Limits, jsonMeter: JsonMeter, emptyIsAbsent: boolean) {
    this.limits = limits
    this.#jsonMeter = jsonMeter
    this.#emptyIsAbsent = emptyIsAbsent
  }

  read(node: Node, tree: FormTree | undefined, depth: number): unknown {
    if (tree === undefined) return this.#readAbsent(node)
    if (node.nullable && isNull(node, tree)) return null
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
      case 'intersection':
        return (this.#unions ??= new UnionReader(this)).read(node, tree, depth)
      case 'lazy':
        return this.#readLazy(node, tree, depth)
    }
  }

  itemOf(entry: Entry, node: Node): FormTree {
    if (isSingle(node)) return FormTree.of(entry)
    // The options of a union ask for the same one, since what they contain is read once for each tree.
    let item = this.#items?.get(entry)
    if (item === undefined) (this.#items ??= new Map()).set(entry, (item = FormTree.of(entry)))
    return item
  }

  readItem(node: Node, item: FormTree, depth: number): unknown {
    if (isSingle(node) || item.children.size > 0) return this.read(node, item, depth)
    this.#around ??= new Map<FormTree, Set<Node>>()
    const around = this.#around.get(item) ?? new Set()
    if (around.has(node) || around.size >= maxItemDepth) return this.mismatch(rawValue(item))
    this.#around.set(item, around.add(node))
    const value = this.read(node, item, depth)
    around.delete(node)
    return value
  }

  #readLazy(node: Extract<Node, { kind: 'lazy' }>, tree: FormTree, depth: number): unknown {
    const around = this.#lazyPlace
    const count = around?.tree === tree ? around.count + 1 : 1
    if (count > maxLazyDepth) return this.mismatch(rawValue(tree))
    this.#lazyPlace = { tree, count }
    const value = this.read(node.target, tree, depth)
    this.#lazyPlace = around
    return value
  }

  mismatch<Value>(value: Value): Value {
    this.mismatches += 1
    return value
  }

  /** Returns what a missing name means: an unchecked checkbox, an empty list, or nothing. */
  #readAbsent(node: Node): unknown {
    if (node.optional) return undefined
    this.#absent ??= new Set()
    this.#absentCount += 1
    const isTooFar = this.#absent.size >= maxAbsentDepth || this.#absentCount > maxAbsent
    if (isTooFar || this.#absent.has(node)) return this.mismatch(undefined)
    this.#absent.add(node)
    const value = this.#absentValue(node)
    this.#absent.delete(node)
    return value
  }

  #absentValue(node: Node): unknown {
    switch (node.kind) {
      case 'scalar':
        if (node.isBoolean) return readBox(this, node, false)
        return node.acceptsAny ? undefined : this.mismatch(undefined)
      case 'list':
        return node.isSet ? new Set() : []
      case 'record':
        return node.isMap ? new Map() : plainObject()
      case 'object':
        // Its checkboxes and lists get values, and a missing field is reported with its own path.
        return node.nullable ? this.mismatch(undefined) : readFields(this, node, undefined, undefined, 0)
      case 'lazy':
        return this.#readAbsent(node.target)
      case 'union':
      case 'intersection':
        return (this.#unions ??= new UnionReader(this)).readAbsent(node)
      case 'file':
      case 'tuple':
        return this.mismatch(undefined)
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
    if (kinds.text) return entries.filter((entry) => entry.kind !== 'file')
    if (node.kind !== 'list') return files
    // An empty text among the files of a list is an item where that may be null or absent.
    return entries.filter(
      (entry) =>
        entry.kind === 'file' ||
        this.isBlankText(FormTree.of(entry)) ||
        isNull(node.element, FormTree.of(entry)),
    )
  }

  wholeValue(node: Node, tree: FormTree): unknown {
    const entries = this.entriesFor(node, tree)
    const [entry] = entries
    if (entry === undefined || entries.length > 1) return undefined
    if (entry.kind !== 'text') return entry.kind === 'parsed' ? entry.value : undefined
    // Each option of a union asks for the same text.
    this.#json ??= new Map()
    if (!this.#json.has(entry))
      this.#json.set(entry, parseJsonText(entry.value, entry.name, this.limits, this.#jsonMeter))
    return this.#json.get(entry)
  }
}

/** True for a node of a single text or file. */
function isSingle({ kind }: Node): boolean {
  return kind === 'scalar' || kind === 'file'
}

/** True for the JSON value null, and for the text `null` unless it stands for itself, also as an item of a list. */
function isNull(node: Node, { children, entries }: FormTree): boolean {
  const [entry] = entries
  if (!node.nullable || entry === undefined || entries.length > 1 || children.size > 0) return false
  if (entry.kind !== 'text') return entry.value === null
  return entry.value === 'null' && !acceptsText(node.kind === 'list' ? node.element : node, 'null')
}

/** Reads a text, a number, a date or a choice. */
function readScalar(reader: Reader, node: ScalarNode, tree: FormTree): unknown {
  if (node.blankIsAbsent && reader.isBlankText(tree)) return reader.readBlank(node)
  if (node.acceptsAny) return rawValue(tree)
  const entries = reader.entriesFor(node, tree)
  const [entry] = entries
  if (tree.children.size > 0 || entry === undefined) return reader.mismatch(rawValue(tree))
  if (entries.length > 1) return readRepeated(reader, node, entries)
  if (entry.kind !== 'text') {
    const fits = entry.kind === 'parsed' && (typeof entry.value !== 'object' || entry.value === null)
    return fits ? entry.value : reader.mismatch(entry.value)
  }
  const value = node.read(entry.value)
  return value === NO_MATCH ? reader.mismatch(entry.value) : value
}

/** A checkbox and a hidden field of the same name are both sent. The box is checked if either says so. */
function readRepeated(reader: Reader, node: ScalarNode, entries: readonly Entry[]): unknown {
  const values = entries.map((entry) => entry.value)
  if (!node.isBoolean) return reader.mismatch(values)
  const read = entries.map((entry) => {
    if (entry.kind !== 'text') return entry.value
    return reader.isBlankText(FormTree.of(entry)) ? false : readBoolean(entry.value)
  })
  const isBox = read.every((value) => typeof value === 'boolean')
  return isBox ? readBox(reader, node, read.includes(true)) : reader.mismatch(values)
}

/** A literal accepts only a box that is checked, or only one that is not. */
function readBox(reader: Reader, node: ScalarNode, isChecked: boolean): boolean {
  return node.read(String(isChecked)) === NO_MATCH ? reader.mismatch(isChecked) : isChecked
}

function readFile(reader: Reader, node: FileNode, tree: FormTree): unknown {
  // Scripts append an empty text where no file was chosen.
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const entries = reader.entriesFor(node, tree)
  const [entry] = entries
  if (entry === undefined || tree.children.size > 0) return reader.mismatch(rawValue(tree))
  if (entries.length > 1) return reader.mismatch(entries.map(({ value }) => value))
  return entry.kind === 'file' ? entry.value : reader.mismatch(entry.value)
}
