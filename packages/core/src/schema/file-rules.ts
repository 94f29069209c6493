/** The rules for files that a parser can apply while bytes arrive, by field name. */

import { Readable } from 'node:stream'
import { isAccepted } from '../checks/accept.js'
import { rangeCovers } from '../http/media-type.js'
import type { FieldIssue } from '../errors.js'
import { UploadedFile } from '../files/uploaded-file.js'
import type { FileRoom, Limits } from '../limits.js'
import type { FileRule, FileRules } from '../parsers/form-limits.js'
import { append, fieldPath, formatPath, isIndex, step, type NameLimits } from './field-path.js'
import { isList, isSided, type MaxSize, namedParts, nodesInPlace, type Node } from './form-node.js'
import { isZodSchema, nodeOf, type ZodSchema } from './read-zod.js'
import type { Schema } from './schema.js'
import { issuesOf } from './validate.js'

/** What a schema says of the files in one place. A rule that is absent does not hold. */
export interface FileTerms extends Pick<FileRule, 'kind' | 'maxCount' | 'types'> {
  readonly maxSize?: TermSize | undefined
}

interface TermSize extends MaxSize {
  /** True if a catch replaces a larger file: it is refused beyond `limits.fileSize` only. */
  readonly isCaught?: boolean
}

const anything: FileTerms = { kind: 'either' }
const value: FileTerms = { kind: 'value' }

// Clients choose the names and the keys of records, so the memory for them is bounded.
const maxKnown = 1000

/** The limits that rules depend on. */
export type RuleLimits = NameLimits & Pick<Limits, 'fileSize'>

/**
 * Reads sizes, types and counts out of a schema of zod 4. Any other schema admits every file.
 *
 * @param cap bytes of one file, whatever the schema says: the `fileSize` that a user set
 */
export function fileRules(schema: Schema | ZodSchema, limits: RuleLimits, cap?: number): FileRules {
  if (!isZodSchema(schema)) return { strict: false, find: (name) => toRule(anything, name, limits) }
  const root = nodeOf(schema)
  const known = new Map<string, FileRule | undefined>()
  return {
    strict: isStrict(placeOf([root])),
    find(name) {
      if (known.has(name)) return known.get(name)
      const rule = findRule(root, name, limits, cap)
      if (known.size === maxKnown) known.clear()
      known.set(name, rule)
      return rule
    },
  }
}

function findRule(root: Node, name: string, limits: RuleLimits, cap?: number): FileRule | undefined {
  const isKey = root.kind === 'object' && root.fields.has(name)
  const path = isKey ? [name] : fieldPath(root, name, limits)
  if (path === undefined) {
    // The value may go to code of the author, which may know any name.
    const isKnown = placeOf([root]).parts.some((node) => node.kind === 'scalar' && node.acceptsFiles)
    return isKnown ? toRule(anything, name, limits) : undefined
  }
  const last = path.at(-1)!
  const parent = path.slice(0, -1).reduce(childOf, placeOf([root]))
  const child = childOf(parent, last)
  // The rules of a list include those of its items.
  const isItem = (last === append || isIndex(last)) && parent.parts.some(isList)
  const { nodes } = isItem ? parent : child
  if (nodes.length === 0) return undefined
  const terms = nodes.map((node) => fileTerms(node)).reduce(either)
  const keys = path.map((key) => (isIndex(key) ? Number(key) : key))
  const list = formatPath(isItem ? keys.slice(0, -1) : keys)
  const isCounted = terms.kind === 'file' && (last === append || (!isItem && child.parts.some(isList)))
  // The item that an open name such as `items[].scan` means is known when the form is complete.
  const isOpen = path.slice(0, -1).includes(append)
  const pathOf = (at: number): string => (isOpen ? name : isCounted ? `${list}[${at}]` : formatPath(keys))
  return toRule(parent.isCaught ? caughtTerms('either', terms) : terms, list, limits, cap, pathOf)
}

