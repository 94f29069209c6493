/** The only reader of Content-Type. */

/** A media type as a header declares it. */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string
  readonly type: string
  readonly subtype: string
  /** In the order of the header, names in lower case, values unquoted. */
  readonly parameters: readonly MediaTypeParameter[]
  /** The header as it came. */
  readonly source: string
}

export interface MediaTypeParameter {
  readonly name: string
  readonly value: string
}

/** Media types that routes often name. */
export const ContentType = {
  Json: 'application/json',
  FormUrlEncoded: 'application/x-www-form-urlencoded',
  MultipartFormData: 'multipart/form-data',
  Text: 'text/plain',
  OctetStream: 'application/octet-stream',
  Any: '*/*',
} as const

const essencePattern = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\/([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?=;|$)/
// Wider than RFC 9110, 5.6.6: unquoted boundaries with ":" or "/" are common, and a broken parameter must not turn
// JSON into something that is not JSON. A backslash in a quoted value quotes the character after it.
const parameterPattern = /;[ \t]*([^=; \t]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*)))?[^;]*/gs

/**
 * Reads a Content-Type header.
 *
 * @returns `undefined` where it does not begin with one `type/subtype`. Parameters that cannot be read have the value
 * that they seem to have, and one without `=` has `''`.
 */
export function parseMediaType(header: string): MediaType | undefined {
  const known = usual.get(header)
  if (known !== undefined) return known
  const mediaType = readMediaType(header)
  if (mediaType !== undefined && header.length <= longestUsual && mediaType.type !== 'multipart')
    remember(header, mediaType)
  return mediaType
}

/**
 * Headers that have been read: most clients of an app send the same few, and to read one takes as long as to parse a small
 * body. That of a form has a boundary of its own each time.
 */
const usual = new Map<string, MediaType>()
const mostUsual = 100
const longestUsual = 100

function remember(header: string, mediaType: MediaType): void {
  // Clients that send ever new ones must not fill it for good.
  if (usual.size === mostUsual) usual.clear()
  mediaType.parameters.forEach((each) => Object.freeze(each))
  Object.freeze(mediaType.parameters)
  usual.set(header, Object.freeze(mediaType))
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

/** The value of a parameter; of several with this name the first. */
export function parameter(mediaType: MediaType, name: string): string | undefined {
  return mediaType.parameters.find((each) => each.name === name)?.value
}

/** The charset that a media type declares, if TextDecoder knows it: a label of the WHATWG Encoding standard. */
export function knownCharset(mediaType: MediaType): string | undefined {
  const label = parameter(mediaType, 'charset')
  return label !== undefined && isKnownCharset(label) ? label : undefined
}

/** Whether a label means UTF-8, for which Buffer is the faster decoder. */
export function isUtf8Label(label: string): boolean {
  return label === 'utf-8' || /^utf-?8$/i.test(label)
}

/** Whether TextDecoder knows this label. */
export function isKnownCharset(label: string): boolean {
  return isUtf8Label(label) || findDecoder(label) !== undefined
}

/** What TextDecoder makes. */
export type Decoder = InstanceType<typeof TextDecoder>

/**
 * Decoders by label: making one takes longer than decoding a small part. Labels come from clients, and a decoder knows many
 * spellings of the same label, so the map is bounded.
 */
const decoders = new Map<string, Decoder>()
const mostDecoders = 100
const longestLabel = 40

/**
 * The decoder for a label of the WHATWG Encoding standard; `undefined` if TextDecoder does not know the label.
 *
 * Several callers share a decoder. Call `decode()` without `stream` at the end of each text, which resets it.
 */
export function findDecoder(label: string): Decoder | undefined {
  const known = decoders.get(label)
  if (known !== undefined) return known
  const decoder = createDecoder(label)
  if (decoder === undefined || label.length > longestLabel) return decoder
  if (decoders.size === mostDecoders) decoders.clear()
  decoders.set(label, decoder)
  return decoder
}

function createDecoder(label: string): Decoder | undefined {
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

/**
 * Whether a parser's media type covers a request's, as in Django REST framework: on the full type, with wildcards on
 * either side. Parameters do not count. `application/*+json` covers every JSON dialect (RFC 6839, 3.1).
 */
export function mediaTypeCovers(range: MediaType, mediaType: MediaType): boolean {
  return segmentCovers(range.type, mediaType.type) && segmentCovers(range.subtype, mediaType.subtype)
}

function segmentCovers(range: string, segment: string): boolean {
  if (range === segment || range === '*' || segment === '*') return true
  return range.startsWith('*+') && segment.endsWith(range.slice(1)) && segment.length > range.length - 1
}

/** Whether a media type is a range such as `text/*`: a parser may have a range, a body has one type. */
export function isMediaRange({ type, subtype }: MediaType): boolean {
  return type === '*' || subtype === '*' || subtype.startsWith('*+')
}

/** Whether a media type is JSON or one of its dialects (RFC 6839, 3.1). */
export function isJson(mediaType: MediaType): boolean {
  return mediaType.essence === ContentType.Json || mediaType.subtype.endsWith('+json')
}

/**
 * Takes spaces and tabs from both ends, which is all that is white space in a header (RFC 9110, 5.6.3). `trim()` would
 * take the byte A0 too: the second half of `à` in UTF-8.
 */
export function trimOws(text: string): string {
  // Loops, since /[ \t]+$/ takes quadratic time on a long run of spaces that does not end the text.
  let start = 0
  let end = text.length
  while (start < end && isSpace(text, start)) start += 1
  while (end > start && isSpace(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isSpace(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}
