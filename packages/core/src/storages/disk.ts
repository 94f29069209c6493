/** The storage that writes every file to a directory. */
import { mkdir, open, realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { codeOf } from './cleanup.js'
import { safeExtension, safeFileName, withSuffix } from './safe-name.js'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { LocalFile } from './temp-file.js'
import { tempPath, randomName, writeTempFile } from './temp-file.js'
import { renameNew } from './move-file.js'
import { StorageDirectory } from './temp-file.js'
import type { StorageDirectoryOptions } from './temp-file.js'
import type { FileInfo, Storage } from './storage.js'

export interface DiskOptions extends StorageDirectoryOptions {
  /**
   * The name of a file in the directory. It may hold folders, which are created. Default: 128 random bits in
   * hexadecimal, and the extension of the client's name where it is plain (`.png`).
   *
   * Each segment must be safe: what could leave the directory, or is no file name, fails the upload, and so does a folder
   * that is a symbolic link out of the directory. A name that is taken is never overwritten, but gets eight random
   * characters before its extension, as in Django: `report_1f9c03be.pdf`.
   */
  readonly name?: (info: FileInfo) => string | Promise<string>
  /** Whether file and name must be on the disk, and not just with the operating system, when it counts as stored. Default false. */
  readonly fsync?: boolean
}

/**
 * Writes every file to a directory, with mode 0600. Until it is whole a file is called `formgate-`, 128 random bits
 * and `.part`; only then it gets its name.
 *
 * @throws TypeError for an option that is no path or no function
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
        const target = join(place.path, name ? checkedTarget(await name(info)) : randomTarget(info))
        await place.ready()
        const part = tempPath(place.path)
        const size = await writeTempFile(buffer, part, fsync)
        path = part
        signal.throwIfAborted()
        // 128 random bits are never taken, so that the plain rename is as safe.
        if (!name) await rename(part, target)
        path = name ? await publish(part, target, place.path) : target
        if (fsync) await syncDirectory(dirname(path))
        return await LocalFile.at(path, size)
      } catch (error) {
        buffer.stop()
        if (path !== '') await unlink(path).catch(() => undefined)
        throw error
      }
    },
  }
}

function randomTarget(info: FileInfo): string {
  return randomName() + safeExtension(info.name)
}

/** @throws TypeError for a name that could leave the directory, or has a segment that is no safe file name */
function checkedTarget(name: string): string {
  const segments = typeof name === 'string' ? name.split(/[\\/]/) : []
  const unsafe = segments.find((segment) => safeFileName(segment) !== segment)
  if (segments.length === 0 || unsafe !== undefined) {
    throw new TypeError(
      `disk({ name }) gave ${JSON.stringify(name)}, which is no safe path inside its directory.`,
    )
  }
  return join(...segments)
}

/**
 * Gives a whole file its name, or one with a suffix where that is taken. A symbolic link of that name is one that is taken:
 * neither `link` nor `rename` follows it.
 *
 * @param directory that of the storage
 * @returns the path it has now
 * @throws Error where a folder on the way leads out of the directory
 */
async function publish(part: string, target: string, directory: string): Promise<string> {
  if (dirname(target) !== directory) await makeFolder(dirname(target), directory)
  let path = target
  for (;;) {
    try {
      await renameNew(part, path)
      return path
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      path = join(dirname(target), withSuffix(basename(target), `_${randomName().slice(0, 8)}`))
    }
  }
}

/**
 * Makes a folder inside of a directory, where it is not there yet. Symbolic links may lead to another place in the
 * directory, and the directory itself may be one. Whoever can change links while this runs can write there anyway.
 */
async function makeFolder(folder: string, directory: string): Promise<void> {
  const root = await realpath(directory)
  // mkdir would follow a link as well, and make folders outside: look first at what is there already.
  let known = folder
  let real = await realPathOf(known)
  while (real === undefined) real = await realPathOf((known = dirname(known)))
  checkInside(real, root)
  if (known === folder) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  checkInside(await realpath(folder), root)
}

/** @returns `undefined` where nothing is */
async function realPathOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function checkInside(path: string, root: string): void {
  if (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)) return
  throw new Error(`A symbolic link in the directory "${root}" leads out of it, to "${path}".`)
}

/** A new name is on the disk only when its directory is. Windows cannot, and need not, sync a directory. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
