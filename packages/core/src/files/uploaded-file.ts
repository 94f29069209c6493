/** The file that a handler gets, and its description. */
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { inspect, type InspectOptions } from 'node:util'
import { detectedTypes } from '../checks/sniff.js'
import { fileChannel, publishFile, storageName, type FileEvent } from '../events.js'
import type { FrameworkRequest } from '../http/progress.js'
import { MemoryFile } from '../storages/memory.js'
import { moveFile } from '../storages/move-file.js'
import type { ByteRange, FileDescription, FileInfo, Storage, StoredFile } from '../storages/storage.js'
import { LocalFile } from '../storages/temp-file.js'
import { BareFile, backNatively, FileSlice, readBytes, toWebStream } from './blob-shim.js'

/** The results of the inspections of a file. */
export interface FileFindings {
  /** Hexadecimal. */
  readonly hash?: string
  /** The media type that the first bytes show. */
  readonly detectedType?: string
}

/** The properties of a file that a client may see: never its path. */
export interface UploadedFileJSON extends FileFindings {
  readonly field: string
  readonly name: string
  /** Present if it differs from `name`. */
  readonly originalName?: string
  readonly type: string
  /** Bytes. */
  readonly size: number
}

/** The files that a storage has made of one file. */
export type FileResults<Stored extends StoredFile> = {
  readonly [Name in keyof NonNullable<Stored['results']>]: UploadedFile<NonNullable<Stored['results']>[Name]>
}

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

  /** Adds the request to a description. One that a parser of the app has made may be that of another request, too. */
  static of(info: FileDescription, request: FrameworkRequest): DescribedFile {
    if (info instanceof DescribedFile && info.request === request) return info
    const { field, name, originalName, type } = info
    return Object.assign(new DescribedFile(field, name, originalName, type, request), info, { request })
  }

  toJSON(): object {
    const { request: _, ...description } = this
    return description
  }
}

/** Releases the request of a file, which may be kept for long. */
export let forgetRequest: (file: UploadedFile) => void

/** `file.remove()` without a promise if there is nothing to wait for. */
export let removeFile: (file: UploadedFile) => Promise<void> | void

/** What an event says about a stored file. `ms` is the time since it was stored. */
export let fileEvent: (file: UploadedFile) => Pick<FileEvent, 'field' | 'type' | 'bytes' | 'storage' | 'ms'>

/**
 * An uploaded file: a standard `File` that reads its bytes on demand, from any storage.
 *
 * It is removed when the response has ended, unless you keep or move it.
 *
 * You can pass it to `z.file()`, `FormData`, `Response` and `fetch`. Some functions need a native File:
 *
 * - `structuredClone` and `postMessage` produce an empty object: send `await file.arrayBuffer()` or the path instead.
 * - `new Blob([file])`, `formData.append('field', file, 'other-name')`, a slice in a `FormData`, and
 *   `URL.createObjectURL(file)` work for files in memory and local files up to 4 GiB. For others they throw.
 *
 * ```ts
 * const file = UploadedFile.of('hello', { name: 'hello.txt', type: 'text/plain' }) // in a test
 * await file.moveTo('hello.txt')
 * ```
 */
export class UploadedFile<Stored extends StoredFile = StoredFile> extends BareFile implements File {
  #stored: Stored
  readonly #info: FileDescription
  readonly #findings: FileFindings
  #results: FileResults<Stored> | undefined
  readonly #storage: Storage | undefined
  readonly #storedAt: number = Date.now()
  #kept = false
  #gone: 'moved' | 'removed' | undefined
  #move: Promise<UploadedFile> | undefined
  #localizing: Promise<string> | undefined
  #removal: Promise<void> | undefined

