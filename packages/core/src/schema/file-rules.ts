/** The rules for files in a schema, by the names of the fields: what a parser can apply while bytes arrive. */

import { rangeCovers } from '../http/media-type.js'
import { append, FieldPaths, isIndex, type NameLimits } from './field-path.js'
import { formatPath } from './issues.js'
import { followSchemas, nodeOf } from './read-zod.js'
import {
  isZodSchema,
  lazySchema,
  type Schema,
  type ZodCheckDef,
  type ZodDef,
  type ZodSchema,
} from './schema.js'

const anything: FileRule = { kind: 'either' }

/** Schemas that say nothing of what is in them. */
const opaque: ReadonlySet<string> = new Set(['any', 'unknown', 'custom', 'transform'])

/** The rule for one name. */
interface NamedFileRule extends FileRule {
  /** The list that `maxCount` is about: `photos` for `photos`, `photos[]` and `photos[2]`. */
  readonly list: string
}

export interface FileRules {
  /** Whether a name that the schema does not have makes the whole form invalid. */
  readonly strict: boolean
  /**
   * The rule for a field's name, in any spelling: `items[0].photo`.
   *
   * @returns `undefined` for a name that the schema does not have: a file of that name is not stored
   * @throws BodyError `LIMIT_NESTING`, as the form would later
   */
  find(name: string): NamedFileRule | undefined
}

/**
 * Reads the rules for files out of a schema: sizes, types and counts.
 *
 * @param schema of zod 4; of a schema of another library nothing is known
 */
export function fileRules(schema: Schema | ZodSchema, limits: NameLimits): FileRules {
  if (!isZodSchema(schema)) return { strict: false, find: (name) => ({ ...anything, list: name }) }
  const known = new Map<string, NamedFileRule | undefined>()
  return {
    strict: isStrict(schema),
    find(name) {
      if (known.has(name)) return known.get(name)
      const rule = findRule(schema, name, limits)
      if (known.size === mostNames) known.clear()
      known.set(name, rule)
      return rule
    },
  }
}

// Clients choose the names, so what is remembered has an end.
const mostNames = 1000

function findRule(schema: ZodSchema, name: string, limits: NameLimits): NamedFileRule | undefined {
  const root = nodeOf(schema)
  const isKey = root.kind === 'object' && root.fields.has(name)
  const path = isKey ? [name] : FieldPaths.of(root, limits).get(name)
  if (path === undefined) return takesAnyName(schema) ? { ...anything, list: name } : undefined
  const last = path.at(-1)!
  let parent = Place.of(schema)
  for (const key of path.slice(0, -1)) parent = parent.child(key)
  // In a list the rules of the list hold, which know those of its items.
  const isItem = (last === append || isIndex(last)) && parent.isList
  const place = isItem ? parent : parent.child(last)
  const rule = parent.isCaught && place.rule !== undefined ? anything : place.rule
  return rule && { ...rule, list: listName(isItem ? path.slice(0, -1) : path) }
}

/** Whether the form as a whole goes to code of the author's own, which may know any name. */
function takesAnyName(schema: ZodSchema): boolean {
  return split([schema]).some(({ _zod: { def } }) => opaque.has(def.type))
}

const places = new WeakMap<ZodSchema, Place>()

// Clients choose the keys of records, so what is remembered has an end.
const mostKeys = 1000

/** The schemas to which a path leads, with their wrappers. Each place is found out once: forms name it many times. */
class Place {
  readonly #schemas: readonly ZodSchema[]
  readonly #parts: readonly ZodSchema[]
  readonly #children = new Map<string, Place>()
  /** Whether every key leads to the same schemas. */
  readonly #isUniform: boolean
  readonly isList: boolean
  /** Whether a catch stands on the way: what breaks a rule in it is no failure, so its rules are not for a parser. */
  readonly isCaught: boolean
  #rule: FileRule | undefined

  constructor(schemas: readonly ZodSchema[], isWithinCatch = false) {
    this.#schemas = schemas
    this.#parts = split(schemas)
    this.isList = this.#parts.some(isList)
    this.isCaught = isWithinCatch || split(schemas, false).some(isCatch)
    this.#isUniform = this.#parts.every(isUniform)
  }

  static of(schema: ZodSchema): Place {
    let place = places.get(schema)
    if (place === undefined) places.set(schema, (place = new Place([schema])))
    return place
  }

