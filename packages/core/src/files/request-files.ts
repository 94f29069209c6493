/** The files of one request, from their first byte until they are kept or removed. */
import { AsyncResource } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { BodyError } from '../errors.js'
import { fileChannel, publishFile, storageName } from '../events.js'
import type { IncomingBody } from '../http/incoming-body.js'
import { codeOf, reportLeftover } from '../storages/cleanup.js'
import type { FileInfo, Storage, StoredFile } from '../storages/storage.js'
import { beginInspections, InspectedStream, type Inspecting } from './inspection.js'
import { fileEvent, forgetRequest, removeFile, UploadedFile, type FileFindings } from './uploaded-file.js'

const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

/**
 * Stores the files of one request, and removes them. Call `discard()` if the request fails, `release()` when the response
 * has ended. After either, or a file that could not be stored, it stores nothing, and removes at once any file that a
 * slow storage delivers late.
 */
export class RequestFiles {
  readonly #storages: readonly Storage[]
  readonly #grace: number
  readonly #inspecting: Inspecting | undefined
  readonly #files: UploadedFile[] = []
  readonly #pending = new Set<Promise<UploadedFile>>()
  #lifetime: Lifetime | undefined
  #source: Pick<IncomingBody, 'onResponseEnd'> | undefined
  #released = false

  /**
   * @param storages are tried in this order
   * @param options `grace` is how long the answer waits for a storage to stop, or to remove, after a failure (ms)
   */
  constructor(storages: readonly Storage[], options: { grace?: number; inspecting?: Inspecting } = {}) {
    const { grace = 1000, inspecting } = options
    this.#storages = storages
    this.#grace = grace
    if (inspecting && inspecting.inspectors.length > 0) this.#inspecting = inspecting
  }

  /** Aborted when the request has failed, or its response has ended before all files were stored. */
  get signal(): AbortSignal {
    return this.#life.signal
  }

