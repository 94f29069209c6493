/** What a parser returns when a body holds files. */
import { groupFiles, mergeEntries, type Entry, type FilesByField } from './entries.js'

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
