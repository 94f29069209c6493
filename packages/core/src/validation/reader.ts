/** What the rules for one kind of schema may ask of the walk that they are part of. */
import type { Entry } from '../entries.js'
import type { Limits } from '../limits.js'
import type { FormTree } from './form-tree.js'
import type { Node } from './nodes.js'

export interface Reader {
  readonly limits: Limits
  /** How many places did not fit so far. A union tries its options by it. */
  misfits: number
  /** Counts a value that does not fit, and hands it on as it came: the schema says what is wrong with it. */
  misfit<Value>(value: Value): Value
  /**
   * The value for a node.
   *
   * @param tree what arrived for it; `undefined` where nothing did
   * @param depth how many objects and arrays stand around it
   */
  read(node: Node, tree: FormTree | undefined, depth: number): unknown
  /** The value for a node of which an entry is one item, among others or alone. */
  readItem(node: Node, entry: Entry, depth: number): unknown
  /** The value of a place for which one empty text arrived. */
  readBlank(node: Node): unknown
  /** Whether one empty text is all that arrived, and may stand for nothing. */
  isBlankText(tree: FormTree): boolean
  /** Whether a group of fields may be left out, and all of them were left empty. */
  isLeftOut(node: Node, tree: FormTree): boolean
  /** Where a field and a file have the same name, those that the schema wants. */
  entriesFor(node: Node, tree: FormTree): readonly Entry[]
  /** The value that came in one piece: a JSON part, or an object or array as JSON in the text of a field. */
  wholeValue(node: Node, tree: FormTree, depth: number): unknown
}
