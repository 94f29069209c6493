/** Which key an object gets. */
import { randomName, safeExtension, safeFileName, withSuffix } from '@formgate/core/storage'
import type { FileInfo } from '@formgate/core'
import type { S3Settings } from './s3-options.js'

/** 128 random bits, which are never taken, and the extension of the client's name where it is plain. */
export function randomKey({ prefix }: S3Settings, info: FileInfo): string {
  return prefix + randomName() + safeExtension(info.name)
}

/** @throws TypeError for a key of the user's that has a segment which is no safe file name */
export async function chosenKey({ prefix, key }: S3Settings, info: FileInfo): Promise<string> {
  const chosen = await key?.(info)
  const segments = typeof chosen === 'string' ? chosen.split('/') : ['']
  if (segments.some((segment) => safeFileName(segment) !== segment)) {
    throw new TypeError(`s3({ key }) gave ${JSON.stringify(chosen)}, which is no safe key.`)
  }
  return prefix + segments.join('/')
}

/** Another key, for one that is taken: eight random characters before its extension. */
export function otherKey(key: string): string {
  const slash = key.lastIndexOf('/') + 1
  return key.slice(0, slash) + withSuffix(key.slice(slash), `_${randomName().slice(0, 8)}`)
}
