/** The files of one request: who stores them, and when they are removed. */
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import { BodyError } from '../errors.js'
import { codeOf } from './rename-new.js'
import { reportLeftover } from './report-leftover.js'
import type { FileInfo, Storage, StoredFile } from './storage.js'
import { UploadedFile } from './uploaded-file.js'

/** How long a storage may take to stop when the request has failed, in milliseconds. The answer waits for it. */
const defaultGrace = 1000

const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

export interface FileLedgerOptions {
  /** Milliseconds to wait for a storage that does not stop, or does not remove. Default 1000. */
  readonly grace?: number
}

/**
 * Knows every file of one request from its first byte on. When the request fails, `discard()`; when the response has
 * ended, `release()`. After either, or once one file could not be stored, nothing is stored any more, and a file that
 * a slow storage hands over too late is removed at once.
 */
export class FileLedger {
  readonly #storages: readonly Storage[]
  readonly #grace: number
  readonly #files: UploadedFile[] = []
  readonly #pending = new Set<Promise<unknown>>()
  #controller: AbortController | undefined

  /** @param storages are asked in this order */
  constructor(storages: readonly Storage[], options: FileLedgerOptions = {}) {
    this.#storages = storages
    this.#grace = options.grace ?? defaultGrace
  }

  /** Aborted when the request has failed or its response has ended. */
  get signal(): AbortSignal {
    return this.#abortController.signal
  }

  /**
   * Stores one file with the first storage that takes it.
   *
   * Whatever becomes of the file, its stream never blocks the body that it is a part of: what nobody reads is
   * discarded.
   *
   * @throws BodyError `UNHANDLED_FILE`, `STORAGE_FAILED` or `STORAGE_FULL`; or what `stream` failed with, as it is;
   * or the reason of the abort. Every one but a failed stream stops the request's other files as well.
   */
  async store(stream: Readable, info: FileInfo): Promise<UploadedFile> {
    // A stream that fails while nobody listens would end the process.
    stream.on('error', () => undefined)
    const stored = this.#storeInTurn(stream, info)
    const settled = this.#withinGrace(stored, stream)
    this.#pending.add(settled)
    try {
      return await settled
    } catch (error) {
      const reason = this.#reasonOf(error, stream, info)
      this.abort(reason)
      throw reason
    } finally {
      this.#pending.delete(settled)
      if (!stream.readableEnded) stream.resume()
    }
  }

  /** Stops every storage that is still at work. The first reason counts. */
  abort(reason: unknown): void {
    this.#abortController.abort(reason)
  }

  /**
   * The request has failed: stops what is being stored and removes what was, but for what was kept or moved.
   *
   * Never rejects, and never waits longer than twice the grace period. What could not be removed is reported as a
   * process warning.
   */
  async discard(reason: unknown = new BodyError('CLIENT_ABORTED')): Promise<void> {
    this.abort(reason)
    await Promise.allSettled(this.#pending)
    await this.#removeAll()
  }

  /** The response has ended: removes what was neither kept nor moved. Never rejects. */
  async release(): Promise<void> {
    // The usual case, of a request without files, must cost nothing.
    if (this.#files.length === 0 && this.#pending.size === 0) return
    await this.discard(new Error('The response has ended.'))
  }

  get #abortController(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // One listener per file that is being stored: there is no fixed number that would be too many.
      setMaxListeners(0, this.#controller.signal)
    }
    return this.#controller
  }

  async #storeInTurn(stream: Readable, info: FileInfo): Promise<UploadedFile> {
    const { signal } = this
    signal.throwIfAborted()
    for (const storage of this.#storages) {
      const stored = await storage.store(stream, info, signal)
      if (stored) return this.#enter(stored, info)
      if (stream.readableDidRead) throw new Error('A storage declined a file after it had begun to read it.')
    }
    throw new BodyError('UNHANDLED_FILE', { field: info.field })
  }

  async #enter(stored: StoredFile, info: FileInfo): Promise<UploadedFile> {
    const file = new UploadedFile(stored, info)
    if (this.signal.aborted) {
      await file.remove().catch(reportLeftover)
      throw this.signal.reason
    }
    this.#files.push(file)
    return file
  }

  /** Settles as `stored` does; but when the stream or the request has failed, no later than the grace period allows. */
  #withinGrace(stored: Promise<UploadedFile>, stream: Readable): Promise<UploadedFile> {
    return new Promise((resolve, reject) => {
      const { signal } = this
      let timer: NodeJS.Timeout | undefined
      const hurry = (): void => {
        timer ??= setTimeout(() => settle(() => reject(stream.errored ?? signal.reason)), this.#grace)
      }
      const settle = (outcome: () => void): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', hurry)
        outcome()
      }
      signal.addEventListener('abort', hurry)
      stream.once('error', hurry)
      stored.then(
        (file) => settle(() => resolve(file)),
        (error: unknown) => settle(() => reject(error)),
      )
    })
  }

  #reasonOf(error: unknown, stream: Readable, info: FileInfo): unknown {
    if (stream.errored) return stream.errored
    if (this.signal.aborted) return this.signal.reason
    if (error instanceof BodyError) return error
    const code = fullDisk.has(codeOf(error)) ? 'STORAGE_FULL' : 'STORAGE_FAILED'
    return new BodyError(code, { field: info.field, cause: error })
  }

  async #removeAll(): Promise<void> {
    const removals = this.#files.filter((file) => !file.kept).map((file) => file.remove().catch(reportLeftover))
    if (removals.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#grace)))
    await Promise.race([Promise.all(removals), tooLong])
    clearTimeout(timer)
  }
}
