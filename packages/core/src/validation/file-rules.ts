/** The rules for files in a schema, by the names of the fields: what a parser can apply while bytes arrive. */
import { append, isIndex, type NameLimits } from './field-name.js'
import { FieldPaths } from './field-paths.js'
import { either, readFileRule, type FileRule } from './file-rule.js'
import { formatPath } from './issue-path.js'
import { nodeOf } from './read-schema.js'
import { followSchemas } from './schema-parts.js'
import { isZodSchema, lazySchema, type Schema, type ZodDef, type ZodSchema } from './schema.js'

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
  return takeApart([schema]).some(({ _zod: { def } }) => opaque.has(def.type))
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
    this.#parts = takeApart(schemas)
    this.isList = this.#parts.some(isList)
    this.isCaught = isWithinCatch || takeApart(schemas, false).some(isCatch)
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
function takeApart(schemas: readonly ZodSchema[], opensCatches = true): readonly ZodSchema[] {
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
  const parts = takeApart([schema], false)
  return parts.every(({ _zod: { def } }) => isClosed(def))
}

/** Whether an object takes no key but its own. */
function isClosed({ catchall }: ZodDef): boolean {
  return catchall?._zod.def.type === 'never'
}
