/** Reads the Content-Disposition header of a part, or of a request whose body is a file; no other file does. */
import { isUtf8 } from 'node:buffer'
import { decodeStrictly, decodeText, decodeWhole, isTextIn, percentDecode } from './charset.js'
import { isKnownCharset, trimOws } from './media-type.js'

export interface ContentDisposition {
  /** `form-data`, `attachment`, … in lower case. */
  readonly type: string
  readonly name: string | undefined
  /** `filename*` if it can be read, else `filename` (RFC 6266, 4.3). */
  readonly filename: string | undefined
}

/** Why a Content-Disposition header cannot be read. */
export class DispositionFault extends Error {
  /** The unknown charset of a `filename*`. */
  readonly charset: string | undefined

  constructor(message: string, charset?: string) {
    super(message)
    this.charset = charset
  }
}

const dispositionType = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?=;|$)/
/*
 * One or more semicolons and a parameter, or trailing semicolons. A quoted value ends at a quote before ";" or the end.
 * `\"` is an escaped quote, unless the value would not end otherwise: browsers send a file called `a\` as filename="a\".
 * Every other backslash is literal, as browsers mean it.
 * Adjacent terms must not both match white space, or 16 KiB of spaces take minutes: an unquoted value is trimmed later.
 */
const parameter =
  /(?:[ \t]*;)+[ \t]*(?:$|([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=(?:[ \t]*"((?:\\"|[^"])*)"[ \t]*|([^";]*))(?=;|$))/y

/** A value in several parameters (RFC 2231, 3), such as `filename*0` and `filename*1*`. */
const continuation = /^(?:file)?name\*\d/

/**
 * Parses a Content-Disposition header.
 *
 * @param header as latin1: one character for each byte
 * @param charset of names that are not UTF-8, as a label that TextDecoder knows; by default windows-1252
 * @throws DispositionFault
 */
export function parseContentDisposition(header: string, charset?: string): ContentDisposition {
  const twice = filenameWrittenTwice(header)
  if (twice === undefined) return readParameters(header, charset)
  const others = readParameters(header.slice(0, twice.start), charset)
  if (others.filename !== undefined) return readParameters(header, charset)
  return { ...others, filename: decodeBytes(twice.filename, charset) }
}

const extendedStart = `"; filename*=utf-8''`
const plainStart = '; filename="'

/**
 * The file name of React Native 0.74 to 0.76: `; filename="${name}"; filename*=utf-8''${encodeURI(name)}`. It escapes
 * neither quotes in the first form nor semicolons in the second, but if both say the same, that is the name.
 */
function filenameWrittenTwice(header: string): { filename: string; start: number } | undefined {
  const end = header.toLowerCase().lastIndexOf(extendedStart)
  if (end === -1) return undefined
  const filename = percentDecode(header.slice(end + extendedStart.length)).toString('latin1')
  const start = end - filename.length - plainStart.length
  return start > 0 && header.startsWith(plainStart + filename, start) ? { filename, start } : undefined
}

function readParameters(header: string, charset: string | undefined): ContentDisposition {
  const type = dispositionType.exec(header)
  if (type === null) throw new DispositionFault('its Content-Disposition has no type')
  const isPart = type[1]!.toLowerCase() === 'form-data'
  // Other parameters are not decoded: a header has room for thousands.
  const values: { name?: string; filename?: string; extended?: string } = {}
  parameter.lastIndex = type[0].length
  while (parameter.lastIndex < header.length) {
    const at = parameter.lastIndex
    const match = parameter.exec(header)
    if (match === null) throw new DispositionFault(unreadable(header.slice(at)))
    const [, written, quoted, bare] = match
    if (written === undefined || !startsLikeName(written)) continue
    const name = written.toLowerCase()
    if (isUnsupported(name, isPart)) throw new DispositionFault(unsupported(name))
    const key = keyOf(name)
    if (key === undefined) continue
    if (values[key] !== undefined)
      throw new DispositionFault(`its Content-Disposition has two "${name}" parameters`)
    values[key] = key === 'extended' ? (quoted ?? trimOws(bare!)) : plainValue(quoted, bare, charset)
  }
  const { name, filename, extended } = values
  return { type: type[1]!.toLowerCase(), name, filename: decodeExtended(extended, filename) }
}

/** True if a parameter's name begins with `n` or `f`, in any case. Saves others the conversion to lower case. */
function startsLikeName(written: string): boolean {
  const code = written.charCodeAt(0) | 0x20
  return code === 0x6e || code === 0x66
}

function keyOf(name: string): 'name' | 'filename' | 'extended' | undefined {
  if (name === 'name' || name === 'filename') return name
  return name === 'filename*' ? 'extended' : undefined
}

/** True for `name*` in a form (RFC 7578, 4.2 has no such parameter) and for continuations. */
function isUnsupported(name: string, isPart: boolean): boolean {
  return (isPart && name === 'name*') || continuation.test(name)
}

function unsupported(name: string): string {
  const plain = name.slice(0, name.indexOf('*'))
  return `its "${name}" is not supported: send the whole value in UTF-8 as ${plain}="..."`
}

function unreadable(rest: string): string {
  const parameterName = /^[ \t]*;[ \t]*([^=\s;]*)/.exec(rest)?.[1] ?? ''
  const quotes = rest.split('"').length - 1
  if (quotes > 2) return `its "${parameterName}" has a quote that is not escaped: a quote is sent as %22`
  if (quotes === 1) return `its "${parameterName}" has no closing quote`
  return 'its Content-Disposition cannot be read'
}

function plainValue(
  quoted: string | undefined,
  bare: string | undefined,
  charset: string | undefined,
): string {
  const text = quoted === undefined ? trimOws(bare!) : quoted.replaceAll('\\"', '"')
  const decoded = decodeBytes(text, charset)
  // Only what browsers escape in names and file names (WHATWG HTML, 4.10.21.8).
  return decoded.includes('%')
    ? decoded.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
    : decoded
}

const notAscii = /[\u0080-\u00ff]/

/** Decodes UTF-8, or else the charset, or else windows-1252, which has all bytes and is what old clients send. */
function decodeBytes(text: string, charset: string | undefined): string {
  if (!notAscii.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  if (isUtf8(bytes)) return bytes.toString()
  return charset !== undefined && isTextIn(bytes, charset)
    ? decodeText(bytes, charset)
    : decodeWhole(bytes, 'windows-1252')
}

/** `charset'language'percent-encoded` (RFC 8187, 3.2). Quotes after the second are part of the name: JavaScript keeps them. */
const extendedPattern = /^([^']*)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i

/**
 * Decodes a `filename*`.
 *
 * @param filename the plain form, which is used if there is no other or the other cannot be read (RFC 8187, 3.2.1)
 */
function decodeExtended(value: string | undefined, filename: string | undefined): string | undefined {
  if (value === undefined) return filename
  const [, charset = '', encoded] = extendedPattern.exec(value) ?? []
  try {
    if (encoded !== undefined && isKnownCharset(charset))
      return decodeStrictly(percentDecode(encoded), charset)
  } catch {
    // It is not valid in its charset.
  }
  if (filename !== undefined) return filename
  if (encoded === undefined)
    throw new DispositionFault(`its "filename*" is not in the form utf-8''percent-encoded`)
  if (!isKnownCharset(charset))
    throw new DispositionFault(`its "filename*" is in an unknown charset`, charset)
  throw new DispositionFault(`its "filename*" is not valid ${charset}`)
}
