/** A schema reduced to what matters to a form: where text goes, where files go, and what may be absent. */

/** One schema without its wrappers (optional, default, readonly, …). */
export type Node =
  | ScalarNode
  | FileNode
  | ObjectNode
  | ListNode
  | TupleNode
  | RecordNode
  | UnionNode
  | IntersectionNode
  | LazyNode

/** What the wrappers of a schema say. */
export interface Wrapping {
  /** True if the schema has a value for an absent one: optional, default, prefault, catch. */
  readonly optional: boolean
  readonly nullable: boolean
  /** True if a catch replaces an invalid value, so a file must not be refused early. */
  readonly caught: boolean
  /** True if the schema runs code of its author, which may return a promise. */
  readonly runsCode: boolean
  /** The schemas that the value is piped into. */
  readonly outputs: readonly Node[]
  /** True if the key must exist even without a value: `z.undefined()` is not optional. */
  readonly needsKey?: boolean
}

/** A schema without wrappers. */
export const unwrapped: Wrapping = {
  optional: false,
  nullable: false,
  caught: false,
  runsCode: false,
  outputs: [],
}

/** A single text. */
export interface ScalarNode extends Wrapping {
  readonly kind: 'scalar'
  /** Returns the value of a text, or `NO_MATCH`. */
  readonly read: (text: string) => unknown
  /** True if the schema accepts this text as a text. */
  readonly acceptsText: (text: string) => boolean
  /** True if an empty text means no value. */
  readonly blankIsAbsent: boolean
  /** True for a checkbox, which browsers do not send if it is unchecked. */
  readonly isBoolean: boolean
  /** True if values pass unchanged: any, custom, preprocess, a schema that coerces. */
  readonly acceptsAny: boolean
  /** True if a file is among the values that pass. A schema that coerces accepts text only. */
  readonly acceptsFiles: boolean
  /** A value in the place of a schema that is not one of zod's. */
  readonly foreign?: unknown
}

/** The size that a schema allows a file, with what can say so in the schema's words. */
export interface MaxSize {
  readonly bytes: number
  readonly schema: object
  /** The check of that schema. */
  readonly check: unknown
}

export interface FileNode extends Wrapping {
  readonly kind: 'file'
  readonly maxSize: MaxSize | undefined
  /** Lists of media types, ranges and file extensions; a file must match each list. */
  readonly types: readonly (readonly string[])[]
}

export interface ObjectNode extends Wrapping {
  readonly kind: 'object'
  /** By key. Read at the first request: a recursive schema has no end. */
  readonly fields: ReadonlyMap<string, Node>
  /** The schema of unknown keys. */
  readonly catchall: Node | undefined
  /** True if unknown keys are refused. */
  readonly strict: boolean
  /** Keys that contain `.` or `[`: a field name must not be cut inside them. */
  readonly punctuatedKeys: readonly string[]
}

/** An array or a set. */
export interface ListNode extends Wrapping {
  readonly kind: 'list'
  readonly element: Node
  readonly isSet: boolean
  /** True if the schema accepts a list without items. */
  readonly mayBeEmpty: boolean
  readonly maxCount: number | undefined
}

export interface TupleNode extends Wrapping {
  readonly kind: 'tuple'
  readonly items: readonly Node[]
  readonly rest: Node | undefined
}

/** A map, or a record that does not list its keys: one that requires each key of a list is an object. */
export interface RecordNode extends Wrapping {
  readonly kind: 'record'
  readonly key: Node
  /** The only keys, where the schema lists them. */
  readonly keys: ReadonlySet<string> | undefined
  readonly value: Node
  readonly isMap: boolean
}

export interface UnionNode extends Wrapping {
  readonly kind: 'union'
  readonly options: readonly Node[]
  readonly discriminator: string | undefined
}

export interface IntersectionNode extends Wrapping {
  readonly kind: 'intersection'
  readonly left: Node
  readonly right: Node
}

interface LazyNode extends Wrapping {
  readonly kind: 'lazy'
  readonly target: Node
}

