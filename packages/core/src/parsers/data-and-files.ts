/** The result of a parser for a body with files. */
import type { UploadedFile } from '../files/uploaded-file.js'

/** Data and files, kept apart (Django REST framework's class of the same name). */
export class DataAndFiles {
  readonly files: FilesByField
  /** The fields and files of a form, in the order in which the client sent them. */
  readonly entries: readonly Entry[] | undefined
  #data: unknown

  /** @param data the fields; `undefined` for those in `entries` */
  constructor(data: unknown, files: FilesByField = {}, entries?: readonly Entry[]) {
    this.#data = data
    this.files = files
    this.entries = entries
  }

  /** The fields and files of a form. A repeated name becomes an array. */
  static fromEntries(entries: readonly Entry[]): DataAndFiles {
    return new DataAndFiles(undefined, groupFiles(entries), entries)
  }

  /** The fields. Those of a form are merged when asked for: handlers get the result of `merge()`. */
  get data(): unknown {
    if (this.#data === undefined && this.entries !== undefined)
      this.#data = mergeEntries(this.entries.filter(({ kind }) => kind !== 'file'))
    return this.#data
  }

  /** Fields and files in one object, as `request.data` in Django REST framework. A list or text is returned as it is. */
  merge(): unknown {
    const data = this.#data
    const hasFiles = Object.keys(this.files).length > 0
    if (this.entries !== undefined && (hasFiles || data === undefined)) return mergeEntries(this.entries)
    if (!hasFiles || typeof data !== 'object' || data === null || Array.isArray(data)) return data
    const merged = Object.assign(Object.create(null), data) as Record<string, unknown>
    for (const [name, files] of Object.entries(this.files)) {
      const values = name in merged ? [merged[name], ...files] : files
      merged[name] = values.length === 1 ? values[0] : values
    }
    return merged
  }
}

/** One field or file of a form. */
export type Entry = TextEntry | FileEntry | ParsedEntry

/** A field of a form, as text. */
export interface TextEntry {
  readonly kind: 'text'
  readonly name: string
  readonly value: string
}

/** A file of a form. */
export interface FileEntry {
  readonly kind: 'file'
  readonly name: string
  readonly value: UploadedFile
}

/** A part that was parsed by its own Content-Type, such as JSON. */
export interface ParsedEntry {
  readonly kind: 'parsed'
  readonly name: string
  readonly value: unknown
}

/** Lists of files by field name. */
export type FilesByField = Record<string, UploadedFile[]>

/** An object without prototype, so that fields may be called `__proto__` or `toString`. */
export function bareRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

/** Merges entries into one object without prototype. The values of a repeated name become an array. */
export function mergeEntries(entries: readonly Entry[]): Record<string, unknown> {
  const data = bareRecord<unknown>()
  // An array in `data` may also be the value of a JSON part.
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
 * The only place that adds a name to a record. V8 is slow (6 µs) where a store meets a single name, each time in a new
 * string; one store for all names soon meets several.
 */
function put<T>(record: Record<string, T>, name: string, value: T): void {
  record[name] = value
}
