/** What a handler gets for each file. */
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { inspect } from 'node:util'
import type { InspectOptions } from 'node:util'
import { detectedTypeOf } from '../checks/detect-type.js'
import { FileSlice } from './file-slice.js'
import { LocalFile } from '../storages/temp-file.js'
import { moveFile } from '../storages/move-file.js'
import { BareFile, backNatively } from './blob-shim.js'
import { removeStored } from '../storages/cleanup.js'
import type { ByteRange, FileInfo, StoredFile } from '../storages/storage.js'
import { readBytes, readText, toWebStream } from './blob-shim.js'

/** What was found out about a file while it was stored. */
export interface FileFindings {
  /** The digest of the bytes, in hexadecimal. */
  readonly hash?: string
  /** The media type that the first bytes show. */
  readonly detectedType?: string
}

/** What of a file may be shown to a client: never its path. */
export interface UploadedFileJSON {
  readonly field: string
  readonly name: string
  /** Only where it differs from `name`. */
  readonly originalName?: string
  readonly type: string
  /** Bytes. */
  readonly size: number
  readonly hash?: string
  readonly detectedType?: string
}

/** As `file.remove()`, but makes no promise where there is nothing to wait for. */
export let removeFile: (file: UploadedFile) => Promise<void> | void

/**
 * An uploaded file: a `File` like any other, wherever its bytes are. Nothing is read before it is asked for.
 *
 * It is removed when the response has ended, unless it was kept or moved.
 *
 * As `instanceof File` it passes `z.file()`, `FormData`, `Response` and `fetch`. What needs a native File:
 *
 * - `structuredClone` and `postMessage` give a bare object: send `await file.arrayBuffer()` or the path instead.
 * - `new Blob([file])`, `formData.append('field', file, 'other-name')`, a slice in a `FormData`, and
 *   `URL.createObjectURL(file)` work for files in memory and on this machine up to 4 GiB. For others they throw.
 */
export class UploadedFile extends BareFile implements File {
  readonly #stored: StoredFile
  readonly #info: FileInfo
  readonly #findings: FileFindings
  readonly #storedAt: number = Date.now()
  #kept = false
  /** Why it can be read no more. */
  #gone: 'moved' | 'removed' | undefined
  #move: Promise<UploadedFile> | undefined
  #removal: Promise<void> | undefined