/**
 * @param list the list that `maxCount` is for: `photos` for `photos`, `photos[]` and `photos[2]`
 * @param pathOf the path of a file in an issue
 */
function toRule(
  { kind, maxSize, maxCount, types }: FileTerms,
  list: string,
  limits: RuleLimits,
  cap?: number,
  pathOf: (at: number) => string = () => list,
): FileRule {
  const bytes = maxSize && sizeWithin(maxSize, limits, cap)
  const isOwn = maxSize !== undefined && maxSize.bytes === bytes
  return {
    kind,
    list,
    maxSize: bytes,
    maxCount,
    types,
    tooLarge: isOwn ? (size, at) => sizeIssues(maxSize, size, pathOf(at)) : undefined,
    accepts: (file) => types === undefined || isAccepted(file, types),
  }
}

/** The bytes that a file may have; `undefined` for `limits.fileSize`. */
export function sizeWithin(
  { bytes, isCaught = false }: TermSize,
  { fileSize }: Pick<Limits, 'fileSize'>,
  cap: number = Infinity,
): number | undefined {
  return isCaught && bytes <= fileSize ? undefined : Math.min(bytes, cap)
}

function sizeIssues({ schema, check }: TermSize, size: number, path: string): readonly FieldIssue[] {
  const content = { size, createReadStream: () => Readable.from([]), remove: () => undefined }
  const file = new UploadedFile(content, { field: path, name: '', originalName: '', type: '', headers: {} })
  return issuesOf(schema, check, file).map((issue) => ({ ...issue, path }))
}

/** The terms of a place whose file a catch may replace: breaking a rule is no failure. */
function caughtTerms(kind: FileTerms['kind'], { maxSize }: FileTerms): FileTerms {
  return { kind, maxSize: maxSize && { ...maxSize, isCaught: true } }
}

/** The nodes to which a path leads. */
interface Place {
  readonly nodes: readonly Node[]
  /** Those in the same place, unions included. */
  readonly parts: readonly Node[]
  /** True if a catch is on the way: breaking a rule inside it is no failure, so a parser must not apply it. */
  readonly isCaught: boolean
}

function placeOf(nodes: readonly Node[], isWithinCatch = false): Place {
  const parts = nodesInPlace(nodes)
  return { nodes, parts, isCaught: isWithinCatch || parts.some((node) => node.caught) }
}

function childOf({ parts, isCaught }: Place, key: string): Place {
  return placeOf([...new Set(parts.flatMap((node) => follow(node, key) ?? []))], isCaught)
}

/** True if a name that the schema does not have makes the form invalid. */
function isStrict({ parts, isCaught }: Place): boolean {
  return !isCaught && parts.every((node) => (node.kind === 'object' ? node.strict : isSided(node)))
}

function follow(node: Node, key: string): Node | undefined {
  if (node.kind === 'scalar') return node.acceptsFiles ? node : undefined
  return node.kind === 'record' && node.keys?.has(key) === false ? undefined : step(node, key, true)
}

/** How large and how many the files of a schema may be. */
export interface SchemaFiles extends FileRoom {
  /** Bytes of the largest one. */
  readonly largest: number
}

const noFiles: SchemaFiles = { bytes: 0, count: 0, largest: 0 }

/** Adds up the files of a schema. One without a size has no bytes; a list without a length has one file. */
export function filesOf(schema: Schema | ZodSchema): SchemaFiles {
  let left = 1000
  const sum = (node: Node, around: ReadonlySet<Node>): SchemaFiles => {
    if (node.kind === 'file') {
      const bytes = node.maxSize?.bytes ?? 0
      return { bytes, count: 1, largest: bytes }
    }
    if (around.has(node) || left-- <= 0) return noFiles
    const within = new Set(around).add(node)
    const times = node.kind === 'list' ? node.maxCount : node.kind === 'record' ? node.keys?.size : 1
    let { bytes, count, largest } = noFiles
    for (const [, part] of namedParts(node)) {
      const files = sum(part, within)
      // A form has the files of one option of a union.
      bytes = node.kind === 'union' ? Math.max(bytes, files.bytes) : bytes + files.bytes * (times ?? 1)
      count = node.kind === 'union' ? Math.max(count, files.count) : count + files.count * (times ?? 1)
      largest = Math.max(largest, files.largest)
    }
    return { bytes, count, largest }
  }
  return isZodSchema(schema) ? sum(nodeOf(schema), new Set()) : noFiles
}

