/** The headers of an object: its media type and metadata. */
import type { FileInfo } from '@formgate/core'
import { shownName } from '@formgate/core/storage'
import type { ObjectParams, S3Settings } from './s3-options.js'

/** The share of the original name in S3's 2 KB of user metadata. */
const maxName = 1024

const originalName = 'original-name'

export interface ObjectHeaders extends ObjectParams {
  readonly ContentType: string
  readonly Metadata: Record<string, string>
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
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
      throw new TypeError(`s3({ metadata }) returned a value for "${name}" that is not printable ASCII.`)
    }
  }
  return {
    ...params,
    ContentType: /^[\x21-\x7e]+$/.test(info.type) ? info.type : 'application/octet-stream',
    Metadata: { [originalName]: encodeName(info.originalName), ...own },
  }
}

/** The original name of a file; `undefined` for an object that Formgate has not created. */
export function originalNameIn(metadata: Readonly<Record<string, string>>): string | undefined {
  try {
    const encoded = metadata[originalName]
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
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
