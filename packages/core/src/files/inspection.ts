/** What looks at the bytes of each file before they are stored. */
import type { FrameworkRequest } from '../http/progress.js'
import type { FileInfo } from '../storages/storage.js'
import type { FileFindings } from './uploaded-file.js'

/** The look at one file. Whatever it throws or rejects with, the file is not stored. */
export interface FileInspection {
  /**
   * The next bytes, which are stored only when this has returned. Where it returns a promise, the client waits.
   *
   * @param bytes must not be changed
   */
  chunk(bytes: Buffer): void | Promise<void>
  /**
   * Whether the bytes, or a view of them, are still needed when `chunk` has returned and its promise is settled. Default
   * true. With `false`, the memory of a large file's bytes is given back as soon as they are stored: a view is empty then.
   */
  readonly keepsBytes?: boolean
  /** All bytes were seen; the file counts as stored only when this has returned. @returns what was found out, if anything */
  end?(): FileFindings | void | Promise<FileFindings | void>
}

/**
 * Called for each file before its first byte.
 *
 * A `BodyError` that it throws, or that the inspection throws, is the answer of the request, and every file of the
 * request is removed; any other error is a 500 `INSPECTION_FAILED`.
 *
 * A method in type, so that its `request` may be declared as the framework's own.
 *
 * @param info what is known of the file
 * @param signal aborted when the request has failed: there will be no more chunks, and no end
 * @param request what the handler gets as its request
 * @returns the inspection; `undefined` for a file that needs none
 */
export type Inspector = {
  inspect(info: FileInfo, signal: AbortSignal, request: FrameworkRequest): FileInspection | undefined
}['inspect']
