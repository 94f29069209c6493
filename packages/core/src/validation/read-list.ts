/** The rules for what has items. */
import { FormTree } from './form-tree.js'
import { takesText } from './node-kinds.js'
import type { ListNode, TupleNode } from './nodes.js'
import type { Reader } from './reader.js'
import { readUntyped } from './untyped.js'

/** An array or a set, from repeated names, from names with an index, or from JSON. */
export function readList(reader: Reader, node: ListNode, tree: FormTree, depth: number): unknown {
  if (tree.children.size > 0 && !tree.isList) return reader.misfit(readUntyped(tree))
  if (node.optional && reader.isBlankText(tree) && !takesText(node.element, '')) return undefined
  const items = wholeList(reader, node, tree, depth) ?? readItems(reader, node, tree, depth)
  return node.isSet ? new Set(items) : items
}

/** A list that came in one piece. */
function wholeList(
  reader: Reader,
  node: ListNode,
  tree: FormTree,
  depth: number,
): readonly unknown[] | undefined {
  const whole = reader.wholeValue(node, tree, depth)
  if (!Array.isArray(whole) || tree.children.size > 0) return undefined
  const items: readonly unknown[] = whole
  const [entry] = tree.entries
  const { element } = node
  // A list of texts takes a text that looks like JSON for one of its items, unless that is a list of texts itself.
  const takesAll = element.kind === 'scalar' && element.takesAll
  const mayBeItem = entry?.kind === 'text' && !takesAll && takesText(element, entry.value)
  return mayBeItem && !items.every((item) => typeof item === 'string') ? undefined : items
}

function readItems(reader: Reader, node: ListNode, tree: FormTree, depth: number): readonly unknown[] {
  const items: unknown[] = []
  for (const item of tree.indexed(reader.limits)) items.push(reader.read(node.element, item, depth + 1))
  for (const entry of reader.entriesFor(node, tree)) {
    // An input that was left empty is no item.
    if (reader.isBlankText(FormTree.of(entry)) && !takesText(node.element, '')) continue
    items.push(reader.readItem(node.element, entry, depth + 1))
  }
  return items
}

/** A tuple: as a list, but each item has a place and a schema of its own. */
export function readTuple(reader: Reader, node: TupleNode, tree: FormTree, depth: number): unknown {
  if (tree.children.size > 0 && !tree.isList) return reader.misfit(readUntyped(tree))
  if (node.optional && reader.isBlankText(tree)) return undefined
  const whole = reader.wholeValue(node, tree, depth)
  if (Array.isArray(whole) && tree.children.size === 0) return whole
  const indexed = tree.indexed(reader.limits)
  const nodeAt = (at: number) => node.items[at] ?? node.rest
  const items = indexed.map((item, at) => {
    const itemNode = nodeAt(at)
    return itemNode === undefined ? reader.misfit(readUntyped(item)) : reader.read(itemNode, item, depth + 1)
  })
  for (const entry of reader.entriesFor(node, tree)) {
    const itemNode = nodeAt(items.length)
    items.push(
      itemNode === undefined ? reader.misfit(entry.value) : reader.readItem(itemNode, entry, depth + 1),
    )
  }
  return items
}
