/** Cuts a field's name into a path, as far as the schema has such a shape. */
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Node } from './nodes.js'
import { followSchemas } from './schema-parts.js'

export type NameLimits = Pick<Limits, 'nesting' | 'arrayIndex'>

/** The step in a path that goes to the end of a list, as in `tags[]` and `items[].name`. */
export const append = ''

/** The nodes that a name may have led to so far: several where the schema has unions or intersections. */
type Shape = readonly Node[]

interface Cut {
  readonly key: string
  /** What follows the key, with the `.` or `[` in front. */
  readonly rest: string
}

const index = /^(?:0|[1-9]\d*)$/
const punctuation = /[.[]/

/** Whether a key counts the items of a list. */
export function isIndex(key: string): boolean {
  return index.test(key)
}

/**
 * Cuts `a.b`, `a[b]`, `a[0].b`, `a.0.b` and `a[]` into their keys. A key that the schema itself spells `a.b` is one key.
 *
 * @returns the path; `undefined` where the schema has no such shape
 * @throws BodyError `LIMIT_NESTING` for a path that is too deep, and for an index that is too high
 */
export function cutFieldName(root: Node, name: string, limits: NameLimits): readonly string[] | undefined {
  const path: string[] = []
  let shape = shapeOf(root)
  let text = name
  let inBrackets = false
  for (;;) {
    const cut: Cut | undefined = inBrackets ? cutBracket(text) : cutKey(shape, text)
    if (cut === undefined) return undefined
    const { key, rest }: Cut = cut
    const next = follow(shape, key, inBrackets)
    if (next.length === 0) {
      // A strict object is to say which of its keys it does not know.
      if (path.length === 0 || !shape.some((node) => node.kind === 'object' && node.strict)) return undefined
      return [...path, inBrackets ? key + rest : text]
    }
    path.push(key)
    checkPath(shape, path, name, limits)
    if (rest === '') return path
    shape = expand(next)
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
  if (hasKey(shape, text)) return { key: text, rest: '' }
  const punctuated = punctuatedKey(shape, text)
  if (punctuated !== undefined) return { key: punctuated, rest: text.slice(punctuated.length) }
  const end = text.search(punctuation)
  if (end === 0) return undefined
  // The values of a record may have no shape of their own: then the rest of the name is its key.
  if (end === -1 || shape.every((node) => node.kind === 'record' && shapeOf(node.value).length === 0)) {
    return { key: text, rest: '' }
  }
  return { key: text.slice(0, end), rest: text.slice(end) }
}

function hasKey(shape: Shape, key: string): boolean {
  for (const node of shape) if (node.kind === 'object' && node.fields.has(key)) return true
  return false
}

/** The longest beginning of a text that is a key with a `.` or `[` in it. */
function punctuatedKey(shape: Shape, text: string): string | undefined {
  let longest: string | undefined
  for (const node of shape) {
    if (node.kind !== 'object') continue
    const key = node.punctuatedKeys.find(
      (key) => text.startsWith(key) && '.['.includes(text.charAt(key.length)),
    )
    if (key !== undefined && key.length > (longest?.length ?? 0)) longest = key
  }
  return longest
}

function follow(shape: Shape, key: string, inBrackets: boolean): Shape {
  const next: Node[] = []
  for (const node of shape) {
    const to = step(node, key, inBrackets)
    if (to !== undefined && !next.includes(to)) next.push(to)
  }
  return next
}

/** Where a key leads from a node. */
function step(node: Node, key: string, inBrackets: boolean): Node | undefined {
  switch (node.kind) {
    case 'object':
      return node.fields.get(key) ?? node.catchall
    case 'record':
      return node.value
    case 'list':
      return isIndex(key) || (inBrackets && key === append) ? node.element : undefined
    case 'tuple':
      if (inBrackets && key === append) return node.rest ?? node.items[0]
      return isIndex(key) ? (node.items[Number(key)] ?? node.rest) : undefined
    default:
      return undefined
  }
}

const shapes = new WeakMap<Node, Shape>()
const noShape: Shape = []

/** What of some nodes has keys or items, with unions, intersections and lazy schemas taken apart. */
function expand(nodes: Shape): Shape {
  if (nodes.length === 1) return shapeOf(nodes[0]!)
  return [...new Set(nodes.flatMap(shapeOf))]
}

function shapeOf(node: Node): Shape {
  if (node.kind === 'scalar' || node.kind === 'file') return noShape
  let shape = shapes.get(node)
  if (shape === undefined) shapes.set(node, (shape = takeApart(node)))
  return shape
}

function takeApart(root: Node): Shape {
  const { found } = followSchemas([root], innerNodes)
  const without = new Set(['scalar', 'file', 'union', 'intersection', 'lazy'])
  return [...found].filter(({ kind }) => !without.has(kind))
}

/** The nodes that stand in the same place. */
function innerNodes(node: Node): readonly Node[] {
  if (node.kind === 'union') return node.options
  if (node.kind === 'intersection') return [node.left, node.right]
  return node.kind === 'lazy' ? [node.target] : []
}

function checkPath(shape: Shape, path: readonly string[], name: string, limits: NameLimits): void {
  // The values of `tags` and of `tags[]` are one list, equally deep.
  if (path.length - (path.at(-1) === append ? 1 : 0) > limits.nesting) {
    throw new BodyError('LIMIT_NESTING', {
      detail: 'The name of a field is nested too deeply.',
      field: name,
      limit: limits.nesting,
    })
  }
  const counts = shape.every((node) => node.kind === 'list' || node.kind === 'tuple')
  if (counts && Number(path.at(-1)) > limits.arrayIndex) {
    throw new BodyError('LIMIT_NESTING', {
      detail: 'The name of a field has an index that is too high.',
      field: name,
      limit: limits.arrayIndex,
    })
  }
}
