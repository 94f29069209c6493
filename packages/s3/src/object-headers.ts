/** What an object says of itself: its media type and its metadata. */
import type { FileInfo } from '@formgate/core'
import type { ObjectParams, S3Settings } from './s3-options.js'

/** The most of S3's 2 KB of user metadata that the original name takes. */
const maxName = 1024

const originalName = 'original-name'

export interface ObjectHeaders extends ObjectParams {
  readonly ContentType: string
  readonly Metadata: Record<string, string>
}

/** @throws TypeError for metadata that no header can carry */
export function headersOf({ params, metadata }: S3Settings, info: FileInfo): ObjectHeaders {
  const own = metadata?.(info) ?? {}
  for (const [name, value] of Object.entries(own)) {
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
      throw new TypeError(`s3({ metadata }) gave "${name}" a value that is not printable ASCII.`)
    }
  }
  return {
    ...params,
    ContentType: /^[\x21-\x7e]+$/.test(info.type) ? info.type : 'application/octet-stream',
    Metadata: { [originalName]: encodeName(info.originalName), ...own },
  }
}

/** The name that the client gave the file; `undefined` for an object that was not made by Formgate. */
export function originalNameIn(metadata: Readonly<Record<string, string>>): string | undefined {
  try {
    const encoded = metadata[originalName]
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** Percent-encoded UTF-8, cut after a whole character. */
function encodeName(name: string): string {
  let encoded = ''
  // A round trip through UTF-8 takes away lone surrogates, which cannot be encoded.
  for (const character of Buffer.from(name.slice(0, maxName)).toString()) {
    const next = encodeURIComponent(character)
    if (encoded.length + next.length > maxName) break
    encoded += next
  }
  return encoded
}
