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
  /** The value that a text stands for, or `unfit`. */
  readonly read: (text: string) => unknown
  /** Whether the schema takes this text as a text. */
  readonly takesText: (text: string) => boolean
  /** Whether an empty text stands for no value. */
  readonly blankIsAbsent: boolean
  /** A checkbox that is not checked is not sent. */
  readonly isBoolean: boolean
  /** Whatever comes is handed on as it is: any, custom, preprocess, a schema that coerces by itself. */
  readonly takesAll: boolean
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
