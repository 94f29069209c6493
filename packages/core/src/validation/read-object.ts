/** The rules for what has keys. */
import type { FormTree } from './form-tree.js'
import type { Node, ObjectNode, RecordNode } from './nodes.js'
import { isPlainObject, plainObject, type PlainObject } from './plain-object.js'
import type { Reader } from './reader.js'
import { unfit } from './text-value.js'
import { readUntyped } from './untyped.js'

/** An object, from fields with a path in their name, from JSON, or from JSON with files beside it. */
export function readObject(reader: Reader, node: ObjectNode, tree: FormTree, depth: number): unknown {
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const whole = reader.wholeValue(node, tree, depth)
  const base = isPlainObject(whole) ? whole : undefined
  if (tree.children.size === 0 && depth > 0) return base ?? reader.misfit(readUntyped(tree))
  const before = reader.misfits
  const object = readFields(reader, node, tree, base, depth)
  if (reader.misfits === before || !reader.isLeftOut(node, tree)) return object
  reader.misfits = before
  return undefined
}

/**
 * An object by its fields.
 *
 * @param tree `undefined` where nothing arrived
 * @param base what is there already
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
  if (children !== undefined && children.size > known) readUnknown(reader, node, children, object, depth)
  return object
}

/** Unknown names stay, so that a strict schema can report them; any other schema drops them. */
function readUnknown(
  reader: Reader,
  node: ObjectNode,
  children: ReadonlyMap<string, FormTree>,
  object: PlainObject,
  depth: number,
): void {
  const { catchall } = node
  for (const [key, child] of children) {
    if (node.fields.has(key)) continue
    // Zod 4.1 assigns unknown keys to an ordinary object, where this one would become its prototype.
    if (key === '__proto__' && catchall !== undefined) continue
    if (node.strict) reader.misfits += 1
    object[key] = catchall === undefined ? readUntyped(child) : reader.read(catchall, child, depth + 1)
  }
}

/** A record or a map. */
export function readRecord(reader: Reader, node: RecordNode, tree: FormTree, depth: number): unknown {
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const whole = reader.wholeValue(node, tree, depth)
  if (node.isMap && isPairs(whole)) return new Map(whole)
  const base = isPlainObject(whole) ? whole : undefined
  if (base === undefined && tree.children.size === 0 && depth > 0) return reader.misfit(readUntyped(tree))
  // Its keys are the client's, and may be many: a copy takes as long as parsing them did.
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
  return value === unfit ? key : value
}

/** What `[...map]` is in JSON. */
function isPairs(value: unknown): value is [unknown, unknown][] {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2)
}
