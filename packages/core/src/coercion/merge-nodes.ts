/** The two sides of an intersection as one node. */
import {
  type IntersectionNode,
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
  switch (first.kind) {
    case 'object':
      return mergeObjects(wrapping, first, second)
    case 'record': {
      if (second.kind !== 'record' || second.isMap !== first.isMap)
        return mergeObjects(wrapping, first, second)
      const { key, value } = second
      return { ...first, ...wrapping, key: intersect(first.key, key), value: intersect(first.value, value) }
    }
    case 'list':
      if (second.kind === 'tuple') return mergeTuples(wrapping, first, second)
      if (second.kind !== 'list') break
      return { ...first, ...wrapping, element: intersect(first.element, second.element) }
    case 'tuple':
      if (second.kind !== 'list' && second.kind !== 'tuple') break
      return mergeTuples(wrapping, first, second)
    case 'scalar':
      return second.kind === 'scalar' ? mergeScalars(wrapping, first, second) : { ...first, ...wrapping }
    default:
  }
  // No value is both, and the schema reports what it is not.
  return first.kind === 'list' || first.kind === 'tuple' || first.kind === 'file'
    ? { ...first, ...wrapping }
    : first
}

function acceptsAny(node: Node): boolean {
  return node.kind === 'scalar' && node.acceptsAny
}

/** The intersection of two nodes inside one of objects or lists. */
function intersect(left: Node, right: Node): Node {
  if (left === right || acceptsAny(right)) return left
  if (acceptsAny(left)) return right
  const optional = left.optional && right.optional
  const nullable = left.nullable && right.nullable
  return { kind: 'intersection', ...unwrapped, optional, nullable, left, right }
}

function intersectAll(nodes: readonly (Node | undefined)[]): Node | undefined {
  return nodes
    .filter((node) => node !== undefined)
    .reduce<Node | undefined>((all, node) => (all === undefined ? node : intersect(all, node)), undefined)
}

/** Merges objects and records. Fields are merged on first use: a schema may contain itself. */
function mergeObjects(wrapping: Wrapping, ...sides: readonly Node[]): Node {
  const fieldsOf = (side: Node) => (side.kind === 'object' ? side.fields : undefined)
  const others = (side: Node) =>
    side.kind === 'object' ? side.catchall : side.kind === 'record' ? side.value : undefined
  let fields: Map<string, Node> | undefined
  return {
    kind: 'object',
    ...wrapping,
    get fields() {
      if (fields === undefined) {
        fields = new Map()
        for (const key of sides.flatMap((side) => [...(fieldsOf(side)?.keys() ?? [])]))
          fields.set(key, intersectAll(sides.map((side) => fieldsOf(side)?.get(key) ?? others(side)))!)
      }
      return fields
    },
    get catchall() {
      return intersectAll(sides.map(others))
    },
    strict: sides.every((side) => side.kind === 'object' && side.strict),
    punctuatedKeys: [],
  }
}

function mergeTuples(wrapping: Wrapping, left: ListNode | TupleNode, right: ListNode | TupleNode): Node {
  const item = (index: number) => intersectAll([itemAt(left, index), itemAt(right, index)])
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
