/** The value that a schema is asked about, for the fields and files of a form. */

import type { Limits } from '../limits.js'
import { type Entry, mergeEntries } from '../parsers/data-and-files.js'
import { JsonMeter } from '../parsers/json-values.js'
import { FieldPaths } from '../schema/field-path.js'
import { kindsOf, type Node, acceptsText } from '../schema/form-node.js'
import { nodeOf } from '../schema/read-zod.js'
import { isZodSchema, type Schema, type ZodSchema } from '../schema/schema.js'
import { FormTree, rawValue } from './form-tree.js'
import { plainObject, readJson } from './plain-object.js'
import { readFields, readList, readObject, readRecord, readTuple } from './read-containers.js'
import { readFile, readScalar } from './read-scalar.js'
import { mergeSides, UnionReader } from './read-union.js'
import type { Reader } from './reader.js'

/**
 * Makes the value of a form in the user's own way, for schemas of a library that Formgate cannot walk, or instead of
 * that walk.
 *
 * @param data fields and files merged: a text or a file each, an array where a name is repeated, names as they came
 * @param entries the same in the order in which the client sent them
 */
export type Coerce = (data: Record<string, unknown>, entries: readonly Entry[]) => unknown

export interface FormValueOptions extends CoerceOptions {
  readonly coerce?: Coerce
}

/**
 * With a `coerce` of the user's, what that gives; along a schema of zod 4, the coerced form; for any other schema,
 * fields and files merged, every field a text.
 *
 * @throws BodyError `LIMIT_NESTING`
 */
export function formValue(
  schema: Schema | ZodSchema,
  entries: readonly Entry[],
  options: FormValueOptions,
): unknown {
  if (options.coerce !== undefined) return options.coerce(mergeEntries(entries), entries)
  return isZodSchema(schema) ? coerceForm(schema, entries, options) : mergeEntries(entries)
}

export interface CoerceOptions {
  readonly limits: Limits
  /** Counts the JSON values of the request. Default: one that counts those of the form. */
  readonly jsonMeter?: JsonMeter | undefined
  /**
   * What an empty text means where the schema wants no text: `'absent'`, as browsers submit an input that was left
   * empty, or `'keep'` for the text that it is. Default `'absent'`.
   */
  readonly emptyText?: 'absent' | 'keep'
}

/**
 * Walks the entries of a form along a schema: "42" becomes 42 where the schema wants a number, `items[0].price` goes
 * into the list of objects that the schema has there, and a box that is not checked is false. What cannot be coerced
 * stays the text that it was; a name that the schema does not have stays as it is. Nothing is validated here.
 *
 * @param schema of zod 4 or zod/mini. The values of a JSON part are never touched.
 * @param entries in the order in which the client sent them
 * @throws BodyError `LIMIT_NESTING` for names and JSON that are nested too deeply, and for lists with gaps;
 * `LIMIT_JSON_VALUES` and `MALFORMED_JSON` for the JSON in a field
 */
export function coerceForm(schema: ZodSchema, entries: readonly Entry[], options: CoerceOptions): unknown {
  const { limits, emptyText = 'absent', jsonMeter = new JsonMeter(limits) } = options
  const root = nodeOf(schema)
  // Whatever comes is handed on as it is, and a form with nothing in it is no list of nothing.
  if (entries.length === 0 && root.kind === 'scalar' && root.acceptsAny) return plainObject()
  const tree = plantEntries(root, entries, limits)
  return new FormReader({ limits, jsonMeter, emptyIsAbsent: emptyText === 'absent' }).read(root, tree, 0)
}

function plantEntries(root: Node, entries: readonly Entry[], limits: Limits): FormTree {
  const tree = new FormTree()
  const keys = root.kind === 'object' ? root.fields : undefined
  const paths = FieldPaths.of(root, limits)
  for (const entry of entries) {
    const path = keys?.has(entry.name) ? undefined : paths.get(entry.name)
    if (path === undefined) tree.child(entry.name).entries.push(entry)
    else tree.add(path, entry)
  }
  return tree
}

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
class FormReader implements Reader {
  readonly limits: Limits
  mismatches = 0
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
        if (node.optional && this.isBlankText(tree) && !acceptsText(node.target, '')) return undefined
        return this.#readLazy(node, tree, depth)
    }
  }

  readItem(node: Node, entry: Entry, depth: number): unknown {
    const item = FormTree.of(entry)
    if (node.kind === 'scalar' || node.kind === 'file') return this.read(node, item, depth)
    this.#items ??= new Map()
    let around = this.#items.get(entry)
    if (around === undefined) this.#items.set(entry, (around = new Set()))
    if (around.has(node) || around.size >= deepestItem) return this.mismatch(rawValue(item))
    around.add(node)
    const value = this.read(node, item, depth)
    around.delete(node)
    return value
  }

  #readLazy(node: Extract<Node, { kind: 'lazy' }>, tree: FormTree, depth: number): unknown {
    const around = this.#lazyPlace
    const count = around?.tree === tree ? around.count + 1 : 1
    if (count > longestLazy) return this.mismatch(rawValue(tree))
    this.#lazyPlace = { tree, count }
    const value = this.read(node.target, tree, depth)
    this.#lazyPlace = around
    return value
  }

  mismatch<Value>(value: Value): Value {
    this.mismatches += 1
    return value
  }

  /** What a form says by leaving a name out: an unchecked box, an empty list, or nothing. */
  #readAbsent(node: Node): unknown {
    if (node.optional) return undefined
    this.#absent ??= new Set()
    // A schema that requires itself has no end.
    this.#absentCount += 1
    const isTooFar = this.#absent.size >= deepestAbsent || this.#absentCount > mostAbsent
    if (isTooFar || this.#absent.has(node)) return this.mismatch(undefined)
    this.#absent.add(node)
    const value = this.#absentValue(node)
    this.#absent.delete(node)
    return value
  }

  #absentValue(node: Node): unknown {
    switch (node.kind) {
      case 'scalar':
        if (node.isBoolean) return false
        return node.acceptsAny ? undefined : this.mismatch(undefined)
      case 'list':
        return node.isSet ? new Set() : []
      case 'record':
        return node.isMap ? new Map() : plainObject()
      case 'object':
        // So that boxes and lists in it are there, and a missing field is named by its own path.
        return node.nullable ? this.mismatch(undefined) : readFields(this, node, undefined, undefined, 0)
      case 'lazy':
        return this.#readAbsent(node.target)
      case 'intersection':
        return mergeSides(this.#readAbsent(node.left), this.#readAbsent(node.right))
      default:
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
