/** The rules for files in a schema, by the names of the fields: what a parser can apply while bytes arrive. */
import { append, isIndex, type NameLimits } from './field-name.js'
import { FieldPaths } from './field-paths.js'
import { either, readFileRule, type FileRule } from './file-rule.js'
import { formatPath } from './issue-path.js'
import { nodeOf } from './read-schema.js'
import { followSchemas } from './schema-parts.js'
import { isZodSchema, lazySchema, type Schema, type ZodSchema } from './schema.js'

const anything: FileRule = { kind: 'either' }

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
   * @returns `undefined` for a name that the schema does not have
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
  return { strict: isStrict(schema), find: (name) => findRule(schema, name, limits) }
}

function findRule(schema: ZodSchema, name: string, limits: NameLimits): NamedFileRule | undefined {
  const root = nodeOf(schema)
  const isKey = root.kind === 'object' && root.fields.has(name)
  const path = isKey ? [name] : FieldPaths.of(root, limits).get(name)
  if (path === undefined) return undefined
  const last = path.at(-1)!
  let parent = Place.of(schema)
  for (const key of path.slice(0, -1)) parent = parent.child(key)
  // In a list the rules of the list hold, which know those of its items.
  const isItem = (last === append || isIndex(last)) && parent.isList
  const place = isItem ? parent : parent.child(last)
  return { ...place.rule, list: listName(isItem ? path.slice(0, -1) : path) }
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
  #rule: FileRule | undefined

  constructor(schemas: readonly ZodSchema[]) {
    this.#schemas = schemas
    this.#parts = takeApart(schemas)
    this.isList = this.#parts.some(isList)
    this.#isUniform = this.#parts.every(({ _zod: { def } }) => uniformTypes.has(def.type))
  }

  static of(schema: ZodSchema): Place {
    let place = places.get(schema)
    if (place === undefined) places.set(schema, (place = new Place([schema])))
    return place
  }

  get rule(): FileRule {
    return (this.#rule ??=
      this.#schemas.length === 0 ? anything : this.#schemas.map((each) => readFileRule(each)).reduce(either))
  }

  child(key: string): Place {
    const known = this.#isUniform ? append : key
    let child = this.#children.get(known)
    if (child === undefined) {
      if (this.#children.size === mostKeys) this.#children.clear()
      child = new Place(this.#parts.flatMap((schema) => step(schema, key) ?? []))
      this.#children.set(known, child)
    }
    return child
  }
}

const uniformTypes = new Set(['array', 'set', 'record', 'map'])

function listName(path: readonly string[]): string {
  return formatPath(path.map((key) => (isIndex(key) ? Number(key) : key)))
}

function step(schema: ZodSchema, key: string): ZodSchema | null | undefined {
  const { def } = schema._zod
  switch (def.type) {
    case 'object':
      return Object.hasOwn(def.shape!, key) ? def.shape![key] : def.catchall
    case 'record':
    case 'map':
    case 'set':
      return def.valueType
    case 'array':
      return def.element
    case 'tuple':
      return def.items![Number(key)] ?? def.rest
    // What takes anything takes anything in it.
    case 'any':
    case 'unknown':
    case 'custom':
    case 'transform':
      return schema
    default:
      return undefined
  }
}

function isList(schema: ZodSchema): boolean {
  return ['array', 'set', 'tuple'].includes(schema._zod.def.type)
}

/** Takes off what has no keys or items of its own. */
function takeApart(schemas: readonly ZodSchema[]): readonly ZodSchema[] {
  const { found } = followSchemas(schemas, innerSchemas)
  return [...found].filter((part) => !hasInner(part))
}

/** Whether there are inner schemas, which need not be made to know it. */
function hasInner({ _zod: { def } }: ZodSchema): boolean {
  return (
    ['union', 'intersection', 'lazy', 'pipe'].includes(def.type) ||
    (def.type !== 'catch' && def.innerType !== undefined)
  )
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
    // What breaks a rule in a catch is no failure: the rules in it are not for a parser.
    case 'catch':
      return []
    default:
      return def.innerType === undefined ? [] : [def.innerType]
  }
}

function isStrict(schema: ZodSchema): boolean {
  return takeApart([schema]).every(({ _zod: { def } }) => def.catchall?._zod.def.type === 'never')
}