/**
 * The nodes inside a node, each with what it adds to a field name: `''` for one in the same place, `'[]'` for items,
 * `'*'` for any key.
 */
export function namedParts(node: Node): readonly (readonly [name: string, part: Node])[] {
  switch (node.kind) {
    case 'scalar':
    case 'file':
      return []
    case 'object':
      return [...node.fields, ...(node.catchall ? ([['*', node.catchall]] as const) : [])]
    case 'list':
      return [['[]', node.element]]
    case 'tuple':
      return [...node.items, ...(node.rest ? [node.rest] : [])].map((item) => ['[]', item])
    case 'record':
      return [['*', node.value]]
    default:
      return sidesOf(node).map((side) => ['', side])
  }
}

/** True for a node that has others in its place. */
export function isSided(node: Node): node is UnionNode | IntersectionNode | LazyNode {
  return node.kind === 'union' || node.kind === 'intersection' || node.kind === 'lazy'
}

/** The nodes in the same place as a union, an intersection or a `z.lazy()`. */
function sidesOf(node: Node): readonly Node[] {
  if (node.kind === 'union') return node.options
  if (node.kind === 'intersection') return [node.left, node.right]
  return node.kind === 'lazy' ? [node.target] : []
}

/** All nodes inside a node, the keys of records and the ends of pipes included. */
export function partsOf(node: Node): readonly Node[] {
  const parts = namedParts(node).map(([, part]) => part)
  return [...parts, ...(node.kind === 'record' ? [node.key] : []), ...node.outputs]
}

export function isList(node: Node): node is ListNode | TupleNode {
  return node.kind === 'list' || node.kind === 'tuple'
}

/** The item of a list, or of a tuple that has one there. */
export function itemAt(node: ListNode | TupleNode, index: number): Node | undefined {
  return node.kind === 'list' ? node.element : (node.items[index] ?? node.rest)
}

/** All nodes or schemas that can be reached from some, themselves included, the nearest first. */
export function reachable<N>(roots: Iterable<N>, inner: (node: N) => Iterable<N>): ReadonlySet<N> {
  const found = new Set(roots)
  // A set that grows during a walk is walked to its new end.
  for (const node of found) for (const part of inner(node)) found.add(part)
  return found
}

/** The nodes in the same place as some, unions, intersections and lazy schemas included. */
export function nodesInPlace(nodes: readonly Node[]): readonly Node[] {
  return [...reachable(nodes, sidesOf)]
}

const shapes = new WeakMap<Node, readonly Node[]>()
const noShape: readonly Node[] = []

/** The objects, lists, tuples and records in the place of a node. */
export function shapesOf(node: Node): readonly Node[] {
  if (node.kind === 'scalar' || node.kind === 'file') return noShape
  let shape = shapes.get(node)
  if (shape === undefined) {
    shape = nodesInPlace([node]).filter(({ kind }) => ['object', 'list', 'tuple', 'record'].includes(kind))
    shapes.set(node, shape)
  }
  return shape
}

/** What a node accepts. A list accepts what its items do; an object accepts JSON, which is text. */
export function kindsOf(node: Node): { readonly text: boolean; readonly file: boolean } {
  const isWhole = ({ kind }: Node) => kind === 'object' || kind === 'record'
  const inner = (each: Node) => (isWhole(each) ? [] : namedParts(each).map(([, part]) => part))
  const found = [...reachable([node], inner)]
  return {
    text: found.some((each) => each.kind === 'scalar' || isWhole(each)),
    file: found.some((each) => each.kind === 'file' || (each.kind === 'scalar' && each.acceptsAny)),
  }
}

/** True if a node accepts a text as it is, rather than as the value that it stands for. */
export function acceptsText(node: Node, text: string, seen?: Set<Node>): boolean {
  if (node.kind === 'scalar') return node.acceptsText(text)
  const sides = sidesOf(node)
  if (sides.length === 0 || seen?.has(node)) return false
  const within = (seen ?? new Set()).add(node)
  const isTextFor = (side: Node) => acceptsText(side, text, within)
  return node.kind === 'intersection' ? sides.every(isTextFor) : sides.some(isTextFor)
}
