/** What a loop over the parts of a form gets. */
import type { Readable } from 'node:stream'
import type { FileInfo } from '../../files/storage.js'
import type { FileFindings } from '../../files/uploaded-file.js'

/** One part of a multipart form, as it arrives. */
export type Part = FieldPart | FilePart

/** A field, whole. */
export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  /** As text, whatever its media type. */
  readonly value: string
  /** The media type that the part declares, in lower case and without parameters; `''` where it declares none. */
  readonly type: string
  /** The part's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** A file, whose bytes are still to come. */
export interface FilePart {
  readonly kind: 'file'
  /** The name of the form field. */
  readonly name: string
  /** The safe file name: one segment, no control characters, at most 255 bytes. */
  readonly filename: string
  /** The file name as the client sent it. Never use it in a path. */
  readonly originalName: string
  /** The media type that the client declares, in lower case and without parameters; `''` where it declares none. */
  readonly type: string
  /** The part's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The bytes. Whoever wants them begins to read before the loop goes on, which then waits for their end; bytes that
   * nobody reads are thrown away. It fails with what the request fails with.
   */
  readonly stream: Readable
  /** What inspectors such as `hash()` have found out, once the stream has ended. */
  readonly findings: FileFindings
}

export function toFilePart(info: FileInfo, stream: Readable & { readonly findings: FileFindings }): FilePart {
  const { field, name, originalName, type } = info
  return {
    kind: 'file',
    name: field,
    filename: name,
    originalName,
    type,
    get headers() {
      return info.headers
    },
    stream,
    get findings() {
      return stream.findings
    },
  }
}
