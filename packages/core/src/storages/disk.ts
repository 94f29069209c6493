/** The storage that writes every file to a directory. */
import { realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { BodyError } from '../errors.js'
import type { FrameworkRequest } from '../http/progress.js'
import { codeOf } from './cleanup.js'
import { renameNew } from './move-file.js'
import { safeExtension, safeFileName, shownName, unsafeNameHint, withSuffix } from './safe-name.js'
import type { FileInfo, Storage, StoredFile } from './storage.js'
import {
  LocalFile,
  makeDirectory,
  randomName,
  StorageDirectory,
  sync,
  type StorageDirectoryOptions,
} from './temp-file.js'

/**
 * Options of `disk()`.
 *
 * @typeParam Request the type of `info.request`
 */
export interface DiskOptions<Request = FrameworkRequest> extends StorageDirectoryOptions {
  /**
   * Returns the name of a file in the directory. It may contain folders, which are created. Default: 128 random bits in
   * hexadecimal, and the extension of the client's name if it is plain (`.png`).
   *
   * The upload is a 500 `STORAGE_FAILED` if this throws or rejects, if a segment is not a safe file name, or if a folder is a
   * symbolic link out of the directory. Existing files are never overwritten: the name gets eight random characters before
   * its extension (`report_1f9c03be.pdf`).
   *
   * A method type, so that you can declare `info` as `FileInfo<Request>` with the request of your framework.
   */
  readonly name?: { name(info: FileInfo<Request>): string | Promise<string> }['name']
  /**
   * The permissions of a complete file, whatever the umask is: `0o640` lets its group read it. It cannot be executable.
   * Default: 0600, less what the umask takes away. No effect on Windows.
   */
  readonly mode?: number
  /** Set it to wait until file and name are on the disk, not just with the operating system. Default false. */
  readonly fsync?: boolean
}

/**
 * Writes every file to a directory, with mode 0600 unless you set another. Until it is complete, its name is `formgate-`,
 * 128 random bits and `.part`, and only its owner can read it.
 *
 * ```ts
 * multipart({ storage: disk({ directory: 'uploads', name: () => randomUUID() }) })
 * ```
 *
 * @throws TypeError for an invalid option
 */
export function disk<Request = FrameworkRequest>(
  options: DiskOptions<Request>,
): Storage<StoredFile, Request> {
  const { name, fsync = false, mode } = options
  if (name !== undefined && typeof name !== 'function') throw new TypeError('name must be a function.')
  checkMode('mode', mode, 0o600, 0o666)
  checkMode('directoryMode', options.directoryMode, 0o700, 0o7777)
  const place = new StorageDirectory(options)
  return {
    name: 'disk',
    async store(stream, info, signal) {
      const buffer = new ChunkBuffer(stream, signal)
      let path = ''
      try {
        const chosen = name
          ? checkName(await name(info), info.field)
          : randomName() + safeExtension(info.name)
        const target = join(place.path, chosen)
        const { path: temp, size } = await place.write(buffer, fsync, mode)
        path = temp
        signal.throwIfAborted()
        // 128 random bits are never taken, so a plain rename is safe.
        if (!name) await rename(temp, target)
        path = name ? await publish(temp, target, place) : target
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

/** @throws TypeError unless it has the bits that Formgate itself needs, and no others than those of `allowed` */
function checkMode(name: string, mode: number | undefined, needed: number, allowed: number): void {
  const isValid = Number.isInteger(mode) && (mode! & needed) === needed && (mode! & ~allowed) === 0
  if (mode === undefined || isValid) return
  const octal = (bits: unknown): string =>
    typeof bits === 'number' ? `0o${bits.toString(8)}` : JSON.stringify(bits)
  throw new TypeError(
    `${name} must be permissions that include ${octal(needed)} and no more than ${octal(allowed)}, not ${octal(mode)}.`,
  )
}

/** @throws BodyError for a name that could leave the directory, or has an unsafe segment */
function checkName(name: string, field: string): string {
  const segments = typeof name === 'string' ? name.split(/[\\/]/) : []
  const unsafe = segments.find((segment) => safeFileName(segment) !== segment)
  if (segments.length === 0 || unsafe !== undefined) {
    throw new BodyError('STORAGE_FAILED', {
      detail: `disk({ name }) returned ${shownName(name)}, which is not a safe path inside the directory.`,
      hint: unsafeNameHint,
      field,
    })
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
async function publish(temp: string, target: string, place: StorageDirectory): Promise<string> {
  if (dirname(target) !== place.path) await makeFolder(dirname(target), place)
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
async function makeFolder(folder: string, place: StorageDirectory): Promise<void> {
  const root = await realpath(place.path)
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
  await makeDirectory(folder, place.mode)
  checkInside(await realpath(folder), root)
}

function checkInside(path: string, root: string): void {
  if (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)) return
  throw new Error(`A symbolic link leads out of the directory "${root}", to "${path}".`)
}
