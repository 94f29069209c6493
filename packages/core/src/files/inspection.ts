/** Filters, which choose the files to store, and inspectors, which see the bytes of a file before the storage does. */

import { AsyncResource } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { hasOneReader, isUnread, markExclusive } from '../bytes/buffer-release.js'
import { BodyError } from '../errors.js'
import type { FrameworkRequest } from '../http/progress.js'
import type { FileDescription, FileInfo } from '../storages/storage.js'
import { DescribedFile, type FileFindings } from './uploaded-file.js'

/** The inspection of one file. If one of its methods throws or rejects, the file is not stored. */
export interface FileInspection {
  /**
   * Gets the next bytes. They are stored when this has returned; if it returns a promise, the client waits for it.
   *
   * @param bytes yours to keep. Do not change them, and do not transfer their memory.
   */
  chunk(bytes: Buffer): void | Promise<void>
  /** Called after the last chunk. The file counts as stored when this has returned. @returns the findings, if any */
  end?(): FileFindings | void | Promise<FileFindings | void>
}

/**
 * Called for each file before its first byte.
 *
 * If it, or its inspection, throws a `BodyError`, this becomes the answer and every file of the request is removed. Any
 * other error is a 500 `INSPECTION_FAILED`.
 *
 * A method type, so that you can declare `request` as the request of your framework.
 *
 * @param info the description of the file
 * @param signal aborted when the request has failed: neither chunks nor an end follow
 * @param request the request that your handlers get
 * @returns the inspection; `undefined` to skip the file
 */
export type Inspector<Request = FrameworkRequest> = {
  inspect(info: FileInfo<Request>, signal: AbortSignal, request: Request): FileInspection | undefined
}['inspect']

/**
 * Called for each file before its first byte, and waited for. A file for which it returns `false` is left out: its bytes are
 * drained, no storage and no limit on files sees it, and it is in neither `data` nor `files`.
 *
 * If it throws or rejects, that fails the request: a `BodyError` becomes the answer, any other error is one of the server.
 *
 * A method type, so that you can declare `request` as the request of your framework.
 *
 * @param file the description of the file
 * @param request the request that your handlers get
 */
export type FileFilter<Request = FrameworkRequest> = {
  filter(file: FileInfo<Request>, request: Request): boolean | Promise<boolean>
}['filter']

/** The filter for the files of a request. It runs in the context (AsyncLocalStorage) of the caller. */
export function bindFilter(
  filter: FileFilter,
  request: FrameworkRequest,
): (file: FileDescription) => boolean | Promise<boolean> {
  const context = new AsyncResource('FormgateFilter', { requireManualDestroy: true })
  return (file) =>
    context.runInAsyncScope(() => checkVerdict(filter(DescribedFile.of(file, request), request)))
}

/** @throws TypeError unless it is a boolean or a promise, since an untyped program may return anything */
function checkVerdict(verdict: unknown): boolean | Promise<boolean> {
  if (typeof verdict === 'boolean') return verdict
  if (isThenable(verdict)) return Promise.resolve(verdict).then(checkVerdict)
  throw new TypeError(
    `filter must return true or false, or a promise of one, but returned ${String(verdict)}.`,
  )
}

/** Inspections that keep no chunk. Not part of the public interface: an inspector that is wrong about it loses data. */
const keepNothing = new WeakSet<FileInspection>()

/**
 * Sets the `hash` of every `UploadedFile`, in hexadecimal.
 *
 * ```ts
 * multipart({ inspect: [hash()] }) // file.hash is the SHA-256
 * ```
 *
 * @param algorithm any that Node's `createHash` knows: `sha256` (default), `sha1`, `md5`, `sha512`, `blake2b512`
 * @throws TypeError for an unknown algorithm
 */
export function hash(algorithm = 'sha256'): Inspector {
  try {
    createHash(algorithm)
  } catch {
    throw new TypeError(`Unknown hash ${JSON.stringify(algorithm)}. Use one of crypto.getHashes().`)
  }
  return function hash() {
    const digest = createHash(algorithm)
    const inspection: FileInspection = {
      chunk: (bytes) => void digest.update(bytes),
      end: () => ({ hash: digest.digest('hex') }),
    }
    keepNothing.add(inspection)
    return inspection
  }
}

/** The inspectors of a request. */
export interface Inspecting {
  readonly inspectors: readonly Inspector[]
  readonly request: FrameworkRequest
}

/**
 * Starts the inspections of a file.
 *
 * @returns one per inspector that does not skip the file, in order
 * @throws BodyError from an inspector, `INSPECTION_FAILED` for any other error
 */
export function beginInspections(
  { inspectors, request }: Inspecting,
  info: FileInfo,
  signal: AbortSignal,
): readonly FileInspection[] {
  const begun: FileInspection[] = []
  try {
    for (const inspect of inspectors) {
      const inspection: unknown = inspect(info, signal, request)
      if (inspection !== undefined) begun.push(checkInspection(inspection))
    }
    return begun
  } catch (error) {
    throw toBodyError(error, info)
  }
}

