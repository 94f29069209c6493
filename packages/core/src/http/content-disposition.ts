/** The only reader of Content-Disposition: of a part of a form, and of a request whose body is a file. */
import { isUtf8 } from 'node:buffer'
import { trimOws } from './media-type.js'
import { isKnownCharset } from './media-type.js'
import { percentDecode } from './charset.js'
import { decodeStrictly, decodeWhole } from './charset.js'

export interface ContentDisposition {
  /** `form-data`, `attachment`, … in lower case. */
  readonly type: string
  readonly name: string | undefined
  /** The file name as the client means it: `filename*` where it is there, else `filename` (RFC 6266, 4.3). */
  readonly filename: string | undefined
}

/** Why a Content-Disposition header cannot be read. */
export class DispositionFault extends Error {
  /** Set where a `filename*` is in a charset that nobody knows. */
  readonly charset: string | undefined

  constructor(message: string, charset?: string) {
    super(message)
    this.charset = charset
  }
}

const dispositionType = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?=;|$)/
/*
 * One parameter behind one or more semicolons, or nothing behind the last of them. A quoted value ends at a quote that
 * is followed by ";" or by the end.
 * `\"` is a quote inside the value, unless the value closes only where its backslash is taken literally: browsers send
 * a file called `a\` as filename="a\". Every other backslash stands for itself, as browsers mean it.
 * No two neighbours may both match white space, or a header of 16 KiB of spaces takes minutes: a value without quotes is
 * trimmed later.
 */
const parameter =
  /(?:[ \t]*;)+[ \t]*(?:$|([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=(?:[ \t]*"((?:\\"|[^"])*)"[ \t]*|([^";]*))(?=;|$))/y

/** A parameter in several chunks, such as `filename*0` and `filename*1*`. */
const continuation = /^(?:file)?name\*\d/

/**
 * Reads a Content-Disposition header.
 *
 * @param header the header's value, one character for each byte
 * @throws DispositionFault with the reason
 */
export function parseContentDisposition(header: string): ContentDisposition {
  const type = dispositionType.exec(header)
  if (type === null) throw new DispositionFault('its Content-Disposition has no type')
  const isPart = type[1]!.toLowerCase() === 'form-data'
  // Only these are decoded: a header has room for thousands of other parameters.
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
    values[key] = parameterValue(key, quoted, bare)
  }
  const { name, filename, extended } = values
  return { type: type[1]!.toLowerCase(), name, filename: extended ?? filename }
}

/** Whether a parameter's name begins as `name` or `filename` does: most others need no copy in lower case. */
function startsLikeName(written: string): boolean {
  const code = written.charCodeAt(0) | 0x20
  return code === 0x6e || code === 0x66
}

function keyOf(name: string): 'name' | 'filename' | 'extended' | undefined {
  if (name === 'name' || name === 'filename') return name
  return name === 'filename*' ? 'extended' : undefined
}

/** `name*` in a form (RFC 7578, 4.2 has no such parameter), and a value in several parameters (RFC 2231, 3). */
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

function parameterValue(
  key: 'name' | 'filename' | 'extended',
  quoted: string | undefined,
  bare: string | undefined,
): string {
  const value = quoted ?? trimOws(bare!)
  if (key === 'extended') return decodeExtended(value)
  const text = quoted === undefined ? value : quoted.replaceAll('\\"', '"')
  const decoded = decodeBytes(text)
  // What browsers escape in names and file names, and no more than that (WHATWG HTML, 4.10.21.8).
  return decoded.includes('%')
    ? decoded.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
    : decoded
}

const notAscii = /[\u0080-\u00ff]/

/** UTF-8, and Latin-1 as browsers have it where it is not: an old client's name is better readable than refused. */
function decodeBytes(text: string): string {
  if (!notAscii.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : decodeWhole(bytes, 'windows-1252')
}

/** `charset'language'percent-encoded` (RFC 8187, 3.2). */
function decodeExtended(value: string): string {
  const match = /^([^']*)'[^']*'((?:[^%']|%[0-9a-f]{2})*)$/i.exec(value)
  if (match === null) throw new DispositionFault(`its "filename*" is not in the form utf-8''percent-encoded`)
  const [, charset, encoded] = match
  if (!isKnownCharset(charset!))
    throw new DispositionFault(`its "filename*" is in an unknown charset`, charset)
  try {
    return decodeStrictly(percentDecode(encoded!), charset!)
  } catch {
    throw new DispositionFault(`its "filename*" is not valid ${charset}`)
  }
}
