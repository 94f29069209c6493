/** The rules for files in a schema, by the names of the fields: what a parser can apply while bytes arrive. */
import { append, isIndex, type NameLimits } from './field-name.js'
import { FieldPaths } from './field-paths.js'
import { either, readFileRule, type FileRule } from './file-rule.js'
import { formatPath } from './issue-path.js'
import { nodeOf } from './read-schema.js'
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
  const parents = follow([schema], path.slice(0, -1))
  // In a list the rules of the list hold, which know those of its items.
  const isItem = (last === append || isIndex(last)) && takeApart(parents).some(isList)
  const schemas = isItem ? parents : follow(parents, [last])
  if (schemas.length === 0) return undefined
  const rule = isCaught(schema, path) ? anything : schemas.map((each) => readFileRule(each)).reduce(either)
  return { ...rule, list: listName(isItem ? path.slice(0, -1) : path) }
}

/** Whether the form as a whole goes to code of the author's own, which may know any name. */
function takesAnyName(schema: ZodSchema): boolean {
  return takeApart([schema]).some(({ _zod: { def } }) => opaque.has(def.type))
}

/** Whether a catch stands on the way: what breaks a rule in it is no failure, so its rules are not for a parser. */
function isCaught(schema: ZodSchema, path: readonly string[]): boolean {
  return path.some((_, at) => takeApart(follow([schema], path.slice(0, at)), false).some(isCatch))
}

function listName(path: readonly string[]): string {
  return formatPath(path.map((key) => (isIndex(key) ? Number(key) : key)))
}

/** The schemas to which a path leads, with their wrappers. */
function follow(schemas: readonly ZodSchema[], path: readonly string[]): readonly ZodSchema[] {
  let found = schemas
  for (const key of path) found = takeApart(found).flatMap((schema) => step(schema, key) ?? [])
  return found
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
function takesKey({ keyType, mode }: ZodDef, key: string): boolean {
  if (keyType === undefined || mode === 'loose') return true
  const { type, entries, values } = keyType._zod.def
  if (type !== 'enum' && type !== 'literal') return true
  return (values ?? Object.values(entries!)).some((each) => String(each) === key)
}

function isList(schema: ZodSchema): boolean {
  return ['array', 'set', 'tuple'].includes(schema._zod.def.type)
}

function isCatch(schema: ZodSchema): boolean {
  return schema._zod.def.type === 'catch'
}

/** Takes off what has no keys or items of its own. @param opensCatches whether it also looks into a catch */
function takeApart(schemas: readonly ZodSchema[], opensCatches = true): readonly ZodSchema[] {
  const parts = new Set(schemas)
  const inside = (part: ZodSchema): readonly ZodSchema[] =>
    isCatch(part) && !opensCatches ? [] : innerSchemas(part)
  // A set that grows while it is walked is walked to its new end.
  for (const part of parts) for (const inner of inside(part)) parts.add(inner)
  return [...parts].filter((part) => inside(part).length === 0)
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
