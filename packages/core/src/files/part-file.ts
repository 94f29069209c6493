/** Files that are being written: how they are named, filled, and cleared away when a process was killed. */
import { randomBytes } from 'node:crypto'
import { lstat, open, readdir, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { batchSize } from '../bytes/chunk-buffer.js'
import type { Intake } from '../bytes/chunk-buffer.js'

/** Nothing else is named like this, so that the sweep can never take a file of somebody else. */
const partName = /^formgate-[0-9a-f]{32}\.part$/

/** 128 random bits in hexadecimal. */
export function randomName(): string {
  return randomBytes(16).toString('hex')
}

/** A new path in `directory` under which a file is written until it is whole. */
export function partPath(directory: string): string {
  return join(directory, `formgate-${randomName()}.part`)
}

/**
 * Writes all that an intake gathers into a new file that its owner alone may read (mode 0600).
 *
 * @param fsync whether the bytes have to be on the disk, and not just with the operating system, before this resolves
 * @returns the bytes written
 * @throws the first error. By then the descriptor is closed and the file is gone.
 */
export async function writePart(intake: Intake, path: string, fsync: boolean): Promise<number> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'wx', 0o600)
    const size = await writeAll(intake, handle)
    if (fsync) await handle.sync()
    await handle.close()
    return size
  } catch (error) {
    intake.stop()
    // A close that failed has let go of the descriptor all the same.
    await handle?.close().catch(() => undefined)
    if (handle) await unlink(path).catch(() => undefined)
    throw error
  }
}

async function writeAll(intake: Intake, handle: FileHandle): Promise<number> {
  let size = 0
  for (;;) {
    await intake.fill(batchSize())
    const chunks = intake.drain()
    if (chunks.length === 0) return size
    size += await writeChunks(chunks, handle)
    intake.giveBack(chunks)
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
export async function sweepParts(directory: string, age: number): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (!partName.test(name)) continue
    const path = join(directory, name)
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isFile() && Date.now() - stats.mtimeMs >= age) await unlink(path).catch(() => undefined)
  }
}
