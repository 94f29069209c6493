/** Temporary files: their names, how they are written, and the removal of those that a killed process has left. */

import { randomBytes } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { chmod, type FileHandle, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { batchSize, ChunkBuffer } from '../bytes/chunk-buffer.js'
import { codeOf } from './cleanup.js'
import type { ByteRange, StoredFile } from './storage.js'

/** Strict, so that the sweep never removes a file of another program. */
const tempName = /^formgate-[0-9a-f]{32}\.part$/

/** 128 random bits in hexadecimal. */
export function randomName(): string {
  return randomBytes(16).toString('hex')
}

/** The path of a new temporary file in `directory`. */
export function tempPath(directory: string): string {
  return join(directory, `formgate-${randomName()}.part`)
}

/**
 * Writes all bytes of a buffer into a new file with mode 0600.
 *
 * @param fsync true to wait until the bytes are on the disk, not just with the operating system
 * @param mode the mode of the file when it is complete, if it is another. The umask has no part in it.
 * @returns the bytes written
 * @throws the first error, after the file was closed and removed
 */
export async function writeTempFile(
  buffer: ChunkBuffer,
  path: string,
  fsync: boolean,
  mode?: number,
): Promise<number> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'wx', 0o600)
    const size = await writeAll(buffer, handle)
    if (mode !== undefined && hasModes) await handle.chmod(mode)
    if (fsync) await handle.sync()
    await handle.close()
    return size
  } catch (error) {
    buffer.stop()
    // If close() failed, the descriptor is released anyway.
    await handle?.close().catch(() => undefined)
    if (handle) await unlink(path).catch(() => undefined)
    throw error
  }
}

/** Windows knows only a file that is read-only, which could not be removed. */
const hasModes = process.platform !== 'win32'

/**
 * Creates a directory if it is missing, and those above it. One that exists keeps its mode.
 *
 * @param mode whatever the umask is. Default: 0700, less the umask
 */
export async function makeDirectory(path: string, mode: number | undefined): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined || mode === undefined || !hasModes) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, mode)
}

async function writeAll(buffer: ChunkBuffer, handle: FileHandle): Promise<number> {
  let size = 0
  for (;;) {
    await buffer.fill(batchSize())
    const total = size + buffer.size
    const chunks = buffer.drain()
    if (chunks.length === 0) return size
    for (let left = chunks; size < total;) {
      const { bytesWritten } = await handle.writev(left)
      if (bytesWritten === 0) throw new Error('A write to the disk wrote no bytes.')
      size += bytesWritten
      // A write may be partial, which is rare.
      if (size < total) left = [Buffer.concat(left).subarray(bytesWritten)]
    }
    buffer.releaseBuffers(chunks)
  }
}

/** Waits until a file or a directory is on the disk. */
export async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(path, flags)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Node takes the size of a file modulo 4 GiB in `openAsBlob` (nodejs/node#52585). */
const maxBlobSize = 2 ** 32 - 1

/**
 * Bytes of one read: reading a file takes a third less CPU time than with Node's 64 KiB. Many files that are read at once share
 * a budget, since each read holds as much memory, until a garbage collection after its last use.
 */
const longestRead = 256 * 1024
const shortestRead = 64 * 1024
const readBudget = 2 * 1024 * 1024

/** Files that are being read. */
let readers = 0

/** A local file. It is opened for each read and never held open. */
export class LocalFile implements StoredFile {
  readonly path: string
  readonly size: number
  readonly #blob: Blob | undefined

  private constructor(path: string, size: number, blob: Blob | undefined) {
    this.path = path
    this.size = size
    this.#blob = blob
  }

  /** The file at a path. @param size bytes. It must be complete: a later change makes its native Blob unreadable. */
  static async at(path: string, size: number): Promise<LocalFile> {
    // Now, since a native constructor that needs it later cannot wait. Takes about 10 µs and reads nothing.
    const blob = size > maxBlobSize ? undefined : await openAsBlob(path).catch(() => undefined)
    return new LocalFile(path, size, blob)
  }

  createReadStream(range: ByteRange = {}): Readable {
    const share = Math.floor(readBudget / (readers + 1))
    const highWaterMark = Math.max(shortestRead, Math.min(longestRead, share))
    const stream = createReadStream(this.path, { ...range, highWaterMark })
    // Only now: an invalid range throws.
    readers += 1
    return stream.on('close', () => (readers -= 1))
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

/** 24 hours (ms): no upload writes for so long. */
const defaultSweepAge = 24 * 60 * 60 * 1000

export interface StorageDirectoryOptions {
  /** A relative path is resolved when the storage is created. */
  readonly directory: string
  /**
   * Age of a temporary file, since its last byte, from which it counts as left by a killed process (ms). Such files are
   * removed when this storage writes its first file. Default 24 hours; `Infinity` never.
   */
  readonly sweepAge?: number
  /**
   * The permissions of directories that the storage creates, whatever the umask is. Those that exist keep theirs. Default:
   * 0700, less what the umask takes away. No effect on Windows.
   */
  readonly directoryMode?: number
}

/**
 * The directory of a storage. It is created if missing, but only once: if it vanishes while the server
 * runs, as an unmounted volume does, writing to what is below would be worse than an error.
 */
export class StorageDirectory {
  readonly path: string
  /** Of directories that are created in it; `undefined` for the default. */
  readonly mode: number | undefined
  readonly #sweepAge: number
  #ready: Promise<void> | undefined

  constructor({ directory, sweepAge = defaultSweepAge, directoryMode }: StorageDirectoryOptions) {
    if (typeof directory !== 'string' || directory === '')
      throw new TypeError(`directory must be a path, not ${JSON.stringify(directory)}.`)
    if (!(sweepAge >= 0)) throw new TypeError(`sweepAge must be 0 or more, not ${String(sweepAge)}.`)
    this.path = resolve(directory)
    this.mode = directoryMode
    this.#sweepAge = sweepAge
  }

  /** Writes all bytes of a buffer into a new temporary file, as `writeTempFile` does. */
  async write(buffer: ChunkBuffer, fsync = false, mode?: number): Promise<Pick<LocalFile, 'path' | 'size'>> {
    try {
      await (this.#ready ??= this.#prepare())
    } catch (error) {
      buffer.stop()
      throw error
    }
    const path = tempPath(this.path)
    return { path, size: await writeTempFile(buffer, path, fsync, mode) }
  }

  async #prepare(): Promise<void> {
    await makeDirectory(this.path, this.mode).catch((error: unknown) => {
      // The next file tries again.
      this.#ready = undefined
      throw error
    })
    // Not awaited: a crowded directory must not delay the first upload. It never rejects.
    if (this.#sweepAge !== Infinity) void this.#sweep()
  }

  /** Removes old temporary files. Ignores errors: the next start tries again. */
  async #sweep(): Promise<void> {
    const names = await readdir(this.path).catch(() => [])
    for (const name of names) {
      if (!tempName.test(name)) continue
      const path = join(this.path, name)
      const stats = await lstat(path).catch(() => undefined)
      if (stats?.isFile() && Date.now() - stats.mtimeMs >= this.#sweepAge)
        await unlink(path).catch(() => undefined)
    }
  }
}
