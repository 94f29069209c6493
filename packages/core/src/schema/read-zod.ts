/** Reads a zod schema into nodes, once. */

import type { ListNode, Node, ObjectNode, RecordNode, ScalarNode, TupleNode, UnionNode } from './form-node.js'
import { lazySchema, type ZodDef, type ZodSchema } from './schema.js'
import {
  readAllowed,
  readBigInt,
  readBoolean,
  readDate,
  readNumber,
  textRules,
  NO_MATCH,
} from './text-value.js'

const nodes = new WeakMap<ZodSchema, Node>()

interface Wrapping {
  optional: boolean
  nullable: boolean
}

/**
 * The node of a schema. A schema is read at its first request, and never again.
 *
 * The fields of an object and the target of a `z.lazy()` are read when they are asked for, so that a recursive schema
 * can be read at all.
 */
export function nodeOf(schema: ZodSchema): Node {
  let node = nodes.get(schema)
  if (node === undefined) {
    const wrapping = { optional: false, nullable: false }
    node = readBare(unwrap(schema, wrapping), wrapping)
    nodes.set(schema, node)
  }
  return node
}

/** Takes the wrappers off a schema and notes what they say about an absent value. */
function unwrap(schema: ZodSchema, wrapping: Wrapping): ZodSchema {
  // From the outside in: a nonoptional makes an optional that is wrapped in it required again.
  let required = false
  for (let current = schema; ;) {
    const { def } = current._zod
    const inner = def.type === 'pipe' ? def.in : def.innerType
    switch (def.type) {
      case 'optional':
        wrapping.optional ||= !required
        break
      case 'default':
      case 'prefault':
      case 'catch':
        wrapping.optional = true
        break
      case 'nonoptional':
        required = true
        break
      case 'nullable':
        wrapping.nullable = true
        break
      case 'pipe':
        if (refusesBlankLater(def)) return current
        break
      case 'readonly':
      case 'promise':
      case 'success':
        break
      default:
        return current
    }
    if (inner === undefined) return current
    current = inner
  }
}

function readBare(schema: ZodSchema, wrapping: Wrapping): Node {
  const { def } = schema._zod
  switch (def.type) {
    case 'file':
      return { kind: 'file', ...wrapping }
    case 'object':
      return objectNode(def, wrapping)
    case 'array':
    case 'set':
      return listNode(def, wrapping)
    case 'tuple':
      return tupleNode(def, wrapping)
    case 'record':
    case 'map':
      return recordNode(def, wrapping)
    case 'union':
      return unionNode(def, wrapping)
    case 'intersection':
      return { kind: 'intersection', ...wrapping, left: nodeOf(def.left!), right: nodeOf(def.right!) }
    case 'lazy':
      return {
        kind: 'lazy',
        ...wrapping,
        get target() {
          return nodeOf(lazySchema(schema)!)
        },
      }
    default:
      return scalarNode(schema, wrapping)
  }
}

