/** Reads Content-Type headers and matches media types against ranges; no other file does. Runs in browsers too. */

/** A media type as a header declares it. */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string
  readonly type: string
  readonly subtype: string
  /** In the order of the header, with names in lower case and values unquoted. */
  readonly parameters: readonly MediaTypeParameter[]
  /** The header as it was sent. */
  readonly source: string
}

/** A parameter of a media type, such as `charset=utf-8`. Its name is in lower case. */
export interface MediaTypeParameter {
  readonly name: string
  readonly value: string
}

/** Common media types. */
export const ContentType = {
  Json: 'application/json',
  FormUrlEncoded: 'application/x-www-form-urlencoded',
  MultipartFormData: 'multipart/form-data',
  Text: 'text/plain',
  OctetStream: 'application/octet-stream',
  Any: '*/*',
} as const

const essencePattern = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\/([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?=;|$)/
// More lenient than RFC 9110, 5.6.6: unquoted boundaries with ":" or "/" are common, and a broken parameter must not change
// the media type. A backslash in a quoted value escapes the next character.
const parameterPattern = /;[ \t]*([^=; \t]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*)))?[^;]*/gs

/**
 * Parses a Content-Type header. Malformed parameters are read as far as possible; one without `=` has the value `''`.
 *
 * @returns `undefined` if the header does not begin with `type/subtype`
 */
export function parseMediaType(header: string): MediaType | undefined {
  const known = usual.get(header)
  if (known !== undefined) return known
  const mediaType = readMediaType(header)
  if (mediaType === undefined || mediaType.type === 'multipart') return mediaType
  mediaType.parameters.forEach((each) => Object.freeze(each))
  Object.freeze(mediaType.parameters)
  return remember(usual, header, Object.freeze(mediaType))
}

/**
 * Parsed headers: parsing one takes as long as parsing a small body, and most clients of an app send the same few. Multipart
 * is left out, since each form has its own boundary.
 */
const usual = new Map<string, MediaType>()

/** Keeps a value, within bounds, since clients choose the keys. @returns the value */
function remember<Value>(cache: Map<string, Value>, key: string, value: Value): Value {
  if (key.length > 100) return value
  if (cache.size === 100) cache.clear()
  cache.set(key, value)
  return value
}

function readMediaType(header: string): MediaType | undefined {
  const match = essencePattern.exec(header)
  if (match === null) return undefined
  const type = match[1]!.toLowerCase()
  const subtype = match[2]!.toLowerCase()
  const parameters = match[0].length === header.length ? [] : parseParameters(header.slice(match[0].length))
  return { essence: `${type}/${subtype}`, type, subtype, parameters, source: header }
}

function parseParameters(text: string): MediaTypeParameter[] {
  const parameters: MediaTypeParameter[] = []
  // Not matchAll(), which copies the pattern.
  parameterPattern.lastIndex = 0
  for (let match = parameterPattern.exec(text); match !== null; match = parameterPattern.exec(text)) {
    const [, name, quoted, bare = ''] = match
    if (name === '') continue
    const value = quoted === undefined ? trimOws(bare) : quoted.replace(/\\(.)/gs, '$1')
    parameters.push({ name: name!.toLowerCase(), value })
  }
  return parameters
}

/** The value of the first parameter with this name. */
export function parameter(mediaType: MediaType, name: string): string | undefined {
  return mediaType.parameters.find((each) => each.name === name)?.value
}

/** The declared charset, if TextDecoder knows it: a label of the WHATWG Encoding standard. */
export function knownCharset(mediaType: MediaType): string | undefined {
  const label = parameter(mediaType, 'charset')
  return label !== undefined && isKnownCharset(label) ? label : undefined
}

/** True for UTF-8, which Buffer decodes faster than TextDecoder. */
export function isUtf8Label(label: string): boolean {
  return label === 'utf-8' || /^utf-?8$/i.test(label)
}

export function isKnownCharset(label: string): boolean {
  return isUtf8Label(label) || findDecoder(label) !== undefined
}

export type Decoder = InstanceType<typeof TextDecoder>

/** Decoders by label: making one takes longer than decoding a small part. */
const decoders = new Map<string, Decoder>()

/**
 * The decoder for a label of the WHATWG Encoding standard; `undefined` if TextDecoder does not know the label.
 *
 * Several callers share a decoder. Call `decode()` without `stream` at the end of each text, which resets it.
 */
export function findDecoder(label: string): Decoder | undefined {
  try {
    return decoders.get(label) ?? remember(decoders, label, new TextDecoder(label))
  } catch {
    return undefined
  }
}

/**
 * True if a parser's media type matches that of a request, as in Django REST framework: wildcards may be on either side,
 * and parameters are ignored.
 */
export function mediaTypeCovers(range: MediaType, mediaType: MediaType): boolean {
  return (
    (mediaType.type === '*' || segmentCovers(range.type, mediaType.type)) &&
    (mediaType.subtype === '*' || segmentCovers(range.subtype, mediaType.subtype))
  )
}

/**
 * True if a range includes every type of another: `image/*` covers `image/png`, and `*\/*` any text that a client declares.
 * Both are in lower case and have no parameters.
 */
export function rangeCovers(range: string, other: string): boolean {
  if (range === other || range === ContentType.Any) return true
  const [type, subtype] = range.split('/') as [string, string?]
  const [otherType, otherSubtype] = other.split('/') as [string, string?]
  if (subtype === undefined || otherSubtype === undefined) return false
  return segmentCovers(type, otherType) && segmentCovers(subtype, otherSubtype)
}

/** `*+json` covers every JSON dialect (RFC 6839, 3.1). */
function segmentCovers(range: string, segment: string): boolean {
  if (range === segment || range === '*') return true
  return range.startsWith('*+') && segment.endsWith(range.slice(1)) && segment.length > range.length - 1
}

/** True for a range such as `text/*`, which a parser may have but a body may not. */
export function isMediaRange({ type, subtype }: MediaType): boolean {
  return type === '*' || subtype === '*' || subtype.startsWith('*+')
}

/** True for JSON and its dialects, such as `application/ld+json` (RFC 6839, 3.1). */
export function isJson(mediaType: MediaType): boolean {
  return mediaType.essence === ContentType.Json || mediaType.subtype.endsWith('+json')
}

const textual =
  /^text\/|[+/](?:json|xml|yaml|x-yaml|toml|sql|csv|javascript|x-javascript|ecmascript|typescript|graphql|x-ndjson|x-sh)$/

/** True for media types of text, such as `text/csv`, `application/json` and `image/svg+xml`. */
export function isTextual(essence: string): boolean {
  return textual.test(essence) && essence !== 'text/rtf'
}

/**
 * Removes spaces and tabs from both ends: the optional white space of RFC 9110, 5.6.3. `trim()` would also remove the byte
 * A0, which ends `à` in UTF-8.
 */
export function trimOws(text: string): string {
  // Not /[ \t]+$/, which takes quadratic time on a run of spaces inside the text.
  let start = 0
  let end = text.length
  while (start < end && isSpace(text, start)) start += 1
  while (end > start && isSpace(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isSpace(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}
