/** The files of one request: who stores them, and when they are removed. */
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { BodyError } from '../errors.js'
import { codeOf } from './error-code.js'
import { beginInspections, InspectedStream, type Inspecting } from './inspected-stream.js'
import { removeStored } from './remove-stored.js'
import { reportLeftover } from './report-leftover.js'
import type { FileInfo, Storage, StoredFile } from './storage.js'
import { removeFile, UploadedFile, type FileFindings } from './uploaded-file.js'

/** How long a storage may take to stop when the request has failed, in milliseconds. The answer waits for it. */
const defaultGrace = 1000

const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

export interface FileLedgerOptions {
  /** Milliseconds to wait for a storage that does not stop, or does not remove. Default 1000. */
  readonly grace?: number
  /** Who sees the bytes of each file before they are stored. Default: nobody. */
  readonly inspecting?: Inspecting
}

/** Tells of the end of a response. */
export interface ResponseEnd {
  /** Calls back once; at once where that was before. */
  onResponseEnd(listener: () => void): void
}

/**
 * Knows every file of one request from its first byte on. When the request fails, `discard()`; when the response has
 * ended, `release()`. After either, or once one file could not be stored, nothing is stored any more, and a file that
 * a slow storage hands over too late is removed at once.
 */
export class FileLedger {
  readonly #storages: readonly Storage[]
  readonly #grace: number
  readonly #inspecting: Inspecting | undefined
  readonly #files: UploadedFile[] = []
  readonly #pending = new Set<Promise<UploadedFile>>()
  #lifetime: Lifetime | undefined
  #response: ResponseEnd | undefined
  #released = false

  /** @param storages are asked in this order */
  constructor(storages: readonly Storage[], options: FileLedgerOptions = {}) {
    this.#storages = storages
    this.#grace = options.grace ?? defaultGrace
    if (options.inspecting && options.inspecting.inspectors.length > 0) this.#inspecting = options.inspecting
  }

  /** Aborted when the request has failed, or its response has ended before everything was stored. */
  get signal(): AbortSignal {
    return this.#life.signal
  }

