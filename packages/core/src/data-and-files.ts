/** What a parser returns when a body holds files. */
import { groupFiles, mergeEntries, type Entry, type FilesByField } from './entries.js'

/** Data and files apart, as a parser returns them (Django REST framework's class of the same name). */
export class DataAndFiles {
  readonly data: unknown
  readonly files: FilesByField
  /** Of a form: its fields and files in the order in which the client sent them. */
  readonly entries: readonly Entry[] | undefined

  /**
   * @param data the fields
   * @param files the files by field name
   */
  constructor(data: unknown, files: FilesByField = {}, entries?: readonly Entry[]) {
    this.data = data
    this.files = files
    this.entries = entries
  }

  /** The fields and files of a form. A repeated name becomes an array. */
  static fromEntries(entries: readonly Entry[]): DataAndFiles {
    const fields = entries.filter((entry) => entry.kind !== 'file')
    return new DataAndFiles(mergeEntries(fields), groupFiles(entries), entries)
  }

  /**
   * Fields and files in one object, as `request.data` in Django REST framework. Data that has no names (a list, a
   * text) stays as it is.
   */
  merge(): unknown {
    if (
      Object.keys(this.files).length === 0 ||
      typeof this.data !== 'object' ||
      this.data === null ||
      Array.isArray(this.data)
    ) {
      return this.data
    }
    if (this.entries !== undefined) return mergeEntries(this.entries)
    const merged = Object.assign(Object.create(null), this.data) as Record<string, unknown>
    for (const [name, files] of Object.entries(this.files)) {
      const values = name in merged ? [merged[name], ...files] : files
      merged[name] = values.length === 1 ? values[0] : values
    }
    return merged
  }
}
