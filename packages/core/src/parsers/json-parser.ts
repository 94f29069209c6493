/** The parser for JSON bodies. */
import { isUtf8 } from 'node:buffer'
import { BodyError, type BodyErrorOptions } from '../errors.js'
import { decodeText, withoutByteOrderMark } from '../http/charset.js'
import { isUtf8Label } from '../http/media-type.js'
import { counted } from '../http/shown-text.js'
import { mostLevels } from '../limits.js'
import { type ParserContext, TextParser } from './base-parser.js'
import { guessFormat, multipartHint } from './guess-format.js'
import { findJsonError, jsonHint } from './json-error.js'
import { checkJson, type JsonFaults, JsonMeter } from './json-values.js'

/** Options of `JSONParser`. */
export interface JSONParserOptions {
  /** The media types to read, such as `application/*+json`: one or a list. Default `application/json`. */
  readonly mediaType?: string | readonly string[]
  /** Refuse numbers outside the range of JavaScript numbers (`1e999`). Default true. */
  readonly strict?: boolean
}

const LF = 10

/**
 * Reads `application/json`, in UTF-8 or the charset that the header declares. Any JSON value is data.
 *
 * ```ts
 * parsers([new JSONParser({ mediaType: ['application/json', 'application/*+json'] })])
 * ```
 */
export class JSONParser extends TextParser<unknown> {
  readonly mediaType: string | readonly string[]
  readonly strict: boolean

  constructor(options: JSONParserOptions = {}) {
    super()
    this.mediaType = options.mediaType ?? 'application/json'
    this.strict = options.strict ?? true
  }

  /** @throws BodyError `LIMIT_NESTING`, or `MALFORMED_JSON` for a number out of range or a key such as `__proto__` */
  override adopt(value: unknown, context: ParserContext): unknown {
    this.#check(value, context)
    return value
  }

  /** @throws BodyError `MALFORMED_JSON`, `LIMIT_NESTING` or `LIMIT_JSON_VALUES` */
  protected override readText(bytes: Buffer, charset: string, context: ParserContext): unknown {
    const text = withoutByteOrderMark(decodeText(bytes, charset))
    // Invalid UTF-8 decodes to U+FFFD, which V8 need not even search for in a Latin-1 text.
    if (text.includes('\uFFFD') && isUtf8Label(charset) && !isUtf8(bytes))
      throw malformedJson('the body is not valid UTF-8')
    const meter = context.meters?.json ?? new JsonMeter(context.limits)
    meter.check(text)
    const value = parseJson(text, bytes)
    meter.add(this.#check(value, context))
    return value
  }

  /** @returns the number of values */
  #check(value: unknown, context: ParserContext): number {
    const limit = Math.min(context.limits.jsonDepth, mostLevels)
    return checkJson(value, limit, this.strict ? strictFaults : faults)
  }
}

const faults: JsonFaults = {
  tooDeep(limit) {
    const detail = `The data is nested more than ${counted(limit, 'level')} deep.`
    throw new BodyError('LIMIT_NESTING', { detail, limit })
  },
  prototypeKey(found) {
    throw malformedJson(`an object has ${found}`)
  },
}

const strictFaults: JsonFaults = {
  ...faults,
  outOfRange() {
    throw malformedJson('a number is out of range')
  },
}

function parseJson(text: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const error = findJsonError(text)
    const reason =
      error === undefined ? 'it cannot be read' : `${error.reason} at ${place(text, error.offset)}`
    const isMultipart = guessFormat(bytes).kind === 'multipart'
    const hint = isMultipart ? multipartHint : error && jsonHint(text, error)
    throw malformedJson(reason, { cause, hint })
  }
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