  static {
    removeFile = (file) =>
      file.#move === undefined && file.#localizing === undefined ? file.#removeNow() : file.remove()
    fileEvent = (file) => {
      const { field, type, size } = file
      const ms = Date.now() - file.#storedAt
      return { field, type, bytes: size, storage: storageName(file.#storage), ms }
    }
    forgetRequest = (file) => {
      if (file.#info instanceof DescribedFile) file.#info.request = undefined!
    }
    backNatively(this.prototype, (file) => file.#nativeBlob())
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: UploadedFile, depth: number, options: InspectOptions) {
        const { path, kept } = this
        const shown = { ...this.toJSON(), ...(path !== undefined && { path }), ...(kept && { kept }) }
        const state = this.#gone === undefined ? '' : ` (${this.#gone})`
        return `UploadedFile${state} ${inspect(shown, { ...options, depth })}`
      },
    })
  }

  /**
   * A file in memory, as a handler gets it, for a test that sends no request.
   *
   * @param info `name` at least. `field` defaults to `file`, `type` to none.
   */
  static of(
    bytes: Uint8Array | string,
    { name, ...info }: Partial<FileDescription> & Pick<FileDescription, 'name'>,
    findings?: FileFindings,
  ): UploadedFile {
    const stored = new MemoryFile([Buffer.from(bytes)])
    const given = { field: 'file', name, originalName: name, type: '', headers: {}, ...info }
    return new UploadedFile(stored, given, findings)
  }

  /** Formgate calls this for each file. To test a handler, use `UploadedFile.of()`. */
  constructor(stored: Stored, info: FileDescription, findings: FileFindings = {}, storage?: Storage) {
    super()
    this.#storage = storage
    this.#stored = stored
    this.#info = stored.info ? changedInfo(info, stored.info) : info
    this.#findings = findings
    if (stored.results === undefined) return
    const results = Object.entries(stored.results).map(
      ([name, each]) => [name, new UploadedFile(each, info, {}, storage)] as const,
    )
    this.#results = Object.fromEntries(results) as FileResults<Stored>
  }

  /** The name of the form field; `file` for a raw body. */
  get field(): string {
    return this.#info.field
  }

  /** The safe file name: one path segment, printable, at most 255 bytes. Not unique. */
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

  /** The media type that the client declares, or `''`. It says nothing about the bytes. */
  get type(): string {
    return this.#info.type
  }

  /** When it was stored (ms since 1970): clients do not send the time of the file. */
  get lastModified(): number {
    return this.#storedAt
  }

  /** Always empty. */
  get webkitRelativePath(): string {
    return ''
  }

  /** The header fields of the part, names in lower case. */
  get headers(): Readonly<Record<string, string>> {
    return this.#info.headers
  }

  /**
   * The absolute path of a local file; `undefined` in memory, as small files are by default, or in an object store. Use
   * `toPath()` for a path that is always there.
   */
  get path(): string | undefined {
    return this.#stored.path
  }

  /** The digest of the bytes in hexadecimal, if an inspector computed one. */
  get hash(): string | undefined {
    return this.#findings.hash
  }

  /** The media type that the first bytes show, if `sniff()` or an inspector read them. */
  get detectedType(): string | undefined {
    return this.#findings.detectedType ?? detectedTypes.get(this)
  }

  /**
   * The file as its storage returned it, with what the storage adds, such as the key of an object. It has the type of
   * the storage in a `form()` or `body()` that names one; elsewhere, narrow it with `instanceof`.
   */
  get stored(): Stored {
    return this.#stored
  }

  /**
   * Other files that the storage has made of this one, such as the thumbnail of a picture, by their names; empty for most
   * storages. Each is a file of its own: it is removed when the response has ended, unless you keep or move it.
   */
  get results(): FileResults<Stored> {
    return this.#results ?? ({} as FileResults<Stored>)
  }

  /** True if it survives the end of the response. */
  get kept(): boolean {
    return this.#kept
  }

  /**
   * The bytes as a Node stream: the fastest way to read a file.
   *
   * @param range both ends inclusive; default all bytes
   * @throws Error if the file was moved or removed
   */
  createReadStream(range?: ByteRange): Readable {
    this.#assertThere()
    return this.#stored.createReadStream(range)
  }

  /** The bytes as a web stream, which opens the file at the first read. */
  stream(): ReturnType<File['stream']> {
    this.#assertThere()
    return toWebStream(this)
  }

  /** All bytes in memory. For large files, prefer `createReadStream()`. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await readBytes(this)).buffer
  }

  /** All bytes in memory. For large files, prefer `createReadStream()`. */
  bytes(): ReturnType<Blob['bytes']> {
    return readBytes(this)
  }

  /** All bytes as UTF-8 text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await readBytes(this))
  }

  /** A part of the file, read on demand. Negative numbers count from the end, as in `Blob.slice()`. */
  slice(start?: number, end?: number, type?: string): Blob {
    return new FileSlice(this, start, end, type)
  }

  /**
   * The path of the file on this machine, for code that takes no bytes and no stream.
   *
   * A file in memory is first written to a temporary one, and is from then on like a large file: it has this `path`, and
   * is removed when the response has ended, unless you keep or move it.
   *
   * @throws Error for a file in another place, such as S3, or one that was moved or removed; the error of the disk
   */
  async toPath(): Promise<string> {
    if (this.#move) await this.#move.catch(() => undefined)
    this.#assertThere()
    return this.path ?? (this.#localizing ??= this.#toLocal().finally(() => (this.#localizing = undefined)))
  }

  async #toLocal(): Promise<string> {
    const local = await this.#stored.toLocal?.()
    if (local === undefined)
      throw new Error(
        `The file "${this.name}" has no path: its storage does not keep it on this machine. Read it with ` +
          'createReadStream() or arrayBuffer(), or download it with moveTo().',
      )
    // A storage of the app's own may have typed more: it says what takes the place of its file.
    this.#stored = local as StoredFile as Stored
    return local.path
  }

  /**
   * Moves the file to a path, from any storage and across devices.
   *
   * @param path in a directory that exists
   * @param options set `overwrite` to replace an existing file. Default false.
   * @returns the file at its new path, kept. Do not use the old one.
   * @throws EEXIST if the path is taken, ENOENT if its directory is missing; the file then stays where it is
   */
  async moveTo(path: string, options: { readonly overwrite?: boolean } = {}): Promise<UploadedFile> {
    this.#assertThere()
    if (this.#move) throw new Error(`The file "${this.name}" is already being moved.`)
    this.#move = this.#moveTo(resolve(path), options.overwrite ?? false).finally(
      () => (this.#move = undefined),
    )
    return this.#move
  }

  async #moveTo(target: string, overwrite: boolean): Promise<UploadedFile> {
    if (this.#localizing) await this.#localizing.catch(() => undefined)
    await moveFile(this.#stored, target, overwrite)
    this.#gone = 'moved'
    const { detectedType } = this
    const findings = { ...this.#findings, ...(detectedType !== undefined && { detectedType }) }
    const moved: UploadedFile = new UploadedFile(await LocalFile.at(target, this.size), this.#info, findings)
    moved.#results = this.#results
    return moved.keep()
  }

  /**
   * Keeps the file after the response, for work in this process that removes it at the end. A spooled file stays a
   * temporary file: to keep it permanently, use `moveTo()`.
   */
  keep(): this {
    this.#assertThere()
    this.#kept = true
    return this
  }

  /** Removes the file now. Does nothing if it was removed or moved. */
  async remove(): Promise<void> {
    // If a move under way fails, the file is still here.
    await (this.#move ?? this.#localizing)?.catch(() => undefined)
    await this.#removeNow()
  }

  #removeNow(): Promise<void> | void {
    if (this.#gone) return this.#removal
    this.#gone = 'removed'
    try {
      const removal = this.#stored.remove()
      if (removal === undefined) return this.#noteRemoval()
      this.#removal = removal.then(
        () => this.#noteRemoval(),
        (error: unknown) => this.#failRemoval(error),
      )
      return this.#removal
    } catch (error) {
      return this.#failRemoval(error)
    }
  }

  #noteRemoval(): void {
    // Not of a file that the app has made, moved, or that was rejected before it was stored.
    if (fileChannel.hasSubscribers && this.#storage !== undefined)
      publishFile({ ...fileEvent(this), outcome: 'removed' })
  }

  /** Lets the next call try again. */
  async #failRemoval(error: unknown): Promise<never> {
    this.#removal = undefined
    this.#gone = undefined
    throw error
  }

  #nativeBlob(): Blob {
    this.#assertThere()
    const blob = this.#stored.blob?.()
    if (blob) return blob
    throw new TypeError(`Cannot make a native Blob of the file "${this.name}". Use file.stream() instead.`)
  }

  #assertThere(): void {
    if (this.#gone === undefined) return
    const hint =
      this.#gone === 'moved'
        ? 'Use the file that moveTo() returned.'
        : 'Files are removed when the response ends: call keep() or moveTo() before.'
    throw new Error(`The file "${this.name}" was ${this.#gone}. ${hint}`)
  }

  /** Called by `JSON.stringify` and `res.json`. */
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
}

/** A description with the name and type that a storage has given to the file. */
function changedInfo(info: FileDescription, changes: NonNullable<StoredFile['info']>): FileDescription {
  const changed = Object.create(Object.getPrototypeOf(info) as object) as FileDescription
  return Object.assign(changed, info, changes)
}
