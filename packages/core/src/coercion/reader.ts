/** What the functions that read one kind of node may call. */
import type { Limits } from '../limits.js'
import type { Entry } from '../parsers/data-and-files.js'
import type { Node } from '../schema/form-node.js'
import type { FormTree } from './form-tree.js'

export interface Reader {
  readonly limits: Limits
  /** The number of places that did not fit so far. A union compares its options by it. */
  mismatches: number
  /** Counts a mismatch and returns the value unchanged: the schema reports what is wrong with it. */
  mismatch<Value>(value: Value): Value
  /**
   * Returns the value of a node.
   *
   * @param tree what arrived for it; `undefined` if nothing did
   * @param depth the number of objects and lists around it
   */
  read(node: Node, tree: FormTree | undefined, depth: number): unknown
  /** Returns the tree of an entry that is a list item. */
  itemOf(entry: Entry, node: Node): FormTree
  /** Returns the value of a list item. */
  readItem(node: Node, item: FormTree, depth: number): unknown
  /** Returns the value of a place for which one empty text arrived. */
  readBlank(node: Node): unknown
  /** True if a single empty text arrived and may mean no value. */
  isBlankText(tree: FormTree): boolean
  /** True if a group of fields is optional and all of them are empty. */
  isLeftOut(node: Node, tree: FormTree): boolean
  /** Returns the entries that the node accepts, where a field and a file have the same name. */
  entriesFor(node: Node, tree: FormTree): readonly Entry[]
  /** Returns the value of a JSON part, or an object or list as JSON in the text of a field. */
  wholeValue(node: Node, tree: FormTree): unknown
}
