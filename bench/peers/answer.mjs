/** The answer of every server: how much its library found in the body. */
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

/** Removes the files that a library leaves on the disk, as its users must. Nothing waits for this. */
export function removeLater(paths) {
  for (const path of paths) unlink(path).catch(() => undefined)
}

/** The answer of a server that only reads the bytes. */
export const drained = { fields: 0, files: 0, bytes: 0 }

/** The answer of a server that knows the types of the fields. */
export function typed(data) {
  const { age, score, agree, news, born, tags } = data
  return { ...found(data), age, score, agree, news, born, tags: tags.length }
}
