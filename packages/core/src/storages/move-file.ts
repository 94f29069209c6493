/** Moves a stored file to a path of this machine, from wherever it is. */

import { constants } from 'node:fs'
import { copyFile, link, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { codeOf, removeStored, reportLeftover } from './cleanup.js'
import type { StoredFile } from './storage.js'
import { tempPath, writeTempFile } from './temp-file.js'

/**
 * Moves `file` to `target`: by a rename where both are on one device, else by a copy beside the target that is synced,
 * renamed, and only then takes the place of the original.
 *
 * @throws EEXIST where `target` is there already and is not to be overwritten; ENOENT where its directory is missing.
 * The file is then where it was, and nothing new is left.
 */
export async function moveFile(file: StoredFile, target: string, overwrite: boolean): Promise<void> {
  const place = overwrite ? rename : renameNew
  if (file.path !== undefined) {
    try {
      await place(file.path, target)
      return
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error
    }
  }
  const part = tempPath(dirname(target))
  try {
    if (file.path === undefined) await writeOut(file.createReadStream(), part)
    else await copyOut(file.path, part)
    await place(part, target)
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  }
  // The move is done: an original that stays behind must not undo it.
  await removeStored(file)?.catch(reportLeftover)
}

async function writeOut(stream: Readable, part: string): Promise<void> {
  const { signal } = new AbortController()
  try {
    await writeTempFile(new ChunkBuffer(stream, signal), part, false)
  } finally {
    stream.destroy()
  }
}

async function copyOut(path: string, part: string): Promise<void> {
  await copyFile(path, part, constants.COPYFILE_EXCL)
  // The original goes, so the copy has to be as safe as that was.
  const handle = await open(part, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What file systems without hard links answer: FAT, some network shares, some containers. */
const noHardLinks = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'UNKNOWN'])

/**
 * Renames a file without overwriting, which `rename` cannot promise: a second name first, then the old one goes.
 *
 * @throws EEXIST where `to` is taken, EXDEV where it is on another device. The file then has its old name alone.
 */
export async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!noHardLinks.has(codeOf(error))) throw error
    return reserveAndRename(from, to)
  }
  try {
    await unlink(from)
  } catch (error) {
    await unlink(to).catch(() => undefined)
    throw error
  }
}

async function reserveAndRename(from: string, to: string): Promise<void> {
  const handle = await open(to, 'wx', 0o600)
  await handle.close()
  try {
    await rename(from, to)
  } catch (error) {
    await unlink(to).catch(() => undefined)
    throw error
  }
}
