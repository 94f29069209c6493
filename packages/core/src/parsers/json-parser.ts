/** The parser for JSON bodies. */
import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { BodyError, type BodyErrorOptions } from '../errors.js'
import { isUtf8Label, type MediaType } from '../media-type.js'
import { BaseParser, type ParserContext, type SizeLimit } from './base-parser.js'
import { bodyLook, multipartHint } from './body-look.js'
import { findJsonFault } from './json-fault.js'
import { charsetOf, decodeText, readBytes, withoutByteOrderMark } from './text-body.js'

export interface JSONParserOptions {
  /** Refuse numbers that no JavaScript number can hold (`1e999`). Default true. */
  readonly strict?: boolean
}

const LF = 10

/** What the call stack holds with room to spare, for the handler too: more is refused even without a limit. */
const deepestNesting = 1000

/** Reads `application/json`, in UTF-8 or in the charset that the header declares. Any JSON value is data. */
export class JSONParser extends BaseParser {
  readonly mediaType: string = 'application/json'
  readonly strict: boolean

  constructor(options: JSONParserOptions = {}) {
    super()
    this.strict = options.strict ?? true
  }

  override get sizeLimits(): readonly SizeLimit[] {
    return ['textSize']
  }

  override get inflates(): boolean {
    return true
  }

  /** @throws BodyError `MALFORMED_JSON`, `LIMIT_NESTING`, or `UNSUPPORTED_MEDIA_TYPE` for an unknown charset */
  async parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<unknown> {
    // Before the body is read: what is wrong with the header needs no byte of it.
    const charset = charsetOf(mediaType)
    return this.#read(await readBytes(stream), charset, context)
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType, context: ParserContext): unknown {
    return this.#read(bytes, charsetOf(mediaType), context)
  }

  #read(bytes: Buffer, charset: string, context: ParserContext): unknown {
    const text = withoutByteOrderMark(decodeText(bytes, charset))
    // Decoded, what is no UTF-8 is U+FFFD, for which V8 does not even look at a text of Latin letters alone.
    if (text.includes('\uFFFD') && isUtf8Label(charset) && !isUtf8(bytes))
      throw malformedJson('the body is not valid UTF-8')
    const value = parseJson(text, bytes)
    const { nesting } = context.limits
    const limit = Math.min(nesting, deepestNesting)
    if (!checkValue(value, limit, this.strict)) {
      const detail = `The data is nested more than ${limit} levels deep.`
      throw new BodyError('LIMIT_NESTING', { detail, limit })
    }
    return value
  }
}

function parseJson(text: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const fault = findJsonFault(text)
    const reason =
      fault === undefined ? 'it cannot be read' : `${fault.reason} at ${place(text, fault.offset)}`
    throw malformedJson(reason, {
      cause,
      hint: bodyLook(bytes).kind === 'multipart' ? multipartHint : undefined,
    })
  }
}

/**
 * Refuses what JSON can say but the handler must not be made to hold.
 *
 * @returns whether the value has no more than so many levels
 */
function checkValue(value: unknown, levels: number, strict: boolean): boolean {
  if (typeof value === 'object') return value === null || checkInside(value, levels, strict)
  if (strict && typeof value === 'number' && !Number.isFinite(value))
    throw malformedJson('a number is out of range')
  return true
}

function checkInside(value: object, levels: number, strict: boolean): boolean {
  if (levels === 0) return false
  if (Array.isArray(value)) {
    for (const each of value as unknown[]) {
      if (typeof each !== 'string' && !checkValue(each, levels - 1, strict)) return false
    }
    return true
  }
  // For 100 KB this takes 45 µs, by way of Object.values 60. What JSON.parse makes inherits nothing that it would find.
  for (const name in value) {
    const each = (value as Record<string, unknown>)[name]
    if (typeof each !== 'string' && !checkValue(each, levels - 1, strict)) return false
  }
  return true
}

function malformedJson(reason: string, options: BodyErrorOptions = {}): BodyError {
  return new BodyError('MALFORMED_JSON', { ...options, detail: `JSON parse error - ${reason}` })
}

/** A place as an editor shows it. */
function place(text: string, offset: number): string {
  let line = 1
  let lineStart = 0
  for (let at = 0; at < offset; at += 1) {
    if (text.charCodeAt(at) !== LF) continue
    line += 1
    lineStart = at + 1
  }
  return `line ${line} column ${offset - lineStart + 1} (position ${offset})`
}
