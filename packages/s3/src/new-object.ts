/** An object that is about to be created: its key, its media type and its metadata. */
import { BodyError, type FileInfo } from '@formgate/core'
import {
  randomName,
  safeExtension,
  safeFileName,
  shownName,
  unsafeNameHint,
  withSuffix,
} from '@formgate/core/storage'
import type { ObjectParams, S3Settings } from './s3-options.js'

/** Metadata that tells our object from another with the same key. */
export const claimName = 'formgate-upload'

/** Metadata with the name of the file as the client sent it, percent-encoded. */
export const originalName = 'original-name'

/** The share of the original name in S3's 2 KB of user metadata. */
const maxName = 1024

/** Bytes of a whole key, in S3. */
const longestKey = 1024

export interface ObjectHeaders extends ObjectParams {
  readonly ContentType: string
  readonly Metadata: Record<string, string>
}

export interface NewObject {
  readonly settings: S3Settings
  readonly key: string
  readonly headers: ObjectHeaders
  /** Its value of `claimName`, if other uploads may choose the same key: 128 random bits are unique. */
  readonly claim: string | undefined
  /** True if the store must refuse to replace an object. */
  readonly guarded: boolean
}

/** @throws BodyError for an unsafe key; TypeError for such metadata; any error of the functions `key` and `metadata` */
export async function nameObject(settings: S3Settings, info: FileInfo): Promise<NewObject> {
  const headers = await headersOf(settings, info)
  if (settings.key === undefined)
    return { settings, key: randomKey(settings, info), headers, claim: undefined, guarded: false }
  const key = checkKey(settings.prefix, await settings.key(info), info.field)
  const claim = randomName()
  const Metadata = { ...headers.Metadata, [claimName]: claim }
  return { settings, key, headers: { ...headers, Metadata }, claim, guarded: !settings.overwrite }
}

/** 128 random bits, and the extension of the file. */
export function randomKey({ prefix }: S3Settings, { name }: FileInfo): string {
  return prefix + randomName() + safeExtension(name)
}

/** A key with eight random characters before its extension. */
export function otherKey(key: string): string {
  const slash = key.lastIndexOf('/') + 1
  return key.slice(0, slash) + withSuffix(key.slice(slash), `_${randomName().slice(0, 8)}`)
}

/** @returns the whole key @throws BodyError for a key that is too long, or has a segment that is not a safe file name */
function checkKey(prefix: string, key: unknown, field: string): string {
  if (typeof key === 'string' && key.split('/').every((segment) => safeFileName(segment) === segment)) {
    const whole = prefix + key
    if (Buffer.byteLength(whole) <= longestKey) return whole
  }
  const detail = `s3({ key }) returned ${shownName(key)}, which is not a safe key of at most ${longestKey} bytes.`
  throw new BodyError('STORAGE_FAILED', { detail, hint: unsafeNameHint, field })
}

/** @throws TypeError for metadata that is not printable ASCII under names that a header can have */
export async function headersOf({ params, metadata }: S3Settings, info: FileInfo): Promise<ObjectHeaders> {
  const own: unknown = (await metadata?.(info)) ?? {}
  if (typeof own !== 'object' || Array.isArray(own))
    throw new TypeError(`s3({ metadata }) returned ${shownName(own)}, not an object of texts.`)
  for (const [name, value] of Object.entries(own!)) {
    // A name is part of the name of a header.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      throw new TypeError(`s3({ metadata }) returned the name ${shownName(name)}, which no header can have.`)
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value))
      throw new TypeError(`s3({ metadata }) returned a value for "${name}" that is not printable ASCII.`)
  }
  return {
    ...params,
    ContentType: /^[\x21-\x7e]+$/.test(info.type) ? info.type : 'application/octet-stream',
    Metadata: { [originalName]: encodeName(info.originalName), ...own },
  }
}

/** Percent-encodes a name, and cuts it between two characters. */
function encodeName(name: string): string {
  let encoded = ''
  // A round trip through UTF-8 replaces lone surrogates, which cannot be encoded.
  for (const character of Buffer.from(name.slice(0, maxName)).toString()) {
    const next = encodeURIComponent(character)
    if (encoded.length + next.length > maxName) break
    encoded += next
  }
  return encoded
}
