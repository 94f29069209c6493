/** The only reader of zod's definitions. */
import type { $ZodChecks, $ZodCustom, $ZodLazy, $ZodTypes } from 'zod/v4/core'
import { acceptedTypes } from '../checks/accept.js'
import {
  type FileNode,
  type ListNode,
  type Node,
  type ObjectNode,
  partsOf,
  reachable,
  type RecordNode,
  type ScalarNode,
  unwrapped,
  type Wrapping,
} from './form-node.js'
import {
  allowedNode,
  anything,
  coercedNode,
  formatRule,
  noTextNode,
  textNode,
  type TextRule,
  valueNode,
} from './text-value.js'

/**
 * A schema of zod 4, zod/mini or another library on zod's core. Zod itself is never imported: its definitions are plain
 * data that is the same in 3.25 (`zod/v4`) to 4.6, in any mix of versions.
 */
export interface ZodSchema {
  readonly _zod: { readonly def: { readonly type: string } }
}

/** The type of the definition of a schema. */
export type DefinitionOf<S extends ZodSchema> = S['_zod']['def']

type Def = DefinitionOf<$ZodTypes>
type CheckDef = ($ZodChecks | $ZodCustom)['_zod']['def']

/** True for a schema of zod 4. One of zod 3 is a Standard Schema only. */
export function isZodSchema(value: unknown): value is ZodSchema {
  return typeof (value as Partial<ZodSchema> | null | undefined)?._zod?.def === 'object'
}

/** The type of a schema in zod's words, such as `file`; that of the wrapper for a wrapped schema. */
export function zodType({ _zod }: ZodSchema): string {
  return _zod.def.type
}

/** True for `z.any()` and `z.unknown()` without checks. */
export function acceptsAnything(schema: unknown): boolean {
  if (!isZodSchema(schema)) return false
  const { type, checks = [] } = schema._zod.def as Def
  return ['any', 'unknown'].includes(type) && checks.length === 0
}

/** How many schemas of an endless one are described. */
const maxSchemas = 200

/**
 * Runs code of zod that follows a schema to its end. One whose getters return a new schema each time has no end: meanwhile,
 * the objects beyond its first levels have no fields.
 */
export function withEnd<Result>(schema: ZodSchema, run: () => Result): Result {
  if (!isEndless(schema)) return run()
  const originals = new Map<Internals, Def>()
  const found = new Set([schema])
  try {
    for (const { _zod } of found) {
      if (found.size > maxFollowed) break
      const internals = _zod as Internals
      const { def } = internals
      originals.set(internals, def)
      if (found.size > maxSchemas && def.type === 'object') internals.def = { ...def, shape: {} }
      const parts = schemasIn({ _zod: internals })
      // The getter itself would make another schema.
      if (def.type === 'lazy') internals.def = { ...def, getter: () => parts[0] as $ZodTypes }
      for (const part of parts) found.add(part)
    }
    return run()
  } finally {
    for (const [internals, def] of originals) internals.def = def
  }
}

interface Internals {
  def: Def
}

function schemasIn({ _zod }: ZodSchema): readonly ZodSchema[] {
  const def = _zod.def as Def
  if (def.type === 'lazy') return [lazyTarget(_zod as $ZodLazy['_zod'])]
  const { checks: _checks, ...parts } = def
  const inside: readonly unknown[] =
    def.type === 'object' ? [...Object.values(def.shape), def.catchall] : Object.values(parts).flat()
  return inside.filter((each) => isZodSchema(each))
}

/** Zod keeps what the getter returned in `innerType`; a second call could return an equal schema that is not the same. */
function lazyTarget({ def, innerType }: $ZodLazy['_zod']): ZodSchema {
  return innerType ?? def.getter()
}

// How far fields and lazy schemas are followed. Getters that return a new schema each time have no end, in depth or breadth.
const maxLevel = 64
const maxFollowed = 5000
// A large schema has many fields, but not many levels before it refers to itself.
const firstLevels = 4

/** The way to a schema from the one whose node was asked for. */
interface Way {
  readonly level: number
  /** How many schemas have been followed from there. */
  readonly followed: { count: number }
}

/** Stands for all that is too far away. */
const endless: Node = noTextNode({ ...unwrapped, runsCode: true })

/** True if a schema is not followed to its end. */
export function isEndless(schema: ZodSchema): boolean {
  return reachable([nodeOf(schema)], partsOf).has(endless)
}

