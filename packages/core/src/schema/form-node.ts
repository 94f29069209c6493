/** What a schema wants of a form: the schema reduced to the kinds that make a difference to text and files. */

/** One schema, its wrappers (optional, default, readonly, …) taken off. */
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

interface Wrapped {
  /** Whether the schema has its own answer to an absent value: optional, default, prefault, catch. */
  readonly optional: boolean
  readonly nullable: boolean
  /** Whether its key has to be there even with nothing in it: z.undefined() is not optional. */
  readonly needsKey?: boolean
}

/** Something that is one text in a form. */
export interface ScalarNode extends Wrapped {
  readonly kind: 'scalar'
  /** The value that a text stands for, or `NO_MATCH`. */
  readonly read: (text: string) => unknown
  /** Whether the schema takes this text as a text. */
  readonly acceptsText: (text: string) => boolean
  /** Whether an empty text stands for no value. */
  readonly blankIsAbsent: boolean
  /** A checkbox that is not checked is not sent. */
  readonly isBoolean: boolean
  /** Whatever comes is handed on as it is: any, custom, preprocess, a schema that coerces by itself. */
  readonly acceptsAny: boolean
}

export interface FileNode extends Wrapped {
  readonly kind: 'file'
}

export interface ObjectNode extends Wrapped {
  readonly kind: 'object'
  /** By key; filled at the first request, since a recursive schema has no end. */
  readonly fields: ReadonlyMap<string, Node>
  /** What unknown keys have to be, where the schema says so. */
  readonly catchall: Node | undefined
  /** Whether unknown keys are refused. */
  readonly strict: boolean
  /** The keys with a `.` or `[` in them, the longest first: a name cannot be cut at the first of these. */
  readonly punctuatedKeys: readonly string[]
}

/** An array or a set. */
export interface ListNode extends Wrapped {
  readonly kind: 'list'
  readonly element: Node
  readonly isSet: boolean
}

export interface TupleNode extends Wrapped {
  readonly kind: 'tuple'
  readonly items: readonly Node[]
  readonly rest: Node | undefined
}

/** A record or a map. */
export interface RecordNode extends Wrapped {
  readonly kind: 'record'
  readonly key: Node
  readonly value: Node
  readonly isMap: boolean
}

export interface UnionNode extends Wrapped {
  readonly kind: 'union'
  readonly options: readonly Node[]
  readonly discriminator: string | undefined
}

interface IntersectionNode extends Wrapped {
  readonly kind: 'intersection'
  readonly left: Node
  readonly right: Node
}

interface LazyNode extends Wrapped {
  readonly kind: 'lazy'
  readonly target: Node
}

/** What may stand in one place. */
export interface Kinds {
  readonly text: boolean
  readonly file: boolean
}

const text: Kinds = { text: true, file: false }
const file: Kinds = { text: false, file: true }
const both: Kinds = { text: true, file: true }
const neither: Kinds = { text: false, file: false }

// A z.lazy() whose getter makes a new schema each time has no end.
const mostNodes = 1000
const deepestNode = 64

/** What a node takes. A list takes what its items are; an object takes JSON, which is text. */
export function kindsOf(node: Node, seen: Set<Node> = new Set(), depth = 0): Kinds {
  if (seen.has(node) || seen.size === mostNodes || depth === deepestNode) return neither
  seen.add(node)
  const kindsInside = (inner: Node) => kindsOf(inner, seen, depth + 1)
  switch (node.kind) {
    case 'scalar':
      return node.acceptsAny ? both : text
    case 'file':
      return file
    case 'list':
      return kindsInside(node.element)
    case 'tuple':
      return [...node.items, ...(node.rest ? [node.rest] : [])].map(kindsInside).reduce(join, neither)
    case 'union':
      return node.options.map(kindsInside).reduce(join, neither)
    case 'intersection':
      return join(kindsInside(node.left), kindsInside(node.right))
    case 'lazy':
      return kindsInside(node.target)
    default:
      return text
  }
}

function join(left: Kinds, right: Kinds): Kinds {
  return { text: left.text || right.text, file: left.file || right.file }
}

/** Whether a node would take this very text as a text, and not only as what it stands for. */
export function acceptsText(node: Node, value: string, seen?: Set<Node>, depth = 0): boolean {
  // Most nodes are these, and need no memory of where the walk has been.
  if (node.kind === 'scalar') return node.acceptsText(value)
  if (node.kind !== 'union' && node.kind !== 'intersection' && node.kind !== 'lazy') return false
  const known = seen ?? new Set<Node>()
  if (known.has(node) || known.size === mostNodes || depth === deepestNode) return false
  known.add(node)
  const isTextFor = (inner: Node) => acceptsText(inner, value, known, depth + 1)
  if (node.kind === 'union') return node.options.some(isTextFor)
  if (node.kind === 'intersection') return isTextFor(node.left) && isTextFor(node.right)
  return isTextFor(node.target)
}