function objectNode(def: ZodDef, wrapping: Wrapping): ObjectNode {
  let fields: Map<string, Node> | undefined
  const readFields = () => new Map(Object.entries(def.shape!).map(([key, schema]) => [key, nodeOf(schema)]))
  let punctuated: readonly string[] | undefined
  const catchall = def.catchall?._zod.def.type
  return {
    kind: 'object',
    ...wrapping,
    get fields() {
      return (fields ??= readFields())
    },
    get catchall() {
      return def.catchall === undefined || catchall === 'never' ? undefined : nodeOf(def.catchall)
    },
    strict: catchall === 'never',
    get punctuatedKeys() {
      punctuated ??= Object.keys(def.shape!)
        .filter((key) => /[.[]/.test(key))
        .toSorted((left, right) => right.length - left.length)
      return punctuated
    },
  }
}

function listNode(def: ZodDef, wrapping: Wrapping): ListNode {
  const isSet = def.type === 'set'
  const element = isSet ? def.valueType : def.element
  return { kind: 'list', ...wrapping, element: nodeOf(element!), isSet }
}

function tupleNode(def: ZodDef, wrapping: Wrapping): TupleNode {
  const rest = def.rest == null ? undefined : nodeOf(def.rest)
  return { kind: 'tuple', ...wrapping, items: def.items!.map(nodeOf), rest }
}

function recordNode(def: ZodDef, wrapping: Wrapping): RecordNode {
  const isMap = def.type === 'map'
  return { kind: 'record', ...wrapping, key: nodeOf(def.keyType!), value: nodeOf(def.valueType!), isMap }
}

function unionNode(def: ZodDef, wrapping: Wrapping): UnionNode {
  const options = def.options!.map(nodeOf)
  const optional = wrapping.optional || options.some((option) => option.optional)
  const nullable = wrapping.nullable || options.some((option) => option.nullable)
  const needsKey = options.some((option) => option.needsKey === true)
  return { kind: 'union', optional, nullable, needsKey, options, discriminator: def.discriminator }
}

function scalarNode(schema: ZodSchema, wrapping: Wrapping): ScalarNode {
  const { def } = schema._zod
  const scalar = {
    kind: 'scalar',
    ...wrapping,
    blankIsAbsent: true,
    isBoolean: false,
    acceptsAny: false,
  } as const
  const nothing = () => false
  // A schema that coerces by itself gets the text as it came; only a blank where it may be absent is absent.
  if (def.coerce === true) {
    const blankIsAbsent = wrapping.optional && def.type !== 'string'
    return { ...anything(wrapping), blankIsAbsent, isBoolean: def.type === 'boolean' }
  }
  switch (def.type) {
    case 'string':
      return textNode(def, wrapping)
    case 'template_literal':
      return textNode({ type: 'string', check: 'string_format', pattern: schema._zod.pattern! }, wrapping)
    case 'number':
      return { ...scalar, read: readNumber, acceptsText: nothing }
    case 'bigint':
      return { ...scalar, read: readBigInt, acceptsText: nothing }
    case 'boolean':
      return { ...scalar, read: readBoolean, acceptsText: nothing, isBoolean: true }
    case 'date':
      return { ...scalar, read: readDate, acceptsText: nothing }
    case 'literal':
      return allowedNode(def.values!, wrapping)
    case 'enum':
      return allowedNode(enumValues(def.entries!), wrapping)
    case 'null':
      return allowedNode([null], { ...wrapping, nullable: true })
    case 'nan':
      return allowedNode([NaN], wrapping)
    case 'undefined':
    case 'void':
      return { ...scalar, optional: true, needsKey: true, read: () => NO_MATCH, acceptsText: nothing }
    case 'never':
    case 'symbol':
    case 'function':
      return { ...scalar, blankIsAbsent: false, read: () => NO_MATCH, acceptsText: nothing }
    case 'pipe':
      // Only a pipe whose text must become something else gets here, such as z.stringbool().
      return {
        ...textNode(def.in!._zod.def, wrapping),
        blankIsAbsent: wrapping.optional || wrapping.nullable,
      }
    default:
      return anything(wrapping)
  }
}

function textNode(def: ZodDef, wrapping: Wrapping): ScalarNode {
  const rules = textRules(def)
  const acceptsText = (text: string) => rules.every((rule) => rule(text))
  return {
    kind: 'scalar',
    ...wrapping,
    read: (text) => (acceptsText(text) ? text : NO_MATCH),
    acceptsText,
    // A required text stays the empty text that it is, so that min(1) has its own message.
    blankIsAbsent: (wrapping.optional || wrapping.nullable) && !acceptsText(''),
    isBoolean: false,
    acceptsAny: false,
  }
}

function allowedNode(values: readonly unknown[], wrapping: Wrapping): ScalarNode {
  const read = (text: string) => readAllowed(text, values)
  return {
    kind: 'scalar',
    optional: wrapping.optional || values.includes(undefined),
    nullable: wrapping.nullable || values.includes(null),
    needsKey: values.includes(undefined),
    read,
    acceptsText: (text) => values.includes(text),
    blankIsAbsent: !values.includes(''),
    isBoolean: false,
    acceptsAny: false,
  }
}

function anything(wrapping: Wrapping): ScalarNode {
  const itself = (text: string) => text
  const always = () => true
  const rest = { blankIsAbsent: false, isBoolean: false, acceptsAny: true }
  return { kind: 'scalar', ...wrapping, read: itself, acceptsText: always, ...rest }
}

/** The values of an enum. One of TypeScript with numbers also maps each number to its name. */
function enumValues(entries: Readonly<Record<string, string | number>>): readonly unknown[] {
  const numbers = Object.values(entries).filter((value) => typeof value === 'number')
  return Object.entries(entries)
    .filter(([key]) => !numbers.includes(Number(key)))
    .map(([, value]) => value)
}

// What no text can be: a text that is piped into one of these has to become it on the way.
const notText = new Set([
  'boolean',
  'number',
  'bigint',
  'date',
  'object',
  'array',
  'map',
  'set',
  'record',
  'tuple',
])

/** Whether a pipe takes texts, but certainly not the empty one, though its first schema says nothing about that. */
function refusesBlankLater(def: ZodDef): boolean {
  return def.in?._zod.def.type === 'string' && notText.has(def.out?._zod.def.type ?? '')
}

/** The schemas that a schema is directly made of. */
export function partsOf(schema: ZodSchema): readonly ZodSchema[] {
  const { def } = schema._zod
  const parts = [
    def.innerType,
    def.in,
    def.out,
    def.element,
    def.rest,
    def.keyType,
    def.valueType,
    def.catchall,
    def.left,
    def.right,
    def.type === 'lazy' ? lazySchema(schema) : undefined,
    ...Object.values(def.shape ?? {}),
    ...(def.items ?? []),
    ...(def.options ?? []),
  ]
  return parts.filter((part) => part != null)
}

/*
 * How far a schema is followed: how deep, and how many schemas in all. One that makes a new schema like itself each time it is
 * asked, by `z.lazy()` or a getter, has no end. What was followed stays resolved, and zod walks it with a call for each level.
 */
const deepestSchema = 64
const mostSchemas = 10_000

/**
 * The schemas that are reached from some, themselves included, level by level.
 *
 * @param inner what is directly inside a schema
 * @returns `isComplete` is false if there are more than were followed
 */
export function followSchemas<Each extends object>(
  roots: Iterable<Each>,
  inner: (each: Each) => Iterable<Each>,
): { readonly found: ReadonlySet<Each>; readonly isComplete: boolean } {
  const found = new Set(roots)
  let level: readonly Each[] = [...found]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === deepestSchema || found.size > mostSchemas) return { found, isComplete: false }
    const next: Each[] = []
    for (const each of level) {
      for (const part of inner(each)) {
        if (found.has(part)) continue
        found.add(part)
        next.push(part)
      }
    }
    level = next
  }
  return { found, isComplete: true }
}
