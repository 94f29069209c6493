/** Parsers keyed by media type. */
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import type { Body } from '../http/body-stream.js'
import { ParsedElsewhere } from '../http/kept-body.js'
import { BodyError } from '../errors.js'
import { isMediaRange, mediaTypeCovers, parseMediaType, type MediaType } from '../http/media-type.js'
import type { BaseParser, ParserContext, ParserLike, SizeLimit } from './base-parser.js'

/** A parser with its media type parsed. */
export interface RegisteredParser {
  readonly parser: BaseParser
  readonly range: MediaType
  /** Whether the list has the class itself, so that any instance will do. */
  readonly byClass: boolean
  /** Whether a body that arrived whole goes to `parseBytes`. */
  readonly acceptsBytes: boolean
  /** Whether it takes over what another parser has made of a body. */
  readonly adopts: boolean
  readonly sizeLimits: readonly SizeLimit[]
  readonly inflates: boolean
}

/**
 * Prepares a list of parsers for requests.
 *
 * @throws TypeError for a value that is not a parser, a parser without `parse` or an invalid `mediaType`
 */
export function registerParsers(list: readonly ParserLike[]): readonly RegisteredParser[] {
  if (!Array.isArray(list)) throw new TypeError('A parser list is an array of parser classes or instances.')
  return list.flatMap((entry: ParserLike) => {
    const byClass = typeof entry === 'function'
    // An arrow function is no class.
    const parser = byClass && 'prototype' in entry ? new entry() : entry
    if (typeof parser !== 'object' || parser === null) {
      const got = typeof entry === 'function' ? `the function ${entry.name}()` : inspect(entry)
      throw new TypeError(
        `${got} is not a parser class, such as JSONParser, or an instance of one: .parse() must be overridden.`,
      )
    }
    const name = parser.constructor?.name ?? 'This value'
    if (typeof parser.parse !== 'function') throw new TypeError(`${name}: .parse() must be overridden.`)
    const { mediaType, sizeLimits, inflates } = parser
    const ranges = [mediaType]
      .flat()
      .map((type: unknown) => (typeof type === 'string' ? parseMediaType(type) : undefined))
    if (ranges.length === 0 || !ranges.every((range) => range !== undefined))
      throw new TypeError(`${name}: .mediaType must be a media type such as "text/csv", or a list of them.`)
    const [acceptsBytes, adopts] = [fits(parser, 'parseBytes'), fits(parser, 'adopt')]
    return ranges.map((range) => ({ parser, byClass, acceptsBytes, adopts, sizeLimits, inflates, range }))
  })
}

/**
 * True if a method is defined at or below the class that defines `parse`: an inherited one would bypass an overridden
 * `parse`.
 */
function fits(parser: object, method: 'parseBytes' | 'adopt'): boolean {
  if (Object.hasOwn(parser, method)) return true
  if (Object.hasOwn(parser, 'parse')) return false
  const parent = Object.getPrototypeOf(parser) as object | null
  return parent !== null && fits(parent, method)
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

/**
 * Hands a body, or the content of a part, to its parser, in whichever form it came.
 *
 * @returns what the parser returns; a promise where there is something to wait for
 */
export function runParser(
  { parser, acceptsBytes }: RegisteredParser,
  body: Body | ParsedElsewhere,
  mediaType: MediaType,
  context: ParserContext,
): unknown {
  if (body instanceof ParsedElsewhere) return parser.adopt!(body.value, context)
  if (!Buffer.isBuffer(body)) return parser.parse(body, mediaType, context)
  if (acceptsBytes) return parser.parseBytes!(body, mediaType, context)
  return parser.parse(Readable.from(body, { objectMode: false }), mediaType, context)
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
 * The parsers for certain media types or ranges: those of the list, else those that are built in.
 *
 * @throws TypeError for a type that no parser reads
 */
export function narrowParsers(
  list: readonly RegisteredParser[],
  types: readonly MediaType[],
  builtIn: readonly RegisteredParser[],
): readonly RegisteredParser[] {
  return types.flatMap((type) => {
    const readers = [...list, ...builtIn].filter(({ range }) => mediaTypeCovers(range, type))
    if (readers.length === 0)
      throw new TypeError(`No parser reads ${type.essence}. Add one to the parsers of multipart().`)
    // Each parser reads its share of a range; the first one reads a single type alone.
    const all = new Map<string, RegisteredParser>()
    for (const reader of readers) {
      const range = narrower(reader.range, type)
      if (!all.has(range.essence)) all.set(range.essence, { ...reader, range })
    }
    return [...all.values()]
  })
}

/** The narrower of two ranges that overlap. */
export function narrower(one: MediaType, other: MediaType): MediaType {
  return exactness(one) > exactness(other) ? one : other
}

/** True if a range covers all of another. */
export function rangeContains(range: MediaType, other: MediaType): boolean {
  return mediaTypeCovers(range, other) && exactness(range) <= exactness(other)
}

/** 0 for any type, 1 for any subtype, 2 for any with a suffix (`*+json`), 3 for a single type. */
function exactness({ type, subtype }: MediaType): number {
  if (type === '*') return 0
  if (subtype === '*') return 1
  return subtype.startsWith('*') ? 2 : 3
}
