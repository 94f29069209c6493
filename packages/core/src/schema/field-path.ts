/** The path that a field name such as `items[0].price` spells. */

import { BodyError } from '../errors.js'
import { cutText } from '../http/shown-text.js'
import { type Limits, mostLevels } from '../limits.js'
import { isList, itemAt, type Node, shapesOf } from './form-node.js'

export type NameLimits = Pick<Limits, 'nesting' | 'arrayIndex'>

/** The key of a new item at the end of a list, as in `tags[]` and `items[].name`. */
export const append = ''

/** What to do about an index that is missing or too high. */
export const listHint = 'Number the items of a list from 0 without gaps, or omit the numbers: items[].name.'

/** The nodes that a name may lead to so far: several in a union or an intersection. */
type Shape = readonly Node[]

interface Cut {
  readonly key: string
  /** What follows the key, with its `.` or `[`. */
  readonly rest: string
}

const index = /^(?:0|[1-9]\d*)$/
const punctuation = /[.[]/

/** True if a key is the index of a list item. */
export function isIndex(key: string): boolean {
  return index.test(key)
}

/**
 * Splits `a.b`, `a[b]`, `a[0].b`, `a.0.b` and `a[]` into keys. A key that the schema spells `a.b` stays one key.
 *
 * @returns the path; `undefined` if the schema has no such shape
 * @throws BodyError `LIMIT_NESTING` if the path is too deep or an index too high
 */
function parsePath(root: Node, name: string, limits: NameLimits): readonly string[] | undefined {
  const path: string[] = []
  let shape = shapesOf(root)
  let text = name
  let inBrackets = false
  for (;;) {
    const cut: Cut | undefined = inBrackets ? cutBracket(text) : cutKey(shape, text)
    if (cut === undefined) return undefined
    const { key, rest }: Cut = cut
    const next = new Set(shape.flatMap((node) => step(node, key, inBrackets) ?? []))
    if (next.size === 0) {
      // A strict object reports its unknown keys, and a list what is not an index.
      if (path.length === 0 || !shape.some((node) => isList(node) || (node.kind === 'object' && node.strict)))
        return undefined
      return [...path, inBrackets ? key + rest : text]
    }
    path.push(key)
    checkPath(shape, path, name, limits)
    if (rest === '') return path
    shape = [...new Set([...next].flatMap(shapesOf))]
    inBrackets = rest.startsWith('[')
    if (!inBrackets && !rest.startsWith('.')) return undefined
    text = rest.slice(1)
  }
}

function cutBracket(text: string): Cut | undefined {
  const end = text.indexOf(']')
  return end === -1 ? undefined : { key: text.slice(0, end), rest: text.slice(end + 1) }
}

function cutKey(shape: Shape, text: string): Cut | undefined {
  if (shape.some((node) => node.kind === 'object' && node.fields.has(text))) return { key: text, rest: '' }
  const longest = longestKey(shape, text)
  if (longest !== '') return { key: longest, rest: text.slice(longest.length) }
  const end = text.search(punctuation)
  if (end === 0 || text === '') return undefined
  // If the values of a record have no shape, the rest of the name is its key.
  if (end === -1 || shape.every((node) => node.kind === 'record' && shapesOf(node.value).length === 0)) {
    return { key: text, rest: '' }
  }
  return { key: text.slice(0, end), rest: text.slice(end) }
}

/** The longest key with a `.` or `[` in it that a text begins with. */
function longestKey(shape: Shape, text: string): string {
  let longest = ''
  for (const node of shape) {
    if (node.kind !== 'object') continue
    for (const key of node.punctuatedKeys) {
      const isKey = text.startsWith(key) && '.['.includes(text.charAt(key.length))
      if (isKey && key.length > longest.length) longest = key
    }
  }
  return longest
}

/** The node that a key leads to. */
export function step(node: Node, key: string, inBrackets: boolean): Node | undefined {
  switch (node.kind) {
    case 'object':
      return node.fields.get(key) ?? node.catchall
    case 'record':
      return node.value
    case 'list':
      return isIndex(key) || (inBrackets && key === append) ? node.element : undefined
    case 'tuple':
      if (inBrackets && key === append) return node.rest ?? node.items[0]
      return isIndex(key) ? itemAt(node, Number(key)) : undefined
    default:
      return undefined
  }
}

function checkPath(shape: Shape, path: readonly string[], field: string, limits: NameLimits): void {
  // `tags` and `tags[]` are equally deep.
  const limit = Math.min(limits.nesting, mostLevels)
  if (path.length - (path.at(-1) === append ? 1 : 0) > limit) {
    const detail = 'A field name is nested too deeply.'
    throw new BodyError('LIMIT_NESTING', { detail, field, limit })
  }
  if (shape.every(isList) && Number(path.at(-1)) > limits.arrayIndex) {
    const detail = 'A field name has an index that is too high.'
    throw new BodyError('LIMIT_NESTING', { detail, hint: listHint, field, limit: limits.arrayIndex })
  }
}

// Clients choose the names, so the memory for them is bounded. A form rarely has more fields.
const maxNames = 1000

interface KnownPaths {
  readonly limits: NameLimits
  readonly byName: Map<string, readonly string[]>
}

const known = new WeakMap<Node, KnownPaths>()

/** Returns what `parsePath()` does. */
export function fieldPath(root: Node, name: string, limits: NameLimits): readonly string[] | undefined {
  let paths = known.get(root)
  if (paths?.limits !== limits) known.set(root, (paths = { limits, byName: new Map() }))
  let path = paths.byName.get(name)
  if (path !== undefined) return path
  path = parsePath(root, name, limits)
  if (path === undefined) return undefined
  if (paths.byName.size === maxNames) paths.byName.clear()
  paths.byName.set(name, path)
  return path
}

/** The keys to a place in a value. Numbers are indexes of list items. */
export type IssuePath = readonly PropertyKey[]

const sentIndexes = new WeakMap<object, readonly number[]>()

/** Remembers the index that each item of a list had in the form, where empty ones were left out. */
export function keepSentIndexes(list: readonly unknown[], indexes: readonly number[]): void {
  sentIndexes.set(list, indexes)
}

/** Returns a path in a value with the indexes of list items as they were sent. */
export function sentPath(path: IssuePath, value: unknown): IssuePath {
  let current = value
  return path.map((key) => {
    if (typeof current !== 'object' || current === null) return key
    const sent = sentIndexes.get(current)?.[Number(key)] ?? key
    current = (current as Record<PropertyKey, unknown>)[key]
    return sent
  })
}

// Clients choose the keys of records, at any length and depth.
const maxPathLength = 500

/** Writes a path as a field name: `items[0].price`; `''` for the whole body. */
export function formatPath(path: IssuePath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
    if (text.length > maxPathLength) break
  }
  return cutText(text, maxPathLength)
}
