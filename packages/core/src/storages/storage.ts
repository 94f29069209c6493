/** What a place for uploaded files has to do. */
import type { Readable } from 'node:stream'

/** What is known of a file before its first byte is read. */
export interface FileInfo {
  /** The name of the form field, `file` for a raw body. */
  readonly field: string
  /** The safe file name: one segment, no control characters, at most 255 bytes. */
  readonly name: string
  /** The file name as the client sent it. Never use it in a path. */
  readonly originalName: string
  /** The media type that the client declares, in lower case and without parameters; `''` where it declares none. */
  readonly type: string
  /** The part's own header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes to come, where the client has said so. */
  readonly expectedSize?: number
}

/** A file as a storage keeps it. */
export interface StoredFile {
  /** Bytes. */
  readonly size: number
  /** The absolute path, where the file is one of this machine's. */
  readonly path?: string
  /** The bytes from `start` up to and with `end`; without a range, all of them. */
  createReadStream(range?: ByteRange): Readable
  /** Removes the file. A file that is gone already is no error. */
  remove(): Promise<void> | void
  /**
   * A native Blob over the same bytes, for what only a native one can do: `new Blob([file])`,
   * `formData.append('field', file, 'other-name')` and `URL.createObjectURL(file)`. Those throw where this is missing.
   */
  blob?(): Blob | undefined
}

/** Both ends are inclusive, as in `fs.createReadStream`. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/** A place for uploaded files. */
export interface Storage {
  /** What `describe(app)` calls it. Default: the name of its class. */
  readonly name?: string
  /**
   * Takes the bytes of one file.
   *
   * @param stream the file's bytes. It is destroyed with an error if the request fails on the way.
   * @param info what is known before the first byte
   * @param signal aborted when the request has failed: stop, and leave nothing behind
   * @returns the stored file; or `undefined` to decline it, which must be before anything was read from `stream`
   */
  store(stream: Readable, info: FileInfo, signal: AbortSignal): Promise<StoredFile | undefined>
  /**
   * Takes a file of at most 64 KiB that has arrived whole, at once and without a stream, which costs more than the bytes
   * of a small file. Optional: it is for a storage that has nothing to wait for.
   *
   * @param bytes may be a part of a larger buffer
   * @returns the stored file; `undefined` where `store` is to be asked
   */
  storeBytes?(bytes: Buffer, info: FileInfo): StoredFile | undefined
}