  /**
   * Stores one file with the first storage that accepts it.
   *
   * The stream never blocks its body: bytes that the storage has not read are drained, and the file has the size that the
   * storage reports. A storage that destroys the stream early has failed, whatever it returns. A failure stops the other
   * files of the request.
   *
   * @param stream the bytes of the file. Destroy it with an error if they are cut off.
   * @throws BodyError `UNHANDLED_FILE`, `STORAGE_FAILED` or `STORAGE_FULL`; the error of an inspection; the BodyError
   * that `stream` failed with; or the reason of the abort
   */
  async store(stream: Readable, info: FileInfo): Promise<UploadedFile> {
    const start = fileChannel.hasSubscribers ? performance.now() : 0
    this.#awaitEnd()
    const fail = (error: Error): void => this.abort(this.#reasonOf(error, info))
    // A storage that leaves a `for await` loop destroys the stream first, and rejects with its reason after.
    stream.on('error', (error) => (error.name === 'AbortError' ? setImmediate(fail, error) : fail(error)))
    this.#watchEnd(stream, info)
    if (this.#released) this.abort(responseEnded())
    const storing = this.#inspecting
      ? this.#storeInspected(stream, info, this.#inspecting)
      : this.#storeInTurn(stream, info)
    const settled = Promise.race([storing, this.#life.expired])
    this.#pending.add(settled)
    try {
      return this.#stored(await settled, start)
    } catch (error) {
      throw this.#refused(stream.errored instanceof BodyError ? stream.errored : error, info, start)
    } finally {
      this.#pending.delete(settled)
      if (this.#pending.size === 0) this.#life.settle()
      if (!stream.readableEnded) stream.resume()
    }
  }

  /** True if a small file that arrived whole needs no stream. */
  get acceptsBytes(): boolean {
    return this.#inspecting === undefined && this.#storages[0]?.storeBytes !== undefined
  }

  /**
   * Stores a file that arrived whole, if the first storage takes bytes.
   *
   * @returns `undefined` if the file needs a stream
   * @throws BodyError `STORAGE_FAILED` or `STORAGE_FULL`; or the reason of an abort
   */
  storeBytes(bytes: Buffer, info: FileInfo): UploadedFile | undefined {
    if (!this.acceptsBytes || this.#released) return undefined
    this.#lifetime?.signal.throwIfAborted()
    const start = fileChannel.hasSubscribers ? performance.now() : 0
    const storage = this.#storages[0]!
    try {
      const stored = storage.storeBytes!(bytes, info)
      return stored && this.#stored(this.#add(stored, info, storage), start)
    } catch (error) {
      throw this.#refused(error, info, start, bytes.length)
    }
  }

  /** @param start 0 if there was no subscriber then @returns the file */
  #stored(file: UploadedFile, start: number): UploadedFile {
    if (start > 0) publishFile({ ...fileEvent(file), outcome: 'stored', ms: performance.now() - start })
    return file
  }

  /** Stops the other files. @returns the reason */
  #refused(error: unknown, info: FileInfo, start: number, bytes?: number): unknown {
    const reason = this.#reasonOf(error, info)
    this.abort(reason)
    const { field, type } = info
    if (start > 0)
      publishFile({ outcome: 'refused', field, type, bytes, ms: performance.now() - start, error: reason })
    return reason
  }

  /** Stops all storages. The first reason counts. */
  abort(reason: unknown): void {
    this.#life.end(reason, this.#grace)
    if (this.#pending.size === 0) this.#life.settle()
  }

  /**
   * Stops all storages and removes all files that were not kept or moved: call it when the request has failed.
   *
   * Never rejects, and never takes longer than twice the grace period. Reports a failed removal as a process warning.
   */
  async discard(reason: unknown = new BodyError('CLIENT_ABORTED')): Promise<void> {
    this.abort(reason)
    await Promise.allSettled(this.#pending)
    await this.#removeAll()
  }

  /** Calls `release()` when the response has ended. Listens only if there is a file: most requests have none. */
  releaseAfter(source: Pick<IncomingBody, 'onResponseEnd'>): void {
    this.#source = source
    if (this.#files.length > 0 || this.#pending.size > 0) this.#awaitEnd()
  }

  /** Removes all files that were not kept or moved: call it when the response has ended. Never rejects. */
  async release(): Promise<void> {
    this.#released = true
    // An abort takes a sixth of the CPU time of a request with one small file.
    if (this.#pending.size > 0) await this.discard(responseEnded())
    else if (this.#files.length > 0) await this.#removeAll()
  }

  #awaitEnd(): void {
    if (this.#source === undefined) return
    // A storage removes a file in the context in which it stored it. Not AsyncResource.bind(), which takes 25 µs on Node 20.
    const context = new AsyncResource('FormgateFiles', { requireManualDestroy: true })
    this.#source.onResponseEnd(() => context.runInAsyncScope(() => void this.release()))
    this.#source = undefined
  }

  get #life(): Lifetime {
    this.#lifetime ??= new Lifetime()
    return this.#lifetime
  }

  async #storeInspected(stream: Readable, info: FileInfo, inspecting: Inspecting): Promise<UploadedFile> {
    const inspections = beginInspections(inspecting, info, this.signal)
    if (inspections.length === 0) return this.#storeInTurn(stream, info)
    const inspected = new InspectedStream(stream, info, inspections)
    this.#watchEnd(inspected, info)
    // For a storage that does not notice when its stream fails.
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
      if (stored) {
        await this.#drain(stream).catch((error: unknown) => discardLate(error, stored, info, storage))
        return this.#add(stored, info, storage, inspected?.findings)
      }
      if (stream.readableDidRead || stream.destroyed)
        throw new Error('A storage declined a file after it had read from its stream.')
    }
    throw new BodyError('UNHANDLED_FILE', { field: info.field })
  }

  /** Reads what the storage has left. @throws the error of the stream, or the reason of an abort */
  async #drain(stream: Readable): Promise<void> {
    if (!stream.readableEnded) {
      if (stream.destroyed) throw stream.errored ?? closedEarly()
      stream.resume()
      try {
        await finished(stream, { writable: false, signal: this.signal })
      } catch (error) {
        throw stream.errored ?? (stream.destroyed ? closedEarly() : error)
      }
    }
    this.signal.throwIfAborted()
  }

  /** Fails when a storage closes its stream early without an error: it may never settle, and the body would wait. */
  #watchEnd(stream: Readable, info: FileInfo): void {
    stream.on('close', () => {
      if (stream.readableEnded || stream.errored) return
      // Later, since the storage may be about to reject with the real reason.
      setImmediate(() => this.abort(this.#reasonOf(closedEarly(), info)))
    })
  }

  #add(stored: StoredFile, info: FileInfo, storage: Storage, findings?: FileFindings): UploadedFile {
    const file = new UploadedFile(stored, info, findings, storage)
    this.#files.push(file)
    if (stored.results) this.#files.push(...Object.values(file.results))
    this.#awaitEnd()
    return file
  }

  /** The first reason, or the error as a BodyError: the owner of a stream fails it with one, a storage with any error. */
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
      if (removal) removals.push(removal.catch((error: unknown) => reportLeftover(error, fileEvent(file))))
    }
    if (removals.length > 0) {
      let timer: NodeJS.Timeout | undefined
      const tooLong = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#grace)))
      await Promise.race([Promise.all(removals), tooLong])
      clearTimeout(timer)
    }
    for (const file of this.#files) forgetRequest(file)
  }
}

/** Removes what a storage has delivered for a file that had failed. @throws the reason of the failure */
async function discardLate(
  reason: unknown,
  stored: StoredFile,
  { field, type }: FileInfo,
  storage: Storage,
): Promise<never> {
  for (const each of [stored, ...Object.values(stored.results ?? {})]) {
    try {
      await each.remove()
    } catch (error) {
      reportLeftover(error, { field, type, bytes: each.size, storage: storageName(storage) })
    }
  }
  throw reason
}

function closedEarly(): Error {
  return new Error('The storage closed the stream of the file before its end.')
}

function responseEnded(): Error {
  return new Error('The response has ended.')
}

/** Aborted when the request fails; expires a grace period later, in which storages may stop. */
class Lifetime extends AbortController {
  #timer: NodeJS.Timeout | undefined
  #expire: (reason: Error) => void = () => undefined
  readonly expired = new Promise<never>((_, reject) => (this.#expire = reject))

  constructor() {
    super()
    // One listener per file that is being stored: no number of them is a leak.
    setMaxListeners(0, this.signal)
  }

  /** The first reason counts. */
  end(reason: unknown, grace: number): void {
    if (this.signal.aborted) return
    this.#timer = setTimeout(() => this.#expire(new Error('A storage did not stop in time.')), grace)
    this.abort(reason)
  }

  /** Cancels the grace period, since nothing is being stored. */
  settle(): void {
    clearTimeout(this.#timer)
  }
}