  /**
   * Stores one file with the first storage that takes it.
   *
   * Whatever becomes of the file, its stream never blocks the body that it is a part of. What a storage has left when it
   * is done is drained, and the file counts with the size that the storage says. A storage that destroys the stream
   * before its end has failed, whatever it returns. A stream that has failed, or a file that cannot be stored, stops the
   * request's other files.
   *
   * @param stream the file's bytes. Where they do not come to their end, it has to be destroyed with an error.
   * @throws BodyError `UNHANDLED_FILE`, `STORAGE_FAILED` or `STORAGE_FULL`; or that of an inspection; or the BodyError
   * that `stream` failed with; or the reason of the abort
   */
  async store(stream: Readable, info: FileInfo): Promise<UploadedFile> {
    this.#awaitEnd()
    stream.on('error', (error) => {
      // A storage that leaves its loop over the stream destroys it so, and only then says why.
      if (error.name === 'AbortError') setImmediate(() => this.abort(this.#reasonOf(error, info)))
      else this.abort(this.#reasonOf(error, info))
    })
    this.#watchEnd(stream, info)
    if (this.#released) this.abort(responseEnded())
    const settled = Promise.race([this.#inspectAndStore(stream, info), this.#life.expired])
    this.#pending.add(settled)
    try {
      return await settled
    } catch (error) {
      const reason = this.#reasonOf(stream.errored instanceof BodyError ? stream.errored : error, info)
      this.abort(reason)
      throw reason
    } finally {
      this.#pending.delete(settled)
      if (this.#pending.size === 0) this.#life.settle()
      if (!stream.readableEnded) stream.resume()
    }
  }

  /** Whether a small file that has come whole needs no stream. */
  get takesBytes(): boolean {
    return this.#inspecting === undefined && this.#storages[0]?.storeBytes !== undefined
  }

  /**
   * Stores a file that has come whole, where the first storage takes it so.
   *
   * @returns `undefined` where it needs a stream
   * @throws BodyError `STORAGE_FAILED` or `STORAGE_FULL`; or the reason of an abort
   */
  storeBytes(bytes: Buffer, info: FileInfo): UploadedFile | undefined {
    if (!this.takesBytes || this.#released) return undefined
    this.#lifetime?.signal.throwIfAborted()
    try {
      const stored = this.#storages[0]!.storeBytes!(bytes, info)
      return stored && this.#add(stored, info)
    } catch (error) {
      const reason = this.#reasonOf(error, info)
      this.abort(reason)
      throw reason
    }
  }

  /** Stops every storage that is still at work. The first reason counts. */
  abort(reason: unknown): void {
    this.#life.end(reason, this.#grace)
    if (this.#pending.size === 0) this.#life.settle()
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

  /** Releases when the response has ended. Until there is a file nobody listens for that end: most requests have none. */
  releaseAfter(response: ResponseEnd): void {
    this.#response = response
    if (this.#files.length > 0 || this.#pending.size > 0) this.#awaitEnd()
  }

  /** The response has ended: removes what was neither kept nor moved. Never rejects. */
  async release(): Promise<void> {
    this.#released = true
    // In the usual case nobody waits for an abort, which took a sixth of the CPU of a request with one small file.
    if (this.#pending.size > 0) await this.discard(responseEnded())
    else if (this.#files.length > 0) await this.#removeAll()
  }

  #awaitEnd(): void {
    this.#response?.onResponseEnd(() => void this.release())
    this.#response = undefined
  }

  get #life(): Lifetime {
    this.#lifetime ??= new Lifetime()
    return this.#lifetime
  }

  #inspectAndStore(stream: Readable, info: FileInfo): Promise<UploadedFile> {
    if (this.#inspecting === undefined) return this.#storeInTurn(stream, info)
    return this.#storeInspected(stream, info, this.#inspecting)
  }

  async #storeInspected(stream: Readable, info: FileInfo, inspecting: Inspecting): Promise<UploadedFile> {
    const inspections = beginInspections(inspecting, info, this.signal)
    if (inspections.length === 0) return this.#storeInTurn(stream, info)
    const inspected = new InspectedStream(stream, info, inspections)
    this.#watchEnd(inspected, info)
    // A storage that does not notice the end of its stream is told by the signal.
    inspected.on('error', () => inspected.refusal && this.abort(inspected.refusal))
    try {
      return await this.#storeInTurn(inspected, info, inspected)
    } catch (error) {
      throw inspected.refusal ?? error
    } finally {
      inspected.destroy()
    }
  }

  async #storeInTurn(stream: Readable, info: FileInfo, inspected?: InspectedStream): Promise<UploadedFile> {
    const { signal } = this
    signal.throwIfAborted()
    for (const storage of this.#storages) {
      const stored = await storage.store(stream, info, signal)
      if (stored) return this.#enter(stored, inspected ?? stream, info, inspected)
      if (stream.readableDidRead || stream.destroyed)
        throw new Error('A storage declined a file after it had begun to read it.')
    }
    throw new BodyError('UNHANDLED_FILE', { field: info.field })
  }

  async #enter(
    stored: StoredFile,
    stream: Readable,
    info: FileInfo,
    inspected?: InspectedStream,
  ): Promise<UploadedFile> {
    try {
      if (!stream.readableEnded) await this.#drain(stream)
      this.signal.throwIfAborted()
    } catch (error) {
      await removeStored(stored)?.catch(reportLeftover)
      throw error
    }
    return this.#add(stored, info, inspected?.findings)
  }

  /** Reads on to the end where a storage has not done so. @throws what the stream fails with, or the reason of an abort */
  async #drain(stream: Readable): Promise<void> {
    if (stream.destroyed) throw stream.errored ?? closedEarly()
    stream.resume()
    try {
      await finished(stream, { writable: false, signal: this.signal })
    } catch (error) {
      throw stream.errored ?? (stream.destroyed ? closedEarly() : error)
    }
  }

  /** A storage that closes a stream without an error need not settle after that, and the body behind it would wait. */
  #watchEnd(stream: Readable, info: FileInfo): void {
    stream.on('close', () => {
      if (stream.readableEnded || stream.errored) return
      // It may be about to say why.
      setImmediate(() => this.abort(this.#reasonOf(closedEarly(), info)))
    })
  }

  #add(stored: StoredFile, info: FileInfo, findings?: FileFindings): UploadedFile {
    const file = new UploadedFile(stored, info, findings)
    this.#files.push(file)
    this.#awaitEnd()
    return file
  }

  /** The first reason counts. Whoever owns a stream destroys it with a BodyError, a storage with an error of its own. */
  #reasonOf(error: unknown, info: FileInfo): unknown {
    if (this.signal.aborted) return this.signal.reason
    if (error instanceof BodyError) return error
    const code = fullDisk.has(codeOf(error)) ? 'STORAGE_FULL' : 'STORAGE_FAILED'
    return new BodyError(code, { field: info.field, cause: error })
  }

  async #removeAll(): Promise<void> {
    const removals: Promise<void>[] = []
    for (const file of this.#files) {
      const removal = file.kept ? undefined : removeFile(file)
      if (removal) removals.push(removal.catch(reportLeftover))
    }
    if (removals.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#grace)))
    await Promise.race([Promise.all(removals), tooLong])
    clearTimeout(timer)
  }
}

function closedEarly(): Error {
  return new Error('The storage closed the stream of the file before its end.')
}

function responseEnded(): Error {
  return new Error('The response has ended.')
}

/** How long storages may work for a request, and how long after its failure they may take to stop. */
class Lifetime {
  readonly #controller = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #expire: () => void = () => undefined
  /** Rejects when the time to stop is over. */
  readonly expired: Promise<never>

  constructor() {
    this.expired = new Promise((_, reject) => {
      this.#expire = () => reject(new Error('A storage did not stop in time.'))
    })
    // One listener per file that is being stored: there is no number that would be too many.
    setMaxListeners(0, this.signal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The first reason counts. */
  end(reason: unknown, grace: number): void {
    if (this.signal.aborted) return
    this.#timer = setTimeout(this.#expire, grace)
    this.#controller.abort(reason)
  }

  /** Nothing is being stored any more: nothing has to be waited for. */
  settle(): void {
    clearTimeout(this.#timer)
  }
}
