/** Gives a file a name that nobody has yet. */
import { link, open, rename, unlink } from 'node:fs/promises'
import { codeOf } from './error-code.js'

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
