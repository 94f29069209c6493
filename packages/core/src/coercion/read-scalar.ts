/** The rules for what is one text or one file in a form. */
import type { Entry } from '../parsers/data-and-files.js'
import type { FormTree } from './form-tree.js'
import type { FileNode, ScalarNode } from '../schema/form-node.js'
import type { Reader } from './reader.js'
import { NO_MATCH } from '../schema/text-value.js'
import { rawValue } from './form-tree.js'

/** A text, a number, a date, a choice. */
export function readScalar(reader: Reader, node: ScalarNode, tree: FormTree): unknown {
  if (node.blankIsAbsent && reader.isBlankText(tree)) return reader.readBlank(node)
  if (node.acceptsAny) return rawValue(tree)
  const entries = reader.entriesFor(node, tree)
  const [entry] = entries
  if (tree.children.size > 0 || entry === undefined) return reader.mismatch(rawValue(tree))
  if (entries.length > 1) return readRepeated(reader, node, entries)
  if (entry.kind !== 'text') {
    const fits = entry.kind === 'parsed' && (typeof entry.value !== 'object' || entry.value === null)
    return fits ? entry.value : reader.mismatch(entry.value)
  }
  if (node.nullable && entry.value === 'null' && !node.acceptsText('null')) return null
  const value = node.read(entry.value)
  return value === NO_MATCH ? reader.mismatch(entry.value) : value
}

/** A box with a hidden field of the same name beside it sends both; it is checked if either says so. */
function readRepeated(reader: Reader, node: ScalarNode, entries: readonly Entry[]): unknown {
  const values = entries.map((entry) => entry.value)
  if (!node.isBoolean) return reader.mismatch(values)
  const read = values.map((value) => (typeof value === 'string' ? node.read(value) : value))
  return read.every((value) => typeof value === 'boolean') ? read.includes(true) : reader.mismatch(values)
}

/** A file. */
export function readFile(reader: Reader, node: FileNode, tree: FormTree): unknown {
  // What a script appends where no file was chosen.
  if (reader.isBlankText(tree)) return reader.readBlank(node)
  const entries = reader.entriesFor(node, tree)
  const [entry] = entries
  if (entry === undefined || tree.children.size > 0) return reader.mismatch(rawValue(tree))
  if (entries.length > 1) return reader.mismatch(entries.map(({ value }) => value))
  return entry.kind === 'file' ? entry.value : reader.mismatch(entry.value)
}
