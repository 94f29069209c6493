/** The description of a file as filters, inspectors and storages get it. */
import { inspect } from 'node:util'
import type { FrameworkRequest } from '../http/progress.js'
import type { FileDescription, FileInfo } from '../storages/storage.js'

/**
 * A class for the sake of what is logged: its JSON, and what `console.log()` shows, leave out the request, which has cookies
 * and tokens. `{ ...info }` has it, for storages that pass a file on under another name.
 */
export class DescribedFile implements FileInfo {
  readonly field: string
  readonly name: string
  readonly originalName: string
  readonly type: string
  request: FrameworkRequest
  declare headers: FileInfo['headers']
  declare expectedSize?: number

  static {
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: DescribedFile) {
        return this.toJSON()
      },
    })
  }

  constructor(field: string, name: string, originalName: string, type: string, request: FrameworkRequest) {
    this.field = field
    this.name = name
    this.originalName = originalName
    this.type = type
    this.request = request
  }

  /** Adds the request to a description that a parser of the app has made. */
  static of(info: FileDescription, request: FrameworkRequest): DescribedFile {
    if (info instanceof DescribedFile) return info
    const { field, name, originalName, type } = info
    return Object.assign(new DescribedFile(field, name, originalName, type, request), info, { request })
  }

  toJSON(): object {
    const { request: _, ...description } = this
    return description
  }
}