const nodes = new WeakMap<ZodSchema, Node>()

/**
 * The node of a schema, which is read once.
 *
 * The fields of an object and the target of a `z.lazy()` are read on first use, so that a schema can contain itself.
 */
export function nodeOf(schema: ZodSchema, way?: Way): Node {
  let node = nodes.get(schema)
  if (node === undefined) {
    node = read(schema, way ?? { level: 0, followed: { count: 0 } }, unwrapped)
    nodes.set(schema, node)
  }
  return node
}

/** The node of a field or of the target of a `z.lazy()`. @param around what is said around a target */
function follow(schema: ZodSchema, { level, followed }: Way, around?: Wrapping, isRequired?: boolean): Node {
  followed.count += 1
  if (level === maxLevel || (followed.count > maxFollowed && level > firstLevels)) return endless
  const way = { level: level + 1, followed }
  return around === undefined ? nodeOf(schema, way) : read(schema, way, around, isRequired)
}

/** @param isRequired true below a nonoptional, which makes an optional inside it required again */
function read(schema: unknown, way: Way, around: Wrapping, isRequired = false): Node {
  if (!isZodSchema(schema)) return { ...anything(around), foreign: schema }
  const { def } = (schema as $ZodTypes)._zod
  const wrapping = { ...around, runsCode: around.runsCode || runsCode(def) }
  const readInner = (inner: unknown, more?: Partial<Wrapping>) =>
    read(inner, way, { ...wrapping, ...more }, isRequired)
  switch (def.type) {
    case 'optional':
      return readInner(def.innerType, { optional: wrapping.optional || !isRequired })
    case 'default':
    case 'prefault':
      return readInner(def.innerType, { optional: true })
    case 'catch':
      return readInner(def.innerType, { optional: true, caught: true })
    case 'nonoptional':
      return read(def.innerType, way, wrapping, true)
    case 'nullable':
      return readInner(def.innerType, { nullable: true })
    case 'readonly':
    case 'promise':
    case 'success':
      return readInner(def.innerType)
    case 'pipe': {
      const outputs = [...wrapping.outputs, nodeOf(def.out, way)]
      const text = textRefusedBlank(def)
      return text === undefined
        ? readInner(def.in, { outputs })
        : pipedTextNode(text, { ...wrapping, outputs })
    }
    case 'file':
      return fileNode(schema, def, wrapping)
    case 'object': {
      const strict = def.catchall !== undefined && zodType(def.catchall) === 'never'
      return objectNode(() => def.shape, strict ? 'strict' : def.catchall, wrapping, way)
    }
    case 'array':
      return listNode(def, nodeOf(def.element, way), wrapping)
    case 'set':
      return listNode(def, nodeOf(def.valueType, way), wrapping)
    case 'tuple': {
      const rest = def.rest == null ? undefined : nodeOf(def.rest, way)
      return { kind: 'tuple', ...wrapping, items: def.items.map((item) => nodeOf(item, way)), rest }
    }
    case 'record': {
      const keys = requiredKeys(def)
      if (keys === undefined) return recordNode(def, wrapping, way)
      const shape = () => Object.fromEntries(keys.map((key) => [key, def.valueType]))
      return objectNode(shape, def.mode === 'loose' ? undefined : 'strict', wrapping, way)
    }
    case 'map':
      return recordNode(def, wrapping, way)
    case 'union': {
      const options = def.options.map((option) => nodeOf(option, way))
      const optional = wrapping.optional || options.some((option) => option.optional)
      const nullable = wrapping.nullable || options.some((option) => option.nullable)
      const needsKey = options.some((option) => option.needsKey === true)
      const { discriminator } = def as { readonly discriminator?: string }
      return { kind: 'union', ...wrapping, optional, nullable, needsKey, options, discriminator }
    }
    case 'intersection': {
      const [left, right] = [nodeOf(def.left, way), nodeOf(def.right, way)]
      const optional = wrapping.optional || (left.optional && right.optional)
      const nullable = wrapping.nullable || (left.nullable && right.nullable)
      return { kind: 'intersection', ...wrapping, optional, nullable, left, right }
    }
    case 'lazy': {
      const { _zod } = schema as $ZodLazy
      const isWrapped = wrapping.optional || wrapping.nullable || isRequired
      let target: Node | undefined
      return {
        kind: 'lazy',
        ...wrapping,
        get target() {
          return (target ??= follow(lazyTarget(_zod), way, isWrapped ? wrapping : undefined, isRequired))
        },
      }
    }
    case 'string':
      return def.coerce === true
        ? { ...coercedNode(wrapping), blankIsAbsent: false }
        : textNode(textRules(def), wrapping)
    case 'template_literal':
      return textNode([formatRule(schema._zod as { readonly pattern?: RegExp })], wrapping)
    case 'number':
    case 'bigint':
    case 'date':
    case 'boolean':
      return valueNode(def.type, wrapping, def.coerce)
    case 'literal':
      return allowedNode(def.values, wrapping)
    case 'enum':
      return allowedNode(enumValues(def.entries), wrapping)
    case 'null':
      return allowedNode([null], wrapping)
    case 'nan':
      return allowedNode([NaN], wrapping)
    case 'undefined':
    case 'void':
      return { ...noTextNode(wrapping), optional: true, needsKey: true }
    case 'never':
    case 'symbol':
    case 'function':
      return { ...noTextNode(wrapping), blankIsAbsent: false }
    case 'any':
    case 'unknown':
    case 'custom':
    case 'transform':
      return anything(wrapping)
    default:
      // A type of a newer zod: it may be anything, and may run code.
      def satisfies never
      return anything({ ...wrapping, runsCode: true })
  }
}

