/** Files that are being written: how they are named, filled, and cleared away when a process was killed. */

import { randomBytes } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { batchSize, type ChunkBuffer } from '../bytes/chunk-buffer.js'
import { codeOf } from './cleanup.js'
import type { ByteRange, StoredFile } from './storage.js'

/** Nothing else is named like this, so that the sweep can never take a file of somebody else. */
const tempName = /^formgate-[0-9a-f]{32}\.part$/

/** 128 random bits in hexadecimal. */
export function randomName(): string {
  return randomBytes(16).toString('hex')
}

/** A new path in `directory` under which a file is written until it is whole. */
export function tempPath(directory: string): string {
  return join(directory, `formgate-${randomName()}.part`)
}

/**
 * Writes all that an buffer gathers into a new file that its owner alone may read (mode 0600).
 *
 * @param fsync whether the bytes have to be on the disk, and not just with the operating system, before this resolves
 * @returns the bytes written
 * @throws the first error. By then the descriptor is closed and the file is gone.
 */
export async function writeTempFile(buffer: ChunkBuffer, path: string, fsync: boolean): Promise<number> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'wx', 0o600)
    const size = await writeAll(buffer, handle)
    if (fsync) await handle.sync()
    await handle.close()
    return size
  } catch (error) {
    buffer.stop()
    // A close that failed has let go of the descriptor all the same.
    await handle?.close().catch(() => undefined)
    if (handle) await unlink(path).catch(() => undefined)
    throw error
  }
}

async function writeAll(buffer: ChunkBuffer, handle: FileHandle): Promise<number> {
  let size = 0
  for (;;) {
    await buffer.fill(batchSize())
    const chunks = buffer.drain()
    if (chunks.length === 0) return size
    size += await writeChunks(chunks, handle)
    buffer.releaseBuffers(chunks)
  }
}

async function writeChunks(chunks: readonly Uint8Array[], handle: FileHandle): Promise<number> {
  let total = 0
  for (const chunk of chunks) total += chunk.length
  let size = 0
  for (let left = chunks; size < total;) {
    const { bytesWritten } = await handle.writev(left)
    // A loop that gets nowhere would go on for ever.
    if (bytesWritten === 0) throw new Error('A write took no bytes.')
    size += bytesWritten
    left = after(left, bytesWritten)
  }
  return size
}

/** What is left of `chunks` when the first `bytes` are taken away: a write may be cut short. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  let index = 0
  for (const chunk of chunks) {
    if (left < chunk.length) break
    left -= chunk.length
    index++
  }
  const rest = chunks.slice(index)
  if (left > 0 && rest[0]) rest[0] = rest[0].subarray(left)
  return rest
}

/**
 * Removes what a killed process has left in `directory`. Errors are ignored: the next start tries again.
 *
 * @param age milliseconds since the last byte was written. Younger files may belong to a process that lives.
 */
async function sweepTempFiles(directory: string, age: number): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (!tempName.test(name)) continue
    const path = join(directory, name)
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isFile() && Date.now() - stats.mtimeMs >= age) await unlink(path).catch(() => undefined)
  }
}

/** Node takes the size of a file modulo 4 GiB in `openAsBlob` (nodejs/node#52585). */
const maxBlobSize = 2 ** 32 - 1

/** Bytes to read ahead: fewer and larger reads than Node's 64 KiB. */
const readAhead = 256 * 1024

/** A file under a path of this machine. It is opened when it is read, and never held open. */
export class LocalFile implements StoredFile {
  readonly path: string
  readonly size: number
  readonly #blob: Blob | undefined

  private constructor(path: string, size: number, blob: Blob | undefined) {
    this.path = path
    this.size = size
    this.#blob = blob
  }

  /** @param size bytes; the file must be whole, since a change makes its native blob unreadable */
  static async at(path: string, size: number): Promise<LocalFile> {
    // Asked for now, because a native constructor that wants it later cannot wait. It reads nothing (about 10 µs).
    const blob = size > maxBlobSize ? undefined : await openAsBlob(path).catch(() => undefined)
    return new LocalFile(path, size, blob)
  }

  createReadStream(range: ByteRange = {}): Readable {
    return createReadStream(this.path, { ...range, highWaterMark: readAhead })
  }

  blob(): Blob | undefined {
    return this.#blob
  }

  async remove(): Promise<void> {
    await unlink(this.path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
  }
}

/** Old enough that no upload can still be writing: 24 hours, in milliseconds. */
const defaultSweepAge = 24 * 60 * 60 * 1000

export interface StorageDirectoryOptions {
  /** Where files go. A relative path starts at the working directory of the moment when the storage is defined. */
  readonly directory: string
  /**
   * Milliseconds after its last byte when a part file is taken for the remains of a killed process, and is removed at
   * the first file that this storage writes. Default 24 hours; `Infinity` never.
   */
  readonly sweepAge?: number
}

/**
 * The directory is created where it is missing, for its owner alone (mode 0700), but only once: if it vanishes while
 * the server runs, as an unmounted volume does, writing to whatever is below would be worse than the error.
 */
export class StorageDirectory {
  readonly path: string
  readonly #sweepAge: number
  #ready: Promise<void> | undefined

  constructor({ directory, sweepAge = defaultSweepAge }: StorageDirectoryOptions) {
    if (typeof directory !== 'string' || directory === '') {
      throw new TypeError(`directory must be the path of a directory, but is ${JSON.stringify(directory)}.`)
    }
    if (!(sweepAge >= 0))
      throw new TypeError(`sweepAge must be a number from 0 up, but is ${String(sweepAge)}.`)
    this.path = resolve(directory)
    this.#sweepAge = sweepAge
  }

  /** @throws the error of mkdir; the next call tries again */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  async #prepare(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 })
    } catch (error) {
      this.#ready = undefined
      throw error
    }
    // Not awaited: a crowded directory must not keep the first upload waiting. It never rejects.
    if (this.#sweepAge !== Infinity) void sweepTempFiles(this.path, this.#sweepAge)
  }
}
