/** Moves a stored file to a local path. */

import { constants } from 'node:fs'
import { copyFile, link, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { codeOf, reportLeftover } from './cleanup.js'
import type { StoredFile } from './storage.js'
import { sync, tempPath, writeTempFile } from './temp-file.js'

/**
 * Moves `file` to `target`: by a rename on the same device, else by a copy beside the target, which is synced and renamed
 * before the original is removed.
 *
 * @throws EEXIST if `target` exists and `overwrite` is false; ENOENT if its directory is missing. The file then stays
 * where it is, and nothing new is left.
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
  const copy = tempPath(dirname(target))
  try {
    await writeCopy(file, copy)
    await place(copy, target)
  } catch (error) {
    await unlink(copy).catch(() => undefined)
    throw error
  }
  // The move is done, even if the original stays.
  try {
    await file.remove()
  } catch (error) {
    reportLeftover(error, { bytes: file.size })
  }
}

async function writeCopy(file: StoredFile, copy: string): Promise<void> {
  if (file.path !== undefined) {
    await copyFile(file.path, copy, constants.COPYFILE_EXCL)
    // The original goes, so the copy must be as safe.
    return sync(copy, 'r+')
  }
  const stream = file.createReadStream()
  try {
    await writeTempFile(new ChunkBuffer(stream, new AbortController().signal), copy, false)
  } finally {
    stream.destroy()
  }
}

/** Errors of file systems without hard links: FAT, some network shares, some containers. */
const noHardLinks = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'UNKNOWN'])

/**
 * Renames a file without overwriting, which `rename` cannot do: links the new name, then removes the old one.
 *
 * @throws EEXIST if `to` is taken, EXDEV if it is on another device. The file then keeps its old name only.
 */
export async function renameNew(from: string, to: string): Promise<void> {
  let finish = (): Promise<void> => unlink(from)
  try {
    await link(from, to)
  } catch (error) {
    if (!noHardLinks.has(codeOf(error))) throw error
    const reserved = await open(to, 'wx', 0o600)
    await reserved.close()
    finish = () => rename(from, to)
  }
  try {
    await finish()
  } catch (error) {
    await unlink(to).catch(() => undefined)
    throw error
  }
}
