/** The storage that writes every file to a directory. */
import { mkdir, realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { codeOf } from './cleanup.js'
import { renameNew } from './move-file.js'
import { safeExtension, safeFileName, withSuffix } from './safe-name.js'
import type { FileInfo, Storage } from './storage.js'
import { LocalFile, randomName, StorageDirectory, sync, tempPath, writeTempFile } from './temp-file.js'
import type { StorageDirectoryOptions } from './temp-file.js'

export interface DiskOptions extends StorageDirectoryOptions {
  /**
   * Returns the name of a file in the directory. It may contain folders, which are created. Default: 128 random bits in
   * hexadecimal, and the extension of the client's name if it is plain (`.png`).
   *
   * The upload fails if a segment is not a safe file name, or a folder is a symbolic link out of the directory. Existing
   * files are never overwritten: the name gets eight random characters before its extension (`report_1f9c03be.pdf`).
   */
  readonly name?: (info: FileInfo) => string | Promise<string>
  /** Set it to wait until file and name are on the disk, not just with the operating system. Default false. */
  readonly fsync?: boolean
}

/**
 * Writes every file to a directory, with mode 0600. Until it is complete, its name is `formgate-`, 128 random bits and
 * `.part`.
 *
 * @throws TypeError for an invalid option
 */
export function disk(options: DiskOptions): Storage {
  const { name, fsync = false } = options
  if (name !== undefined && typeof name !== 'function') throw new TypeError('name must be a function.')
  const place = new StorageDirectory(options)
  return {
    name: 'disk',
    async store(stream, info, signal) {
      const buffer = new ChunkBuffer(stream, signal)
      let path = ''
      try {
        const chosen = name ? checkName(await name(info)) : randomName() + safeExtension(info.name)
        const target = join(place.path, chosen)
        await place.ready()
        const temp = tempPath(place.path)
        const size = await writeTempFile(buffer, temp, fsync)
        path = temp
        signal.throwIfAborted()
        // 128 random bits are never taken, so a plain rename is safe.
        if (!name) await rename(temp, target)
        path = name ? await publish(temp, target, place.path) : target
        // A new name is on the disk only if its directory is. Windows cannot, and need not, sync a directory.
        if (fsync && process.platform !== 'win32') await sync(dirname(path), 'r')
        return await LocalFile.at(path, size)
      } catch (error) {
        buffer.stop()
        if (path !== '') await unlink(path).catch(() => undefined)
        throw error
      }
    },
  }
}

/** @throws TypeError for a name that could leave the directory, or has an unsafe segment */
function checkName(name: string): string {
  const segments = typeof name === 'string' ? name.split(/[\\/]/) : []
  const unsafe = segments.find((segment) => safeFileName(segment) !== segment)
  if (segments.length === 0 || unsafe !== undefined) {
    throw new TypeError(
      `disk({ name }) returned ${JSON.stringify(name)}, which is not a safe path inside the directory.`,
    )
  }
  return join(...segments)
}

/**
 * Gives a complete file its name, or one with a suffix if that is taken. A symbolic link counts as taken: neither `link`
 * nor `rename` follows it.
 *
 * @returns the path it has now
 * @throws Error if a folder leads out of the directory of the storage
 */
async function publish(temp: string, target: string, directory: string): Promise<string> {
  if (dirname(target) !== directory) await makeFolder(dirname(target), directory)
  let path = target
  for (;;) {
    try {
      await renameNew(temp, path)
      return path
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      path = join(dirname(target), withSuffix(basename(target), `_${randomName().slice(0, 8)}`))
    }
  }
}

/**
 * Creates a folder inside the directory if it is missing. Symbolic links may lead elsewhere in the directory, and the
 * directory may itself be one. Other programs that can change links meanwhile can write there anyway.
 */
async function makeFolder(folder: string, directory: string): Promise<void> {
  const root = await realpath(directory)
  // Check the part of the path that exists first: mkdir would follow a link out of the directory.
  let existing = folder
  for (;;) {
    try {
      checkInside(await realpath(existing), root)
      break
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      existing = dirname(existing)
    }
  }
  if (existing === folder) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  checkInside(await realpath(folder), root)
}

function checkInside(path: string, root: string): void {
  if (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)) return
  throw new Error(`A symbolic link leads out of the directory "${root}", to "${path}".`)
}
