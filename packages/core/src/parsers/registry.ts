/** Parsers keyed by media type. */
import { BodyError } from '../errors.js'
import { isMediaRange, mediaTypeCovers, parseMediaType, type MediaType } from '../http/media-type.js'
import type { BaseParser, ParserLike } from './base-parser.js'

/** A parser with its media type read once. */
export interface RegisteredParser {
  readonly parser: BaseParser
  readonly range: MediaType
  /** Whether the user gave the class, and so whatever instance of it is as good. */
  readonly byClass: boolean
  /** Whether a body that has come whole goes to `parseBytes`. */
  readonly acceptsBytes: boolean
}

/**
 * Makes a list of parsers ready for requests.
 *
 * @param list classes or instances, in the order in which they are asked
 * @throws TypeError for what is no parser, for a parser without `parse` and for a `mediaType` that is none
 */
export function registerParsers(list: readonly ParserLike[]): readonly RegisteredParser[] {
  if (!Array.isArray(list)) throw new TypeError('A parser list is an array of parser classes or instances.')
  return list.map((entry: ParserLike) => {
    const byClass = typeof entry === 'function'
    const parser = byClass ? new entry() : entry
    if (typeof parser?.parse !== 'function') {
      throw new TypeError(`${nameOf(parser)}: .parse() must be overridden.`)
    }
    const range = typeof parser.mediaType === 'string' ? parseMediaType(parser.mediaType) : undefined
    if (range === undefined)
      throw new TypeError(`${nameOf(parser)}: .mediaType must be a media type such as "text/csv".`)
    return { parser, range, byClass, acceptsBytes: acceptsBytes(parser) }
  })
}

/** Whether its `parseBytes` is that of its `parse`: one that it has inherited knows nothing of a `parse` of its own. */
function acceptsBytes(parser: BaseParser): boolean {
  for (
    let level: object | null = parser;
    level !== null;
    level = Object.getPrototypeOf(level) as object | null
  ) {
    if (Object.hasOwn(level, 'parseBytes')) return true
    if (Object.hasOwn(level, 'parse')) return false
  }
  return false
}

function nameOf(parser: BaseParser | undefined): string {
  return parser?.constructor?.name ?? 'What was given'
}

/**
 * The first parser of the list that reads this media type: Django REST framework's `select_parser`.
 *
 * @param mediaType of a body or a part. A range selects nothing: it does not say how to read the bytes.
 */
export function selectParser(
  list: readonly RegisteredParser[],
  mediaType: MediaType,
): RegisteredParser | undefined {
  if (isMediaRange(mediaType)) return undefined
  return list.find(({ range }) => mediaTypeCovers(range, mediaType))
}

/** The 415 for a media type that no parser of the list reads, with what it reads in `Accept` (RFC 9110, 15.5.16). */
export function unsupportedMediaType(
  list: readonly RegisteredParser[],
  header: string | undefined,
): BodyError {
  const accepted = list.map(({ range }) => range.essence).join(', ')
  const headers = { Accept: accepted }
  const takes = `This route takes ${accepted}.`
  if (header === undefined || header.trim() === '') {
    return new BodyError('MISSING_CONTENT_TYPE', {
      hint:
        `Set the Content-Type header to the type of the body. ${takes} ` +
        'For a multipart body let the HTTP client set it, since only the client knows the boundary.',
      headers,
    })
  }
  return new BodyError('UNSUPPORTED_MEDIA_TYPE', {
    detail: `Unsupported media type "${header}" in request.`,
    hint: takes,
    headers,
  })
}

/**
 * The parsers for certain media types: those of the list, and for the text formats that Formgate reads itself its own.
 *
 * @param types media types or ranges of them
 * @throws TypeError where nobody reads one of them
 */
export function narrowParsers(
  list: readonly RegisteredParser[],
  types: readonly MediaType[],
  builtIn: readonly RegisteredParser[],
): readonly RegisteredParser[] {
  return types.flatMap((type) => {
    const readers = [...list, ...builtIn].filter(({ range }) => mediaTypeCovers(range, type))
    if (readers.length === 0)
      throw new TypeError(`No parser reads ${type.essence}: add one to the parsers of multipart().`)
    // Of a range each parser reads its share; of one type the first reads all.
    const all = new Map<string, RegisteredParser>()
    for (const reader of readers) {
      const range = narrower(reader.range, type)
      if (!all.has(range.essence)) all.set(range.essence, { ...reader, range })
    }
    return [...all.values()]
  })
}

/** Of two ranges that overlap, the one that leaves less open. */
export function narrower(one: MediaType, other: MediaType): MediaType {
  return exactness(one) > exactness(other) ? one : other
}

/** Whether a range covers all of another. */
export function rangeContains(range: MediaType, other: MediaType): boolean {
  return mediaTypeCovers(range, other) && exactness(range) <= exactness(other)
}

/** How little a range leaves open: all, a subtype, what stands before a `+json`, or nothing. */
function exactness({ type, subtype }: MediaType): number {
  if (type === '*') return 0
  if (subtype === '*') return 1
  return subtype.startsWith('*') ? 2 : 3
}
