/** Reads objects, records, lists and tuples. */

import { keepSentIndexes } from '../schema/field-path.js'
import {
  type ListNode,
  type Node,
  type ObjectNode,
  type RecordNode,
  acceptsText,
  type TupleNode,
  unwrapped,
} from '../schema/form-node.js'
import { NO_MATCH, noTextNode } from '../schema/text-value.js'
import { type FormTree, isPlainObject, plainObject, type PlainObject, rawValue } from './form-tree.js'
import type { Reader } from './reader.js'

/** Reads an object from fields with a path in their name, from JSON, or from JSON with files beside it. */
export function readObject(reader: Reader, node: ObjectNode, tree: FormTree, depth: number): unknown {
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const whole = reader.wholeValue(node, tree)
  const base = isPlainObject(whole) ? whole : undefined
  if (tree.children.size === 0 && depth > 0) return base ?? reader.mismatch(rawValue(tree))
  const before = reader.mismatches
  const object = readFields(reader, node, tree, base, depth)
  if (reader.mismatches === before || !reader.isLeftOut(node, tree)) return object
  reader.mismatches = before
  return undefined
}

/**
 * Reads the fields of an object.
 *
 * @param tree `undefined` if nothing arrived
 * @param base the values that came as JSON
 */
export function readFields(
  reader: Reader,
  node: ObjectNode,
  tree: FormTree | undefined,
  base: PlainObject | undefined,
  depth: number,
): PlainObject {
  const object = plainObject()
  if (base !== undefined) Object.assign(object, base)
  const children = tree?.children
  let known = 0
  for (const [key, field] of node.fields) {
    const child = children?.get(key)
    if (child !== undefined) known += 1
    else if (base !== undefined && Object.hasOwn(base, key)) continue
    const value = reader.read(field, child, depth + 1)
    if (value !== undefined || field.needsKey) object[key] = value
  }
  if (children === undefined || children.size === known) return object
  const { catchall } = node
  for (const [key, child] of children) {
    if (node.fields.has(key)) continue
    // Zod 4.1 assigns unknown keys to an ordinary object, where this one sets the prototype.
    if (key === '__proto__' && catchall !== undefined) continue
    if (node.strict) reader.mismatches += 1
    // A strict schema reports unknown keys, any other drops them.
    object[key] = catchall === undefined ? rawValue(child) : reader.read(catchall, child, depth + 1)
  }
  return object
}

/** Reads a record or a map. */
export function readRecord(reader: Reader, node: RecordNode, tree: FormTree, depth: number): unknown {
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const whole = reader.wholeValue(node, tree)
  if (node.isMap && isPairs(whole)) return new Map(whole)
  const base = isPlainObject(whole) ? whole : undefined
  if (base === undefined && tree.children.size === 0 && depth > 0) return reader.mismatch(rawValue(tree))
  // The client chooses the number of keys, and a copy takes as long as parsing them did.
  if (base !== undefined && tree.children.size === 0 && !node.isMap) return base
  const record = plainObject()
  if (base !== undefined) Object.assign(record, base)
  for (const [key, child] of tree.children) record[key] = reader.read(node.value, child, depth + 1)
  if (!node.isMap) return record
  return new Map(Object.entries(record).map(([key, value]) => [readKey(node.key, key), value]))
}

function readKey(node: Node, key: string): unknown {
  if (node.kind !== 'scalar') return key
  const value = node.read(key)
  return value === NO_MATCH ? key : value
}

/** True for `[...map]` as JSON. */
function isPairs(value: unknown): value is [unknown, unknown][] {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2)
}

/** Reads an array or a set from repeated names, from names with an index, or from JSON. */
export function readList(reader: Reader, node: ListNode, tree: FormTree, depth: number): unknown {
  const { element, isSet } = node
  if (tree.children.size > 0 && !tree.isList) return reader.mismatch(rawValue(tree))
  const whole = reader.wholeValue(node, tree)
  const isWhole = Array.isArray(whole) && tree.children.size === 0 && !isTextItem(element, tree, whole)
  const items: readonly unknown[] = isWhole ? whole : readItems(reader, node, tree, depth, () => element)
  if (items.length === 0 && !isWhole && !node.mayBeEmpty && (node.optional || node.nullable))
    return reader.readBlank(node)
  return isSet ? new Set(items) : items
}

/** True if a text that looks like JSON is an item in a list of texts, rather than a list of texts itself. */
function isTextItem(element: Node, { entries: [entry] }: FormTree, list: readonly unknown[]): boolean {
  if (entry?.kind !== 'text' || (element.kind === 'scalar' && element.acceptsAny)) return false
  return acceptsText(element, entry.value) && !list.every((item) => typeof item === 'string')
}

/** Reads a tuple: a list in which each item has its own schema. */
export function readTuple(reader: Reader, node: TupleNode, tree: FormTree, depth: number): unknown {
  if (tree.children.size > 0 && !tree.isList) return reader.mismatch(rawValue(tree))
  if ((node.optional || node.nullable) && reader.isBlankText(tree)) return reader.readBlank(node)
  const whole = reader.wholeValue(node, tree)
  if (Array.isArray(whole) && tree.children.size === 0) return whole
  return readItems(reader, node, tree, depth, (at) => node.items[at] ?? node.rest)
}

/** @param nodeAt returns the node of an item; `undefined` for one too many */
function readItems(
  reader: Reader,
  node: ListNode | TupleNode,
  tree: FormTree,
  depth: number,
  nodeAt: (index: number) => Node | undefined,
): readonly unknown[] {
  const indexed = tree.indexed(reader.limits)
  const entries = reader.entriesFor(node, tree)
  const count = indexed.length + entries.length
  const items: unknown[] = []
  let sent: number[] | undefined
  for (let at = 0; at < count; at += 1) {
    const itemNode = nodeAt(at) ?? unexpected
    const item = indexed[at] ?? reader.itemOf(entries[at - indexed.length]!, itemNode)
    const before = reader.mismatches
    const value = reader.readItem(itemNode, item, depth + 1)
    // An empty input is an item only where it has a value. An empty list or object needs an index: `a=` is no item of `a`.
    const hasValue =
      reader.mismatches === before && (at < indexed.length || typeof value !== 'object' || value === null)
    if (node.kind === 'list' && !hasValue && reader.isBlankText(item)) {
      reader.mismatches = before
      sent ??= items.map((_, index) => index)
      continue
    }
    items.push(value)
    sent?.push(at)
  }
  if (sent !== undefined) keepSentIndexes(items, sent)
  return items
}

/** The node of an item that a tuple does not have. */
const unexpected = noTextNode(unwrapped)
