/** Storages whose files go through streams of the app on their way to another storage. */
import { setMaxListeners } from 'node:events'
import { type Duplex, finished, PassThrough, type Readable } from 'node:stream'
import { finished as whenFinished } from 'node:stream/promises'
import { BodyError, type FileInfo, type Storage, type StoredFile } from '@formgate/core'
import { reportLeftover, safeFileName } from '@formgate/core/storage'

/** How one file is made of what a client sends. */
export interface Transform {
  /**
   * Returns the streams through which the bytes go, in this order: new ones for each file. Default: none, so that the bytes
   * stay as they are.
   */
  readonly through?: (info: FileInfo) => Duplex | readonly Duplex[] | Promise<Duplex | readonly Duplex[]>
  /** The media type of the result. Default: as the client declares. */
  readonly type?: string
  /** Returns the name of the result, of which a safe file name is made. Default: the name of the file. */
  readonly name?: (info: FileInfo) => string
  /**
   * The status of the answer if one of these streams fails: 422 (`FILE_REFUSED`) if that means that the file is not what it
   * should be, 500 (`STORAGE_FAILED`) if it does not. Default 500, and for further results that of the file. A `BodyError` of a stream is the answer, whatever this is.
   */
  readonly status?: 422 | 500
  /** Where the result goes. Default: the storage that `transform()` was given. */
  readonly storage?: Storage
}

/** What `transform()` makes of each file: the file itself, and others by their names in `file.results`. */
export interface TransformSpec<Name extends string = never> extends Transform {
  readonly results?: Readonly<Record<Name, Transform>>
}

/** A file that was made by `transform()`. */
export type Transformed<Stored extends StoredFile, Name extends string> = Stored &
  Required<Pick<StoredFile, 'info'>> & { readonly results: Readonly<Record<Name, StoredFile>> }

/**
 * Passes each file through streams of your own to a storage: a resized picture, a compressed or an encrypted file. The
 * handler gets the result, with its own type, name and size, and further results in `file.results`. What the client sent is
 * stored only if one of the results has no `through`.
 *
 * All results are made at once, at the pace of the slowest, which slows the client down. If one fails, none stays.
 *
 * @throws TypeError for an invalid option
 */
export function transform<Stored extends StoredFile, Name extends string = never>(
  spec: TransformSpec<Name>,
  storage: Storage<Stored>,
): Storage<Transformed<Stored, Name>> {
  const names = Object.keys(spec.results ?? {})
  const { status = 500 } = spec
  const transforms = [spec, ...Object.values<Transform>(spec.results ?? {})].map((each) => ({
    status,
    ...each,
  }))
  for (const each of transforms) check(each)
  return {
    name: 'transform',
    async store(stream, info, signal) {
      const [file, ...others] = await new Run(stream, info, signal).store(transforms, storage)
      const results: Record<string, StoredFile> = Object.fromEntries(
        others.map((stored, at) => [names[at]!, stored] as const),
      )
      return Object.assign(file!, { results: { ...file!.results, ...results } }) as Transformed<Stored, Name>
    },
  }
}

function check({ through, name, status, storage }: Transform): void {
  if (through !== undefined && typeof through !== 'function')
    throw new TypeError('through must be a function.')
  if (name !== undefined && typeof name !== 'function') throw new TypeError('name must be a function.')
  if (status !== undefined && status !== 422 && status !== 500)
    throw new TypeError(`status must be 422 or 500, not ${String(status)}.`)
  if (storage !== undefined && typeof storage.store !== 'function')
    throw new TypeError('storage must be a storage.')
}

/** The results of one file, made at the same time. */
class Run {
  readonly #source: Readable
  readonly #info: FileInfo
  readonly #signal: AbortSignal
  readonly #stop = new AbortController()
  readonly #streams: Duplex[] = []

  constructor(source: Readable, info: FileInfo, signal: AbortSignal) {
    this.#source = source
    this.#info = info
    this.#signal = signal
    // One listener per result, and more in some storages.
    setMaxListeners(0, this.#stop.signal)
  }

  /** @throws the first error, after every result has been removed */
  async store(transforms: readonly Transform[], storage: Storage): Promise<StoredFile[]> {
    this.#signal.throwIfAborted()
    const abort = (): void => this.#fail(this.#signal.reason)
    this.#signal.addEventListener('abort', abort)
    finished(this.#source, { writable: false }, (error) => error && this.#fail(error))
    try {
      const chains: Duplex[][] = []
      for (const each of transforms) chains.push(await this.#open(each))
      this.#stop.signal.throwIfAborted()
      const storing = transforms.map((each, at) => this.#storeResult(each, chains[at]!.at(-1)!, storage))
      for (const [first, ...rest] of chains)
        rest.reduce((from, to) => from.pipe(to), this.#source.pipe(first!))
      const settled = await Promise.allSettled(storing)
      const stored = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      if (!this.#stop.signal.aborted) return stored
      for (const each of stored) await removeAll(each)
      throw this.#stop.signal.reason
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      this.#signal.removeEventListener('abort', abort)
    }
  }

  /** The streams of a result. The last is read by the storage: its errors are not those of the app's streams. */
  async #open({ through, status }: Transform): Promise<Duplex[]> {
    const own = through ? [await through(this.#info)].flat() : []
    for (const stream of own) {
      finished(stream, (error) => error && this.#fail(status === 422 ? this.#refusal(error) : error))
    }
    const output = new PassThrough()
    finished(output, (error) => error && this.#fail(error))
    this.#streams.push(...own, output)
    return [...own, output]
  }

  async #storeResult(transform: Transform, output: Duplex, storage: Storage): Promise<StoredFile> {
    const { expectedSize, ...rest } = this.#info
    const isSame = transform.through === undefined
    try {
      const info = {
        name: (transform.name && safeFileName(transform.name(this.#info))) ?? rest.name,
        type: transform.type ?? rest.type,
      }
      const given = { ...rest, ...info, ...(isSame && expectedSize !== undefined && { expectedSize }) }
      const stored = await (transform.storage ?? storage).store(output, given, this.#stop.signal)
      if (!stored) throw new BodyError('UNHANDLED_FILE', { field: rest.field })
      // What the storage has left unread, so that the other results get the whole file.
      if (!output.readableEnded) await whenFinished(output.resume(), { writable: false })
      return Object.assign(stored, { info: { ...info, ...stored.info } })
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #refusal(error: Error): Error {
    // A stream that ends without an error says nothing about the file.
    if (error instanceof BodyError || ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
      return error
    const { field, name } = this.#info
    const detail = `The file ${JSON.stringify(name)} could not be processed.`
    return new BodyError('FILE_REFUSED', { field, detail, cause: error })
  }

  /** The first error counts. The source is left to its owner, which drains it. */
  #fail(error: unknown): void {
    this.#stop.abort(error)
    this.#source.unpipe()
    for (const stream of this.#streams) stream.destroy(error as Error)
  }
}

async function removeAll(file: StoredFile): Promise<void> {
  for (const each of [file, ...Object.values(file.results ?? {})]) {
    try {
      await each.remove()
    } catch (error) {
      reportLeftover(error)
    }
  }
}
