/** The interface of a storage. */
import type { Readable } from 'node:stream'
import type { FrameworkRequest } from '../http/progress.js'

/** The description of a file, known before its first byte. */
export interface FileDescription {
  /** The name of the form field; `file` for a raw body. */
  readonly field: string
  /** The safe file name: one path segment, printable, at most 255 bytes. Not unique. */
  readonly name: string
  /** The file name as the client sent it. Never use it in a path. */
  readonly originalName: string
  /** The media type that the client declares, in lower case and without parameters, or `''`. */
  readonly type: string
  /** The header fields of the part, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes, if the client has announced them. */
  readonly expectedSize?: number
}

/**
 * What filters, inspectors and storages get: the description of a file, and its request.
 *
 * @typeParam Request the request of the framework
 */
export interface FileInfo<Request = FrameworkRequest> extends FileDescription {
  /**
   * The request that your handlers get: `req` on Express, `ctx.request` on Koa, `request` on Fastify. `undefined` once the
   * response has ended and the files have been removed, so that a file that is kept holds no request in memory.
   */
  readonly request: Request
}

/** A file in a storage. */
export interface StoredFile {
  /** Bytes. */
  readonly size: number
  /** The absolute path of a local file. */
  readonly path?: string
  /**
   * Writes a file that is in the memory of this machine to a temporary file, for `file.toPath()`. What it returns takes
   * the place of this one. Without it, `toPath()` throws for a file that has no path.
   */
  toLocal?(): Promise<StoredFile & { readonly path: string }>
  /** The bytes of a range, default all. */
  createReadStream(range?: ByteRange): Readable
  /** Removes the file. Succeeds if it is already gone. */
  remove(): Promise<void> | void
  /**
   * A native Blob with the same bytes, for `new Blob([file])`, `formData.append('field', file, 'other-name')` and
   * `URL.createObjectURL(file)`. Without it, these throw.
   */
  blob?(): Blob | undefined
  /** The name and type of the file if the storage has changed them, as one that converts pictures does. */
  readonly info?: Partial<Pick<FileInfo, 'name' | 'type'>>
  /** Other files that the storage has made of this one, which become `file.results`. */
  readonly results?: Readonly<Record<string, StoredFile>>
}

/** Both ends are inclusive, as in `fs.createReadStream`. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/**
 * A place for uploaded files.
 *
 * @typeParam Stored what it returns for a file, and what `file.stored` then is in a route that names this storage
 * @typeParam Request the type of `info.request`
 */
export interface Storage<Stored extends StoredFile = StoredFile, Request = FrameworkRequest> {
  /** Its name in `describe(app)`. Default: the name of its class. */
  readonly name?: string
  /**
   * Stores one file.
   *
   * @param stream the bytes of the file. If the request fails, it is destroyed with an error.
   * @param info the description of the file, and its request
   * @param signal aborted when the request has failed: stop, and leave nothing behind
   * @returns the stored file; or `undefined` to decline it, before anything was read from `stream`
   */
  store(stream: Readable, info: FileInfo<Request>, signal: AbortSignal): Promise<Stored | undefined>
  /**
   * Stores a file of at most 64 KiB that has arrived whole, without a stream, which costs more than a small file itself.
   * Optional, for a storage that does so synchronously.
   *
   * @param bytes may be a part of a larger buffer
   * @returns the stored file; `undefined` to get it through `store` instead
   */
  storeBytes?(bytes: Buffer, info: FileInfo<Request>): Stored | undefined
}