  /** `undefined` where the schema has no such place. */
  get rule(): FileRule | undefined {
    if (this.#schemas.length === 0) return undefined
    return (this.#rule ??= this.#schemas.map((each) => readFileRule(each)).reduce(either))
  }

  child(key: string): Place {
    const known = this.#isUniform ? append : key
    let child = this.#children.get(known)
    if (child === undefined) {
      if (this.#children.size === mostKeys) this.#children.clear()
      child = new Place(
        this.#parts.flatMap((schema) => step(schema, key) ?? []),
        this.isCaught,
      )
      this.#children.set(known, child)
    }
    return child
  }
}

function isUniform({ _zod: { def } }: ZodSchema): boolean {
  const hasAnyKey = def.type === 'record' || def.type === 'map'
  return def.type === 'array' || def.type === 'set' || (hasAnyKey && !hasListedKeys(def))
}

function listName(path: readonly string[]): string {
  return formatPath(path.map((key) => (isIndex(key) ? Number(key) : key)))
}

function step(schema: ZodSchema, key: string): ZodSchema | null | undefined {
  const { def } = schema._zod
  // What takes anything takes anything in it.
  if (opaque.has(def.type)) return schema
  switch (def.type) {
    case 'object':
      if (Object.hasOwn(def.shape!, key)) return def.shape![key]
      return isClosed(def) ? undefined : def.catchall
    case 'record':
    case 'map':
      return takesKey(def, key) ? def.valueType : undefined
    case 'set':
      return def.valueType
    case 'array':
      return def.element
    case 'tuple':
      return def.items![Number(key)] ?? def.rest
    default:
      return undefined
  }
}

/** Whether a record has a place for a key: one whose keys are listed has none for others. */
function takesKey(def: ZodDef, key: string): boolean {
  if (!hasListedKeys(def)) return true
  const { entries, values } = def.keyType!._zod.def
  return (values ?? Object.values(entries!)).some((each) => String(each) === key)
}

function hasListedKeys({ keyType, mode }: ZodDef): boolean {
  if (keyType === undefined || mode === 'loose') return false
  const { type } = keyType._zod.def
  return type === 'enum' || type === 'literal'
}

function isList(schema: ZodSchema): boolean {
  return ['array', 'set', 'tuple'].includes(schema._zod.def.type)
}

function isCatch(schema: ZodSchema): boolean {
  return schema._zod.def.type === 'catch'
}

/** Takes off what has no keys or items of its own. @param opensCatches whether it also looks into a catch */
function split(schemas: readonly ZodSchema[], opensCatches = true): readonly ZodSchema[] {
  const isClosed = (part: ZodSchema): boolean => isCatch(part) && !opensCatches
  const { found } = followSchemas(schemas, (part) => (isClosed(part) ? [] : innerSchemas(part)))
  return [...found].filter((part) => isClosed(part) || !hasInner(part))
}

/** Whether there are inner schemas, which need not be made to know it. */
function hasInner({ _zod: { def } }: ZodSchema): boolean {
  return ['union', 'intersection', 'lazy', 'pipe'].includes(def.type) || def.innerType !== undefined
}

function innerSchemas(schema: ZodSchema): readonly ZodSchema[] {
  const { def } = schema._zod
  switch (def.type) {
    case 'union':
      return def.options!
    case 'intersection':
      return [def.left!, def.right!]
    case 'lazy':
      return [lazySchema(schema)!]
    case 'pipe':
      return [def.in!]
    default:
      return def.innerType === undefined ? [] : [def.innerType]
  }
}

function isStrict(schema: ZodSchema): boolean {
  const parts = split([schema], false)
  return parts.every(({ _zod: { def } }) => isClosed(def))
}

/** Whether an object takes no key but its own. */
function isClosed({ catchall }: ZodDef): boolean {
  return catchall?._zod.def.type === 'never'
}

/** What may stand in a field: files alone, values alone, or either. */
type FieldKind = 'file' | 'value' | 'either'

/** The rules that can be applied while a file arrives. A rule that is not there does not hold. */
export interface FileRule {
  readonly kind: FieldKind
  /** Bytes of one file. A file of exactly that size is admitted. */
  readonly maxSize?: number
  /** Media types, ranges of them, and endings of file names, all in lower case; `isAccepted()` reads them. */
  readonly types?: readonly string[]
  /** Files in one list. */
  readonly maxCount?: number
}

const value: FileRule = { kind: 'value' }

/*
 * How many schemas inside each other, and how many in all, are asked for a rule. A `z.lazy()` whose getter makes a new schema
 * each time has no end.
 */
const deepestSchema = 64
const mostSchemas = 10_000

/** The rule of a schema. Where options of a union differ, what any of them admits is admitted. */
export function readFileRule(schema: ZodSchema): FileRule {
  let left = mostSchemas
  return readRule(schema, new Set(), () => left-- > 0)
}

function readRule(schema: ZodSchema, seen: ReadonlySet<ZodSchema>, mayGoOn: () => boolean): FileRule {
  if (seen.has(schema)) return value
  if (seen.size === deepestSchema || !mayGoOn()) return anything
  const within = new Set(seen).add(schema)
  const { def } = schema._zod
  const read = (part: ZodSchema) => readRule(part, within, mayGoOn)
  switch (def.type) {
    case 'file':
      return { kind: 'file', maxCount: 1, ...readChecks(schema) }
    case 'array':
    case 'set': {
      const { kind, maxSize, types } = read(def.type === 'set' ? def.valueType! : def.element!)
      return { kind, ...given({ maxSize, types }), ...readChecks(schema) }
    }
    case 'tuple': {
      const rule = [...def.items!, ...(def.rest ? [def.rest] : [])].map(read).reduce(either, value)
      return { kind: rule.kind, ...given({ maxSize: rule.maxSize, types: rule.types }) }
    }
    case 'union':
      return def.options!.map(read).reduce(either)
    case 'intersection':
      return both(read(def.left!), read(def.right!))
    // A catch takes what breaks a rule: then nothing may be refused early.
    case 'catch':
      return { kind: read(def.innerType!).kind }
    case 'lazy':
      return read(lazySchema(schema)!)
    case 'pipe':
      return read(def.in!)
    case 'any':
    case 'unknown':
    case 'custom':
    case 'transform':
      return anything
    default:
      return def.innerType === undefined ? value : read(def.innerType)
  }
}

function readChecks(schema: ZodSchema): Omit<FileRule, 'kind'> {
  const isFile = schema._zod.def.type === 'file'
  let rule: Omit<FileRule, 'kind'> = {}
  for (const check of schema._zod.def.checks ?? []) {
    // A check of the author's own may change the value, but not a file.
    rule = tighten(rule, isFile ? readFileCheck(check._zod.def) : readListCheck(check._zod.def))
  }
  return rule
}

function readFileCheck(check: ZodCheckDef): Omit<FileRule, 'kind'> {
  if (check.check === 'max_size') return { maxSize: Number(check.maximum) }
  if (check.check === 'size_equals') return given({ maxSize: check.size })
  if (check.check === 'mime_type') return given({ types: check.mime?.map((type) => type.toLowerCase()) })
  if (check.check === 'formgate_accept') return given({ types: check.accept })
  return {}
}

function readListCheck(check: ZodCheckDef): Omit<FileRule, 'kind'> {
  if (check.check === 'max_length' || check.check === 'max_size') return { maxCount: Number(check.maximum) }
  if (check.check === 'length_equals') return given({ maxCount: check.length })
  if (check.check === 'size_equals') return given({ maxCount: check.size })
  return {}
}

/** What one of two rules admits. A rule for values says nothing about files. */
export function either(left: FileRule, right: FileRule): FileRule {
  if (left.kind === 'value') return { ...right, kind: right.kind === 'value' ? 'value' : 'either' }
  if (right.kind === 'value') return { ...left, kind: 'either' }
  return {
    kind: left.kind === right.kind ? left.kind : 'either',
    ...given({
      maxSize: larger(left.maxSize, right.maxSize),
      maxCount: larger(left.maxCount, right.maxCount),
      types: left.types && right.types && [...new Set([...left.types, ...right.types])],
    }),
  }
}

function both(left: FileRule, right: FileRule): FileRule {
  const kinds = [left.kind, right.kind]
  const kind = kinds.includes('file') ? 'file' : kinds.includes('value') ? 'value' : 'either'
  return { kind, ...tighten(left, right) }
}

/** What both of two rules admit. */
function tighten(left: Omit<FileRule, 'kind'>, right: Omit<FileRule, 'kind'>): Omit<FileRule, 'kind'> {
  return given({
    maxSize: smaller(left.maxSize, right.maxSize),
    maxCount: smaller(left.maxCount, right.maxCount),
    types: left.types && right.types ? narrow(left.types, right.types) : (left.types ?? right.types),
  })
}

/** The types that are in both lists; more than these where one lists endings of names, which are no types. */
function narrow(left: readonly string[], right: readonly string[]): readonly string[] {
  if (left.some(isEnding)) return right
  if (right.some(isEnding)) return left
  return [
    ...new Set([
      ...left.filter((type) => right.some((range) => rangeCovers(range, type))),
      ...right.filter((type) => left.some((range) => rangeCovers(range, type))),
    ]),
  ]
}

function isEnding(type: string): boolean {
  return type.startsWith('.')
}

function larger(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : Math.max(left, right)
}

function smaller(left = Infinity, right = Infinity): number | undefined {
  const least = Math.min(left, right)
  return least === Infinity ? undefined : least
}

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Leaves out what is undefined. */
function given<T extends object>(rules: T): Given<T> {
  return Object.fromEntries(Object.entries(rules).filter(([, rule]) => rule !== undefined)) as Given<T>
}
