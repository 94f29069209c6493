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

/** What a node takes. A list takes what its items are; an object takes JSON, which is text. */
export function kindsOf(node: Node, seen: Set<Node> = new Set()): Kinds {
  if (seen.has(node)) return neither
  seen.add(node)
  switch (node.kind) {
    case 'scalar':
      return node.takesAll ? both : text
    case 'file':
      return file
    case 'list':
      return kindsOf(node.element, seen)
    case 'tuple':
      return [...node.items, ...(node.rest ? [node.rest] : [])]
        .map((item) => kindsOf(item, seen))
        .reduce(join, neither)
    case 'union':
      return node.options.map((option) => kindsOf(option, seen)).reduce(join, neither)
    case 'intersection':
      return join(kindsOf(node.left, seen), kindsOf(node.right, seen))
    case 'lazy':
      return kindsOf(node.target, seen)
    default:
      return text
  }
}

function join(left: Kinds, right: Kinds): Kinds {
  return { text: left.text || right.text, file: left.file || right.file }
}

/** Whether a node would take this very text as a text, and not only as what it stands for. */
export function takesText(node: Node, value: string, seen: Set<Node> = new Set()): boolean {
  if (seen.has(node)) return false
  seen.add(node)
  switch (node.kind) {
    case 'scalar':
      return node.takesText(value)
    case 'union':
      return node.options.some((option) => takesText(option, value, seen))
    case 'intersection':
      return takesText(node.left, value, seen) && takesText(node.right, value, seen)
    case 'lazy':
      return takesText(node.target, value, seen)
    default:
      return false
  }
}