function fileNode(schema: ZodSchema, def: Def, wrapping: Wrapping): FileNode {
  const rules = checksOf(def)
  const types = rules.flatMap((rule) => (rule.types === undefined ? [] : [rule.types]))
  const bytes = smallest(rules)
  const check = def.checks?.[rules.findIndex(({ most }) => most === bytes)]
  return {
    kind: 'file',
    ...wrapping,
    maxSize: bytes === undefined ? undefined : { bytes, schema, check },
    types,
  }
}

function listNode(def: Def, element: Node, wrapping: Wrapping): ListNode {
  const rules = checksOf(def)
  const mayBeEmpty = rules.every(({ least = 0 }) => least === 0)
  const isSet = def.type === 'set'
  return { kind: 'list', ...wrapping, element, isSet, mayBeEmpty, maxCount: smallest(rules) }
}

function smallest(rules: readonly CheckRule[]): number | undefined {
  const most = Math.min(...rules.map(({ most = Infinity }) => most))
  return most === Infinity ? undefined : most
}

/** @param others the schema of unknown keys; 'strict' if they are refused, `undefined` if they are dropped */
function objectNode(
  shape: () => Readonly<Record<string, ZodSchema>>,
  others: ZodSchema | 'strict' | undefined,
  wrapping: Wrapping,
  way: Way,
): ObjectNode {
  const strict = others === 'strict'
  let fields: Map<string, Node> | undefined
  let punctuatedKeys: readonly string[] | undefined
  return {
    kind: 'object',
    ...wrapping,
    get fields() {
      return (fields ??= new Map(Object.entries(shape()).map(([key, field]) => [key, follow(field, way)])))
    },
    get punctuatedKeys() {
      return (punctuatedKeys ??= [...this.fields.keys()].filter((key) => /[.[]/.test(key)))
    },
    catchall: others === undefined || strict ? undefined : nodeOf(others, way),
    strict,
  }
}

function recordNode(def: Extract<Def, { type: 'record' | 'map' }>, wrapping: Wrapping, way: Way): RecordNode {
  const keyType = def.keyType as $ZodTypes
  const isLoose = def.type === 'record' && def.mode === 'loose'
  return {
    kind: 'record',
    ...wrapping,
    key: nodeOf(keyType, way),
    keys: isLoose ? undefined : listedKeys(keyType._zod.def),
    value: nodeOf(def.valueType, way),
    isMap: def.type === 'map',
  }
}

/** The keys that a record requires, each with a value: as an object, but for `z.partialRecord()`. */
function requiredKeys(def: Extract<Def, { type: 'record' }>): readonly string[] | undefined {
  // Up to zod 4.3 a partial record has a key schema without `values`; later it says so itself.
  const { values } = (def.keyType as $ZodTypes)._zod as { readonly values?: ReadonlySet<unknown> }
  if (values === undefined || (def as { readonly partial?: boolean }).partial === true) return undefined
  return [...values].filter((key) => typeof key === 'string' || typeof key === 'number').map(String)
}

function listedKeys(def: Def): ReadonlySet<string> | undefined {
  if (def.type === 'literal') return new Set(def.values.map(String))
  // In zod 3.25 the keys of a partial record are such a union with z.never().
  if (def.type === 'union' && def.options.some((option) => zodType(option) === 'never'))
    return listedKeys((def.options[0] as $ZodTypes)._zod.def)
  return def.type === 'enum' ? new Set(enumValues(def.entries).map(String)) : undefined
}

/** The values of an enum. A TypeScript enum of numbers also maps each number to its name. */
function enumValues(entries: Readonly<Record<string, string | number>>): readonly (string | number)[] {
  const numbers = Object.values(entries).filter((value) => typeof value === 'number')
  const names = Object.keys(entries).filter((key) => !numbers.includes(Number(key)))
  return names.map((name) => entries[name]!)
}

/** The node of a text that must become something else, as in `z.stringbool()`. */
function pipedTextNode(schema: unknown, wrapping: Wrapping): ScalarNode {
  const { def } = (schema as $ZodTypes)._zod
  const node = textNode(textRules(def), { ...wrapping, runsCode: wrapping.runsCode || runsCode(def) })
  return { ...node, blankIsAbsent: wrapping.optional || wrapping.nullable }
}

// A text that is piped into one of these has to become it on the way.
const notText = /^(?:boolean|number|bigint|date|object|array|map|set|record|tuple)$/

/** The first schema of a pipe that accepts texts but not the empty one, though that schema does not say so. */
function textRefusedBlank(def: Extract<Def, { type: 'pipe' }>): ZodSchema | undefined {
  const inner = (def.in as $ZodTypes)._zod.def
  // In zod 3.25 z.stringbool() is two pipes, the only ones with an `error`.
  const first = inner.type === 'pipe' && 'error' in def && 'error' in inner ? inner.in : def.in
  return zodType(first) === 'string' && notText.test(zodType(def.out)) ? first : undefined
}

/** True if a schema itself runs code of its author: a refinement, a transform, a codec. */
function runsCode(def: Def): boolean {
  if (['custom', 'transform', 'promise', 'function'].includes(def.type)) return true
  return (def.type === 'pipe' && def.transform !== undefined) || checksOf(def).some((check) => check.runsCode)
}

/** What a form can use of a check. */
interface CheckRule {
  readonly text?: TextRule | undefined
  /** The maximum of bytes or items. */
  readonly most?: number
  /** The minimum of items. */
  readonly least?: number
  readonly types?: readonly string[] | undefined
  /** True if later checks see another text, as after `trim()`. */
  readonly rewrites?: boolean
  readonly runsCode?: boolean
}

/** A check of zod, with the function that zod calls. */
type Check = { readonly def: CheckDef; readonly check?: unknown }

/** The checks of a schema, itself first where it is one too, such as `z.email()`. */
function checksOf(def: Def): readonly CheckRule[] {
  const own: readonly Check[] = 'check' in def ? [{ def }] : []
  return [...own, ...(def.checks ?? []).map(({ _zod }) => _zod as object as Check)].map(readCheck)
}

/** The rules of a string that are known without running code of its author. */
function textRules(def: Def): readonly (TextRule | undefined)[] {
  const checks = checksOf(def)
  const end = checks.findIndex(({ rewrites }) => rewrites)
  return (end === -1 ? checks : checks.slice(0, end)).map(({ text }) => text)
}

function readCheck({ def, check }: Check): CheckRule {
  switch (def.check) {
    case 'min_length':
      return { text: (text) => text.length >= def.minimum, least: def.minimum }
    case 'max_length':
      return { text: (text) => text.length <= def.maximum, most: def.maximum }
    case 'length_equals':
      return { text: (text) => text.length === def.length, most: def.length, least: def.length }
    case 'min_size':
      return { least: def.minimum }
    case 'max_size':
      return { most: def.maximum }
    case 'size_equals':
      return { most: def.size, least: def.size }
    case 'mime_type':
      return { types: def.mime.map((type) => type.toLowerCase()) }
    case 'string_format':
      return { text: formatRule(def) }
    case 'overwrite':
      return { rewrites: true }
    case 'less_than':
    case 'greater_than':
    case 'multiple_of':
    case 'number_format':
    case 'bigint_format':
      return {}
    case 'custom': {
      const types = acceptedTypes(check)
      return { types, runsCode: types === undefined }
    }
    case 'property':
      return { runsCode: true }
    default:
      // A check of a newer zod.
      def satisfies never
      return { runsCode: true }
  }
}
