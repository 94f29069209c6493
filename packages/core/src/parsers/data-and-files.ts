/** What a parser returns when a body holds files. */

import type { UploadedFile } from '../files/uploaded-file.js'

/** Data and files apart, as a parser returns them (Django REST framework's class of the same name). */
export class DataAndFiles {
  readonly files: FilesByField
  /** Of a form: its fields and files in the order in which the client sent them. */
  readonly entries: readonly Entry[] | undefined
  #data: unknown

  /**
   * @param data the fields; `undefined` for those among the entries
   * @param files the files by field name
   */
  constructor(data: unknown, files: FilesByField = {}, entries?: readonly Entry[]) {
    this.#data = data
    this.files = files
    this.entries = entries
  }

  /** The fields and files of a form. A repeated name becomes an array. */
  static fromEntries(entries: readonly Entry[]): DataAndFiles {
    return new DataAndFiles(undefined, groupFiles(entries), entries)
  }

  /** The fields. Those of a form are put together when somebody asks: a handler gets them with its files. */
  get data(): unknown {
    if (this.#data === undefined && this.entries !== undefined)
      this.#data = mergeEntries(this.entries.filter(({ kind }) => kind !== 'file'))
    return this.#data
  }

  /**
   * Fields and files in one object, as `request.data` in Django REST framework. Data that has no names (a list, a
   * text) stays as it is.
   */
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
