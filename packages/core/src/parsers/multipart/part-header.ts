/** The header of one part, read into what the rest of Formgate knows of the part. */

import type { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { decodeText } from '../../http/charset.js'
import { DispositionFault, parseContentDisposition } from '../../http/content-disposition.js'
import {
  isKnownCharset,
  isUtf8Label,
  type MediaType,
  parameter,
  parseMediaType,
  trimOws,
} from '../../http/media-type.js'
import { lfLineEndings } from './diagnose.js'

export interface PartHeader {
  /** Counted from 1. */
  readonly number: number
  readonly name: string
  /** `undefined` makes the part a field (RFC 7578, 4.2). */
  readonly filename: string | undefined
  /** As the part declares it. */
  readonly mediaType: MediaType | undefined
  /** Every field of the header, names in lower case. */
  readonly fields: Readonly<Record<string, string>>
}

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Reads the header of a part.
 *
 * @param header what stands between the delimiter and the empty line, one character for each byte
 * @param number the part's place in the body, from 1
 * @param maxLines how many lines the header may have
 * @throws BodyError `MALFORMED_PART`, `MISSING_PART_NAME`, `LF_LINE_ENDINGS` or `INVALID_CHARSET`, with the part's number;
 * `LIMIT_HEADER_SIZE` for too many lines
 */
export function parsePartHeader(header: string, number: number, maxLines: number = Infinity): PartHeader {
  // The plain headers have one line and two.
  if (maxLines >= 2) {
    const plainName = plainFieldName(header)
    if (plainName !== undefined) return new PlainField(number, plainName)
    const plainFile = plainFileHeader(header, number)
    if (plainFile !== undefined) return plainFile
  }
  const lines = countLines(header)
  if (lines > maxLines) throw tooManyLines(number, maxLines)
  const fields = headerFields(header, number)
  const { name, filename } = disposition(fields['content-disposition'], number)
  const contentType = fields['content-type']
  const known = {
    number,
    name: detached(name, header),
    filename: filename === undefined ? undefined : detached(filename, header),
    mediaType: contentType === undefined ? undefined : parseMediaType(detached(contentType, header)),
  }
  return lines > fewLines ? new LongHeader(known, header) : { ...known, fields }
}

/** What clients send: most have two lines, Node's own and those of mail programs up to five. */
const fewLines = 8

/**
 * A header of many lines. It keeps their text, and reads them again when they are asked for: an object of 64 names takes
 * up to 20 times the memory of the bytes that the client sends for it.
 */
export class LongHeader implements PartHeader {
  readonly number: number
  readonly name: string
  readonly filename: string | undefined
  readonly mediaType: MediaType | undefined
  readonly #text: string

  constructor({ number, name, filename, mediaType }: Omit<PartHeader, 'fields'>, text: string) {
    this.number = number
    this.name = name
    this.filename = filename
    this.mediaType = mediaType
    this.#text = text
  }

  get fields(): Readonly<Record<string, string>> {
    return headerFields(this.#text, this.number)
  }
}

function countLines(header: string): number {
  let lines = 1
  for (let at = header.indexOf('\r\n'); at !== -1; at = header.indexOf('\r\n', at + 2)) lines += 1
  return lines
}

function tooManyLines(number: number, limit: number): BodyError {
  const detail = `The header of part ${number} of the multipart body has more than ${limit} lines.`
  return new BodyError('LIMIT_HEADER_SIZE', { detail, limit })
}

/** A text that is so much shorter than the header it is cut from is copied. */
const muchShorter = 256

/**
 * A text of a header on its own. V8 cuts a text out of another by pointing into it, so that a name of 13 characters
 * would keep a header of 16 KiB in memory. The way through a buffer copies it for certain.
 */
export function detached(text: string, header: string): string {
  if (header.length - text.length < muchShorter) return text
  return Buffer.from(text, 'utf16le').toString('utf16le')
}

/** A plain field. A class, since forms have many, and nobody asks for the header of most. */
class PlainField implements PartHeader {
  readonly number: number
  readonly name: string
  readonly filename = undefined
  readonly mediaType = undefined

  constructor(number: number, name: string) {
    this.number = number
    this.name = name
  }

  get fields(): Readonly<Record<string, string>> {
    return { 'content-disposition': `form-data; name="${this.name}"` }
  }
}

const plainFieldStart = 'Content-Disposition: form-data; name="'
const plainNamePattern = /^[\w.[\]-]+$/

/**
 * The name in the header that every client writes for a plain field. It takes 0.16 µs, where the general way takes 1.9
 * (Node 20.20): of a form of 1000 fields that would be two thirds.
 */
function plainFieldName(header: string): string | undefined {
  if (!header.startsWith(plainFieldStart) || !header.endsWith('"')) return undefined
  const name = header.slice(plainFieldStart.length, -1)
  return plainNamePattern.test(name) ? name : undefined
}

const plainFilePattern =
  /^Content-Disposition: (form-data; name="([\w.[\]-]+)"; filename="([\w .()-]+)")\r\nContent-Type: (\w+\/[\w.+-]+)$/

/** The same for a file with a name of plain characters. */
function plainFileHeader(header: string, number: number): PartHeader | undefined {
  const match = plainFilePattern.exec(header)
  if (match === null) return undefined
  const [, disposition, name, filename, type] = match
  const fields = { 'content-disposition': disposition!, 'content-type': type! }
  return { number, name: name!, filename, mediaType: parseMediaType(type!), fields }
}

function headerFields(text: string, number: number): Record<string, string> {
  if (text === '') throw malformedPart(number, 'its header is empty')
  const fields = Object.create(null) as Record<string, string>
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (line.includes('\n')) throw lfLineEndings()
    if (line.startsWith(' ') || line.startsWith('\t')) {
      throw malformedPart(number, 'a line of its header begins with white space')
    }
    if (colon === -1) throw malformedPart(number, 'a line of its header has no colon')
    const name = line.slice(0, colon).toLowerCase()
    const value = trimOws(line.slice(colon + 1))
    if (!fieldName.test(name)) throw malformedPart(number, 'a name in its header is not valid')
    // Other controls may stand in it: every browser sends those of a file name as they are.
    if (value.includes('\r')) throw malformedPart(number, `its ${name} holds a CR without LF`)
    if (name in fields && name.startsWith('content-'))
      throw malformedPart(number, `its header has two ${name} lines`)
    fields[name] = value
  }
  return fields
}

function disposition(
  header: string | undefined,
  number: number,
): { name: string; filename: string | undefined } {
  if (header === undefined) throw malformedPart(number, 'it has no Content-Disposition')
  try {
    const { type, name, filename } = parseContentDisposition(header)
    if (type !== 'form-data')
      throw malformedPart(number, `its Content-Disposition is "${type}", not form-data`)
    if (name !== undefined && name !== '') return { name, filename }
  } catch (fault) {
    if (!(fault instanceof DispositionFault)) throw fault
    if (fault.charset === undefined) throw malformedPart(number, fault.message)
    throw unknownCharset(number, fault.charset)
  }
  throw new BodyError('MISSING_PART_NAME', { detail: `Part ${number} of the multipart body has no name.` })
}

/**
 * The charset of a text part.
 *
 * @returns a label that TextDecoder knows, or `undefined` where the part declares none
 * @throws BodyError `INVALID_CHARSET`
 */
export function partCharset({ mediaType, number }: PartHeader): string | undefined {
  const label = mediaType === undefined ? undefined : parameter(mediaType, 'charset')
  if (label === undefined || isKnownCharset(label)) return label
  throw unknownCharset(number, label)
}

/** The 400 for a part that no rule can read. */
export function malformedPart(number: number, reason: string): BodyError {
  return new BodyError('MALFORMED_PART', {
    detail: `Part ${number} of the multipart body is malformed: ${reason}.`,
    hint: 'Let the HTTP client build the multipart body, for example from a FormData.',
  })
}

function unknownCharset(number: number, label: string): BodyError {
  return new BodyError('INVALID_CHARSET', {
    detail: `Part ${number} of the multipart body is in an unknown charset, "${label}".`,
  })
}

/** The field that names the charset of all others (WHATWG HTML, 4.10.18.1). */
export const charsetFieldName = '_charset_'

/** Decodes a field. @param charset a label that TextDecoder knows; without one it is UTF-8 */
export function fieldText(bytes: ByteBuffer, charset: string | undefined): string {
  if (charset === undefined || isUtf8Label(charset)) return bytes.utf8()
  return decodeText(bytes.toBuffer(), charset)
}