  static {
    removeFile = (file) => (file.#move === undefined ? file.#removeNow() : file.remove())
    backNatively(this.prototype, (file) => file.#nativeBlob())
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: UploadedFile, depth: number, options: InspectOptions) {
        return this.#inspect(depth, options)
      },
    })
  }

  /** Made by Formgate for each file; by hand it is of use in tests of a handler. */
  constructor(stored: StoredFile, info: FileInfo, findings: FileFindings = {}) {
    super()
    this.#stored = stored
    this.#info = info
    this.#findings = findings
  }

  /** The name of the form field; `file` for a raw body. */
  get field(): string {
    return this.#info.field
  }

  /** The safe file name: one segment, nothing unprintable, at most 255 bytes. Two files may have the same. */
  get name(): string {
    return this.#info.name
  }

  /** The file name as the client sent it. Never use it in a path. */
  get originalName(): string {
    return this.#info.originalName
  }

  /** Bytes. */
  get size(): number {
    return this.#stored.size
  }

  /** The media type that the client declares, `''` where it declares none. It proves nothing about the bytes. */
  get type(): string {
    return this.#info.type
  }

  /** When it was stored, in milliseconds since 1970: a client does not send the time of the file. */
  get lastModified(): number {
    return this.#storedAt
  }

  /** Always empty, as for every file that no folder was chosen for. */
  get webkitRelativePath(): string {
    return ''
  }

  /** The header fields of its part, names in lower case. */
  get headers(): Readonly<Record<string, string>> {
    return this.#info.headers
  }

  /** The absolute path, where the file is one of this machine's. A file in memory or in an object store has none. */
  get path(): string | undefined {
    return this.#stored.path
  }

  /** The digest of the bytes in hexadecimal, where a storage was told to take one. */
  get hash(): string | undefined {
    return this.#findings.hash
  }

  /** The media type that the first bytes show, where that was looked at. */
  get detectedType(): string | undefined {
    return this.#findings.detectedType ?? detectedTypeOf(this)
  }

  /** What the storage gave back, which may know more: the bucket and key of an object, for one. */
  get stored(): StoredFile {
    return this.#stored
  }

  /** Whether it survives the end of the response. */
  get kept(): boolean {
    return this.#kept
  }

  /**
   * The bytes as a Node stream: the fast way out.
   *
   * @param range both ends inclusive; without it all bytes
   * @throws Error where the file was moved or removed
   */
  createReadStream(range?: ByteRange): Readable {
    this.#assertThere()
    return this.#stored.createReadStream(range)
  }

  /** All bytes as a web stream that opens the file at the first read. */
  stream(): ReturnType<File['stream']> {
    this.#assertThere()
    return toWebStream(this)
  }

  /** All bytes at once. They take their size in memory: `createReadStream()` does not. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await readBytes(this)).buffer
  }

  /** As `arrayBuffer()`. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return readBytes(this)
  }

  /** All bytes, decoded as UTF-8. */
  text(): Promise<string> {
    return readText(this)
  }

  /** A part of the file, read when it is asked for. Negative numbers count from the end, as in `Blob.slice()`. */
  slice(start?: number, end?: number, type?: string): Blob {
    const whole = {
      size: this.size,
      createReadStream: (range: ByteRange) => this.createReadStream(range),
      nativeBlob: () => this.#nativeBlob(),
    }
    return new FileSlice(whole, start, end, type)
  }

  /**
   * Moves the file to a path, across devices too, and out of memory or an object store as well.
   *
   * @param path where to; a directory on the way is not created
   * @param options `overwrite` replaces a file that is there. Default false.
   * @returns a fresh handle, which is kept. This one can be read no more.
   * @throws EEXIST where the path is taken, ENOENT where its directory is missing; the file is then where it was
   */
  async moveTo(path: string, options: { readonly overwrite?: boolean } = {}): Promise<UploadedFile> {
    this.#assertThere()
    if (this.#move) throw new Error(`The file "${this.name}" is being moved already.`)
    this.#move = this.#moveTo(resolve(path), options.overwrite ?? false)
    try {
      return await this.#move
    } finally {
      this.#move = undefined
    }
  }

  async #moveTo(target: string, overwrite: boolean): Promise<UploadedFile> {
    await moveFile(this.#stored, target, overwrite)
    this.#gone = 'moved'
    const { detectedType } = this
    const findings = { ...this.#findings, ...(detectedType !== undefined && { detectedType }) }
    const moved = new UploadedFile(await LocalFile.at(target, this.size), this.#info, findings)
    return moved.keep()
  }

  /**
   * Lets the file live on after the response: for work that goes on in this process, and removes it when it is done.
   * A spooled file stays a temporary one; for good, use `moveTo()`.
   */
  keep(): this {
    this.#assertThere()
    this.#kept = true
    return this
  }

  /** Removes the file now. Once it is removed or moved, this does nothing. */
  remove(): Promise<void> {
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    // A move that is under way goes first: if it fails, the file is still here.
    await this.#move?.catch(() => undefined)
    await this.#removeNow()
  }

  #removeNow(): Promise<void> | void {
    if (this.#gone) return
    this.#gone = 'removed'
    return removeStored(this.#stored)?.catch((error: unknown) => {
      this.#removal = undefined
      this.#gone = undefined
      throw error
    })
  }

  #nativeBlob(): Blob {
    this.#assertThere()
    const blob = this.#stored.blob?.()
    if (blob) return blob
    throw new TypeError(`The file "${this.name}" cannot become a native Blob. Use file.stream() instead.`)
  }

  #assertThere(): void {
    if (this.#gone === undefined) return
    const hint =
      this.#gone === 'moved'
        ? 'Use the file that moveTo() returned.'
        : 'Files are removed when the response ends: call keep() or moveTo() before.'
    throw new Error(`The file "${this.name}" was ${this.#gone} and can be read no more. ${hint}`)
  }

  /** What `JSON.stringify` and `res.json` show: never a path. */
  toJSON(): UploadedFileJSON {
    const { field, name, originalName, type, size, hash, detectedType } = this
    return {
      field,
      name,
      ...(originalName !== name && { originalName }),
      type,
      size,
      ...(hash !== undefined && { hash }),
      ...(detectedType !== undefined && { detectedType }),
    }
  }

  get [Symbol.toStringTag](): string {
    return 'File'
  }

  #inspect(depth: number, options: InspectOptions): string {
    const { path, kept } = this
    const shown = { ...this.toJSON(), ...(path !== undefined && { path }), ...(kept && { kept }) }
    const state = this.#gone === undefined ? '' : ` (${this.#gone})`
    return `UploadedFile${state} ${inspect(shown, { ...options, depth })}`
  }
}
