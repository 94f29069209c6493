/** Whether a place of a schema takes texts, files, or both. */
import type { Node } from './nodes.js'

/** What may stand in one place. */
export interface Kinds {
  readonly text: boolean
  readonly file: boolean
}

const text: Kinds = { text: true, file: false }
const file: Kinds = { text: false, file: true }
const both: Kinds = { text: true, file: true }
const neither: Kinds = { text: false, file: false }

// A z.lazy() whose getter makes a new schema each time has no end.
const mostNodes = 1000
const deepestNode = 64

/** What a node takes. A list takes what its items are; an object takes JSON, which is text. */
export function kindsOf(node: Node, seen: Set<Node> = new Set(), depth = 0): Kinds {
  if (seen.has(node) || seen.size === mostNodes || depth === deepestNode) return neither
  seen.add(node)
  const kindsInside = (inner: Node) => kindsOf(inner, seen, depth + 1)
  switch (node.kind) {
    case 'scalar':
      return node.takesAll ? both : text
    case 'file':
      return file
    case 'list':
      return kindsInside(node.element)
    case 'tuple':
      return [...node.items, ...(node.rest ? [node.rest] : [])].map(kindsInside).reduce(join, neither)
    case 'union':
      return node.options.map(kindsInside).reduce(join, neither)
    case 'intersection':
      return join(kindsInside(node.left), kindsInside(node.right))
    case 'lazy':
      return kindsInside(node.target)
    default:
      return text
  }
}

function join(left: Kinds, right: Kinds): Kinds {
  return { text: left.text || right.text, file: left.file || right.file }
}

/** Whether a node would take this very text as a text, and not only as what it stands for. */
export function takesText(node: Node, value: string, seen?: Set<Node>, depth = 0): boolean {
  // Most nodes are these, and need no memory of where the walk has been.
  if (node.kind === 'scalar') return node.takesText(value)
  if (node.kind !== 'union' && node.kind !== 'intersection' && node.kind !== 'lazy') return false
  const known = seen ?? new Set<Node>()
  if (known.has(node) || known.size === mostNodes || depth === deepestNode) return false
  known.add(node)
  const isTextFor = (inner: Node) => takesText(inner, value, known, depth + 1)
  if (node.kind === 'union') return node.options.some(isTextFor)
  if (node.kind === 'intersection') return isTextFor(node.left) && isTextFor(node.right)
  return isTextFor(node.target)
}
