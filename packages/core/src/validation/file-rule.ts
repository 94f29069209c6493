/** What a schema says about the files of one field, as plain data. */
import { rangeCovers } from './accept.js'
import { lazySchema, type ZodCheckDef, type ZodSchema } from './schema.js'

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

const anything: FileRule = { kind: 'either' }
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
