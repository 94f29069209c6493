/** The ordered fields and files of a form, before anything is merged or validated. */
import type { UploadedFile } from './files/uploaded-file.js'

/** One field or file of a form. */
export type Entry = TextEntry | FileEntry | ParsedEntry

export interface TextEntry {
  readonly kind: 'text'
  readonly name: string
  readonly value: string
}

export interface FileEntry {
  readonly kind: 'file'
  readonly name: string
  readonly value: UploadedFile
}

/** A part that a parser has read by the part's own Content-Type, such as JSON. */
export interface ParsedEntry {
  readonly kind: 'parsed'
  readonly name: string
  readonly value: unknown
}

/** Files by field name; always a list, even of one. */
export type FilesByField = Record<string, UploadedFile[]>

/** An object without prototype: a field called __proto__ or toString is a name in it like any other. */
export function bareRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

/** Entries as one object without prototype, in which a repeated name is an array. */
export function mergeEntries(entries: readonly Entry[]): Record<string, unknown> {
  const data = bareRecord<unknown>()
  // An array in `data` does not yet say "repeated": the value of a JSON part may be one.
  let repeated: Set<string> | undefined
  for (const { name, value } of entries) {
    const known = data[name]
    if (known === undefined) {
      put(data, name, value)
    } else if (repeated?.has(name)) {
      ;(known as unknown[]).push(value)
    } else {
      put(data, name, [known, value])
      ;(repeated ??= new Set()).add(name)
    }
  }
  return data
}

/** The files among entries, by field name. */
export function groupFiles(entries: readonly Entry[]): FilesByField {
  const files: FilesByField = bareRecord()
  for (const entry of entries) {
    if (entry.kind !== 'file') continue
    const known = files[entry.name]
    if (known === undefined) put(files, entry.name, [entry.value])
    else known.push(entry.value)
  }
  return files
}

/**
 * The one place that gives a record a name. V8 is slow (6 µs) where a place meets the same name always, but in strings
 * that are made afresh; one place for all names meets several soon.
 */
function put<T>(record: Record<string, T>, name: string, value: T): void {
  record[name] = value
}