/** @throws TypeError unless it is an inspection, since an untyped program may return anything */
function checkInspection(inspection: unknown): FileInspection {
  if (isThenable(inspection)) {
    // Handled here, or a rejection would end the process.
    inspection.then(undefined, () => undefined)
    throw new TypeError(
      'An inspector returned a promise. Return the inspection at once, and wait in chunk() or end().',
    )
  }
  if (typeof (inspection as Partial<FileInspection> | null)?.chunk === 'function')
    return inspection as FileInspection
  throw new TypeError('An inspector must return an object with a chunk() method, or undefined.')
}

/** For a chunk that is empty, since other code has transferred its memory to a worker or to `structuredClone`. */
function transferred({ field }: FileInfo): BodyError {
  return new BodyError('INSPECTION_FAILED', {
    detail: 'An inspector transferred the memory of a chunk before it was stored.',
    hint: 'Transfer a copy of the bytes instead.',
    field,
  })
}

function toBodyError(error: unknown, { field }: FileInfo): BodyError {
  return error instanceof BodyError ? error : new BodyError('INSPECTION_FAILED', { field, cause: error })
}

/**
 * Shows each chunk to the inspections in turn before it passes it on, and ends when they have ended.
 *
 * It reads nothing until it is read from. It never destroys its source: when this stream is destroyed, the rest of the
 * file is drained, so that the body behind it goes on.
 */
export class InspectedStream extends Readable {
  readonly #source: Readable
  readonly #info: FileInfo
  readonly #inspections: readonly FileInspection[]
  #isReading = false
  /** True while an inspection works. */
  #isBusy = false
  /** True after the last chunk: a paused source also ends if nothing is left in it. */
  #isAtEnd = false
  /** The error of the inspection that failed. */
  refusal: BodyError | undefined
  /** The findings of all inspections, complete when the stream has ended. */
  findings: FileFindings = {}

  constructor(source: Readable, info: FileInfo, inspections: readonly FileInspection[]) {
    super()
    this.#source = source
    this.#info = info
    this.#inspections = inspections
    markExclusive(this, isUnread(source) && inspections.every((each) => keepNothing.has(each)))
    source.on('error', (error) => this.destroy(error))
    source.on('close', this.#onClose)
  }

  override _read(): void {
    if (!this.#isReading) {
      this.#isReading = true
      this.#source.on('end', this.#onEnd).on('data', this.#onData)
    }
    if (!this.#isBusy) this.#source.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.off('close', this.#onClose).off('end', this.#onEnd).off('data', this.#onData)
    this.#source.resume()
    callback(error)
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!hasOneReader(this.#source)) markExclusive(this, false)
    let busy: Promise<void> | undefined
    try {
      busy = this.#show(bytes, 0)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (busy === undefined) {
      if (!this.push(bytes)) this.#source.pause()
      return
    }
    this.#isBusy = true
    this.#source.pause()
    busy.then(() => this.#passOn(bytes), this.#refuse)
  }

  /** @throws BodyError, or the error of an inspection */
  #show(bytes: Buffer, from: number): Promise<void> | undefined {
    const size = bytes.length
    for (let at = from; at < this.#inspections.length; at += 1) {
      const busy = this.#inspections[at]!.chunk(bytes)
      if (isThenable(busy)) return this.#showAfter(busy, bytes, size, at + 1)
      if (bytes.length !== size) throw transferred(this.#info)
    }
    return undefined
  }

  async #showAfter(busy: PromiseLike<unknown>, bytes: Buffer, size: number, next: number): Promise<void> {
    await busy
    if (bytes.length !== size) throw transferred(this.#info)
    if (!this.destroyed) await this.#show(bytes, next)
  }

  #passOn(bytes: Buffer): void {
    this.#isBusy = false
    if (this.destroyed) return
    try {
      const hasRoom = this.push(bytes)
      if (this.#isAtEnd) void this.#end()
      else if (hasRoom) this.#source.resume()
    } catch (error) {
      // A reader threw in its listener. No other code catches this.
      this.destroy(error instanceof Error ? error : new Error('A reader failed.', { cause: error }))
    }
  }

  /** Fails if a buffered chunk has been emptied: the stream would wait for its bytes for ever. */
  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: unknown = super.read(size)
    const isStuck = chunk === null && size === undefined && this.readableLength > 0
    if (isStuck) this.#refuse(transferred(this.#info))
    return chunk
  }

  readonly #onEnd = (): void => {
    this.#isAtEnd = true
    if (!this.#isBusy) void this.#end()
  }

  async #end(): Promise<void> {
    try {
      for (const inspection of this.#inspections)
        this.findings = { ...this.findings, ...(await inspection.end?.()) }
      if (!this.destroyed) this.push(null)
    } catch (error) {
      this.#refuse(error)
    }
  }

  readonly #onClose = (): void => {
    if (!this.#source.readableEnded)
      this.destroy(new Error('The stream of the file was closed before its end.'))
  }

  readonly #refuse = (error: unknown): void => {
    if (this.destroyed) return
    this.refusal = toBodyError(error, this.#info)
    this.destroy(this.refusal)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
