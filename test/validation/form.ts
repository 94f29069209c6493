/** Forms for tests, as entries. */
import { Readable } from 'node:stream'
import type { Entry } from '../../packages/core/src/parsers/data-and-files.js'
import type { FileDescription } from '../../packages/core/src/storages/storage.js'
import { UploadedFile } from '../../packages/core/src/files/uploaded-file.js'

/** The fields of a URL-encoded form: `age=42&tags=a&tags=b`. */
export function fields(encoded: string): Entry[] {
  return [...new URLSearchParams(encoded)].map(([name, value]) => ({ kind: 'text', name, value }))
}

/** A field of any text. */
export function text(name: string, value: string): Entry {
  return { kind: 'text', name, value }
}

/** A part with a Content-Type of JSON. */
export function json(name: string, value: unknown): Entry {
  return { kind: 'parsed', name, value }
}

/** A part with a file in it. */
export function upload(name: string, value: UploadedFile): Entry {
  return { kind: 'file', name, value }
}

/** A file in memory, as a storage would have made it. */
export function file(name: string, content: string | Uint8Array = 'bytes', type = 'image/png'): UploadedFile {
  const bytes = Buffer.from(content)
  const info: FileDescription = { field: 'file', name, originalName: name, type, headers: {} }
  const stored = {
    size: bytes.length,
    createReadStream: ({ start = 0, end = bytes.length - 1 }: { start?: number; end?: number } = {}) =>
      Readable.from([bytes.subarray(start, end + 1)]),
    remove: () => Promise.resolve(),
  }
  return new UploadedFile(stored, info)
}
