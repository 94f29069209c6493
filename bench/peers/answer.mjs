/** What every server of the benchmark answers: how much of a body its library has found. */
import { unlink } from 'node:fs/promises'

/**
 * @param {object | undefined} data fields by name
 * @param {readonly { size: number, path?: string }[]} [files]
 */
export function found(data, files = []) {
  let bytes = 0
  for (const file of files) bytes += file.size
  return { fields: Object.keys(data ?? {}).length, files: files.length, bytes }
}

/** Removes what a library leaves on the disk, as its users have to; nobody waits for it. */
export function removeLater(paths) {
  for (const path of paths) unlink(path).catch(() => undefined)
}

/** What a server answers that only takes the bytes. */
export const drained = { fields: 0, files: 0, bytes: 0 }