/**
 * The terms of a node. Where the options of a union differ, what any of them admits is admitted.
 *
 * @param known the terms of nodes in the same place
 */
export function fileTerms(node: Node, known: Map<Node, FileTerms> = new Map()): FileTerms {
  const before = known.get(node)
  if (before !== undefined) return before
  // For a node that contains itself.
  known.set(node, value)
  const own = ownTerms(node, (part) => fileTerms(part, known))
  const terms = node.caught ? caughtTerms(own.kind, own) : own
  known.set(node, terms)
  return terms
}

function ownTerms(node: Node, read: (part: Node) => FileTerms): FileTerms {
  switch (node.kind) {
    case 'scalar':
      return node.acceptsFiles ? anything : value
    case 'file':
      return {
        kind: 'file',
        maxCount: 1,
        maxSize: node.maxSize,
        types: node.types.reduce<FileTerms['types']>(narrow, undefined),
      }
    case 'list': {
      const { kind, maxSize, types } = read(node.element)
      return { kind, maxSize, types, maxCount: node.maxCount }
    }
    case 'tuple': {
      const { kind, maxSize, types } = namedParts(node)
        .map(([, item]) => read(item))
        .reduce(either, value)
      return { kind, maxSize, types }
    }
    case 'union':
      return node.options.map(read).reduce(either)
    case 'intersection':
      return both(read(node.left), read(node.right))
    case 'lazy':
      return read(node.target)
    case 'object':
    case 'record':
      return value
  }
}

/** What one of two terms admits. Terms for values say nothing about files. */
export function either(left: FileTerms, right: FileTerms): FileTerms {
  if (left.kind === 'value') return { ...right, kind: right.kind === 'value' ? 'value' : 'either' }
  if (right.kind === 'value') return { ...left, kind: 'either' }
  return {
    kind: left.kind === right.kind ? left.kind : 'either',
    maxSize: larger(left.maxSize, right.maxSize),
    maxCount: larger(left.maxCount, right.maxCount),
    types: left.types && right.types && [...new Set([...left.types, ...right.types])],
  }
}

/** What both of two terms admit. */
function both(left: FileTerms, right: FileTerms): FileTerms {
  const kinds = [left.kind, right.kind]
  return {
    kind: kinds.includes('file') ? 'file' : kinds.includes('value') ? 'value' : 'either',
    maxSize: smaller(left.maxSize, right.maxSize),
    maxCount: smaller(left.maxCount, right.maxCount),
    types: narrow(left.types, right.types),
  }
}

/** The types in both lists. It returns more where one lists file extensions, which are not media types. */
function narrow(left: FileTerms['types'], right: FileTerms['types']): FileTerms['types'] {
  if (left === undefined || right === undefined) return left ?? right
  if (left.some(isExtension)) return right
  if (right.some(isExtension)) return left
  return [
    ...new Set([
      ...left.filter((type) => right.some((range) => rangeCovers(range, type))),
      ...right.filter((type) => left.some((range) => rangeCovers(range, type))),
    ]),
  ]
}

function isExtension(type: string): boolean {
  return type.startsWith('.')
}

function larger<T extends number | TermSize>(left: T | undefined, right: T | undefined): T | undefined {
  if (left === undefined || right === undefined) return undefined
  return bytesOf(left) < bytesOf(right) ? right : left
}

function smaller<T extends number | TermSize>(left: T | undefined, right: T | undefined): T | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return bytesOf(left) > bytesOf(right) ? right : left
}

function bytesOf(size: number | TermSize): number {
  return typeof size === 'number' ? size : size.bytes
}
