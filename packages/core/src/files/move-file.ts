/** Moves a stored file to a path of this machine, from wherever it is. */
import { constants } from 'node:fs'
import { copyFile, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { codeOf } from './error-code.js'
import { Intake } from '../bytes/chunk-buffer.js'
import { partPath, writePart } from './part-file.js'
import { renameNew } from './rename-new.js'
import { removeStored } from './remove-stored.js'
import { reportLeftover } from './report-leftover.js'
import type { StoredFile } from './storage.js'

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
  const part = partPath(dirname(target))
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
    await writePart(new Intake(stream, signal), part, false)
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
