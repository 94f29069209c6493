/** The two sides of an intersection as one node. */
import {
  type IntersectionNode,
  isList,
  itemAt,
  type ListNode,
  type Node,
  type ScalarNode,
  type TupleNode,
  unwrapped,
  type Wrapping,
} from '../schema/form-node.js'
import { NO_MATCH } from '../schema/text-value.js'

interface Merge {
  readonly left: Node
  readonly right: Node
  readonly merged: Node
}

/** The last merge of each intersection. Clients choose the options of the unions in it, so no more are kept. */
const merges = new WeakMap<IntersectionNode, Merge>()

/**
 * Returns the node that accepts what both sides of an intersection accept.
 *
 * @param left the left side, with its unions decided
 * @param right the same for the right side
 */
export function mergeSides(node: IntersectionNode, left: Node, right: Node): Node {
  let merge = merges.get(node)
  if (merge?.left !== left || merge.right !== right)
    merges.set(node, (merge = { left, right, merged: mergeNodes(node, left, right) }))
  return merge.merged
}

function mergeNodes(around: Wrapping, left: Node, right: Node): Node {
  const wrapping = { ...unwrapped, optional: around.optional, nullable: around.nullable }
  const [first, second] = acceptsAny(left) ? [right, right] : acceptsAny(right) ? [left, left] : [left, right]
  if (first.kind === 'record' && second.kind === 'record' && first.isMap === second.isMap) {
    const key = intersect(first.key, second.key)
    return { ...first, ...wrapping, key, value: intersect(first.value, second.value) }
  }
  if (first.kind === 'object' || first.kind === 'record') return mergeObjects(wrapping, first, second)
  if (first.kind === 'list' && second.kind === 'list')
    return { ...first, ...wrapping, element: intersect(first.element, second.element) }
  if (isList(first) && isList(second)) return mergeTuples(wrapping, first, second)
  if (first.kind === 'scalar' && second.kind === 'scalar') return mergeScalars(wrapping, first, second)
  // No value is both, and the schema reports what it is not.
  return { ...first, ...wrapping }
}

function acceptsAny(node: Node): boolean {
  return node.kind === 'scalar' && node.acceptsAny
}

/** The intersection of two nodes inside one of objects or lists; where one side says nothing, the other node. */
function intersect(left: Node, right: Node): Node
function intersect(left: Node | undefined, right: Node | undefined): Node | undefined
function intersect(left: Node | undefined, right: Node | undefined): Node | undefined {
  if (left === undefined || right === undefined) return left ?? right
  if (left === right || acceptsAny(right)) return left
  if (acceptsAny(left)) return right
  const optional = left.optional && right.optional
  const nullable = left.nullable && right.nullable
  return { kind: 'intersection', ...unwrapped, optional, nullable, left, right }
}

/** Merges objects and records. Fields are merged on first use: a schema may contain itself. */
function mergeObjects(wrapping: Wrapping, left: Node, right: Node): Node {
  const othersOf = (side: Node) =>
    side.kind === 'object' ? side.catchall : side.kind === 'record' ? side.value : undefined
  const keysOf = (side: Node) => (side.kind === 'object' ? [...side.fields.keys()] : [])
  const fieldOf = (side: Node, key: string) =>
    (side.kind === 'object' ? side.fields.get(key) : undefined) ?? othersOf(side)
  let fields: Map<string, Node> | undefined
  return {
    kind: 'object',
    ...wrapping,
    get fields() {
      const keys = [left, right].flatMap(keysOf)
      return (fields ??= new Map(
        keys.map((key) => [key, intersect(fieldOf(left, key), fieldOf(right, key))!]),
      ))
    },
    catchall: intersect(othersOf(left), othersOf(right)),
    strict: [left, right].every((side) => side.kind === 'object' && side.strict),
    punctuatedKeys: [],
  }
}

function mergeTuples(wrapping: Wrapping, left: ListNode | TupleNode, right: ListNode | TupleNode): Node {
  const item = (index: number) => intersect(itemAt(left, index), itemAt(right, index))
  const lengths = [left, right].map((side) => (side.kind === 'list' ? 0 : side.items.length))
  const items = Array.from({ length: Math.max(...lengths) }, (_, index) => item(index)!)
  return { kind: 'tuple', ...wrapping, items, rest: item(Infinity) }
}

function mergeScalars(wrapping: Wrapping, left: ScalarNode, right: ScalarNode): ScalarNode {
  return {
    ...left,
    ...wrapping,
    read(text) {
      const values = [left.read(text), right.read(text)]
      if (values.includes(NO_MATCH)) return NO_MATCH
      return typeof values[0] === 'string' ? values[1] : values[0]
    },
    acceptsText: (text) => left.acceptsText(text) && right.acceptsText(text),
    blankIsAbsent: left.blankIsAbsent || right.blankIsAbsent,
    isBoolean: left.isBoolean || right.isBoolean,
  }
}
