/** The parser for URL-encoded forms. */
import { BodyError } from '../errors.js'
import { decodeText, percentDecode } from '../http/charset.js'
import { isKnownCharset, isUtf8Label } from '../http/media-type.js'
import { type ParserContext, TextParser } from './base-parser.js'
import { DataAndFiles, type Entry, type TextEntry } from './data-and-files.js'
import { FieldLimits } from './form-limits.js'
import { guessFormat, multipartHint } from './guess-format.js'

/** Options of `FormParser`. */
export interface FormParserOptions {
  /**
   * If true, a field called `_charset_` names the charset of the form (WHATWG URL, 5.1, and HTML, 4.10.18.1).
   * Default false: the Content-Type header names it, else it is UTF-8.
   */
  readonly charsetField?: boolean
  /** Whether names such as `a[b]` make objects and lists in `data`. Default: the option of the mount or route. */
  readonly nested?: boolean
}

const plus = 0x2b
const space = 0x20

const charsetField = /(?:^|&)_charset_=([^&]*)/

/**
 * Reads `application/x-www-form-urlencoded` by the WHATWG URL standard: `+` is a space, a `%` that begins no escape stays,
 * `;` is not a separator, blank values are kept.
 */
export class FormParser extends TextParser<DataAndFiles> {
  readonly mediaType: string = 'application/x-www-form-urlencoded'
  readonly charsetField: boolean
  override readonly nested: boolean | undefined

  constructor(options: FormParserOptions = {}) {
    super()
    this.charsetField = options.charsetField ?? false
    this.nested = options.nested
  }

  /** @throws BodyError `LIMIT_FIELDS`, `LIMIT_FIELD_NAME` or `LIMIT_FIELD_SIZE` */
  override adopt(value: unknown, context: ParserContext): DataAndFiles {
    const meter = context.meters?.fields ?? new FieldLimits(context.limits)
    const entries: Entry[] = []
    // The names as the client has sent them, of fields that a parser has put into objects and lists.
    const add = (name: string, field: unknown, levels: number): void => {
      if (typeof field === 'object' && field !== null && levels > 0) {
        for (const [key, each] of Object.entries(field)) {
          const isRepeated = Array.isArray(field) && (typeof each !== 'object' || each === null)
          add(isRepeated ? name : `${name}[${key}]`, each, levels - 1)
        }
        return
      }
      const size = typeof field === 'string' ? Buffer.byteLength(field) : 0
      meter.begin(name)
      meter.add(name, size, size)
      entries.push(
        typeof field === 'string'
          ? { kind: 'text', name, value: field }
          : { kind: 'parsed', name, value: field },
      )
    }
    if (typeof value === 'object' && value !== null)
      for (const [name, field] of Object.entries(value)) add(name, field, context.limits.nesting)
    return new DataAndFiles(value, {}, entries)
  }

  /** @throws BodyError `MALFORMED_FORM`, `LIMIT_FIELDS`, `LIMIT_FIELD_NAME` or `LIMIT_FIELD_SIZE` */
  protected override readText(bytes: Buffer, declared: string, context: ParserContext): DataAndFiles {
    const text = spaced(bytes).toString('latin1')
    if (/^\s*-/.test(text) && guessFormat(bytes).kind === 'multipart') {
      throw new BodyError('MALFORMED_FORM', {
        detail: 'The Content-Type header says application/x-www-form-urlencoded but the body is multipart.',
        hint: multipartHint,
      })
    }
    const meter = context.meters?.fields ?? new FieldLimits(context.limits)
    const entries: TextEntry[] = []
    const named = this.charsetField ? charsetField.exec(text)?.[1] : undefined
    const charset = named !== undefined && isKnownCharset(named) ? named : declared
    const decoder = new ComponentDecoder(text, charset)
    let equals = -1
    for (let from = 0, end = 0; from < text.length; from = end + 1) {
      end = indexOrEnd(text, '&', from)
      if (end === from) continue
      // Not for each pair: many pairs without "=" would each search to the end.
      if (equals < from) equals = indexOrEnd(text, '=', from)
      const name = decoder.decode(text.slice(from, Math.min(equals, end)))
      const value = equals < end ? decoder.decode(text.slice(equals + 1, end)) : ''
      const size = Buffer.byteLength(value)
      meter.begin(name)
      meter.add(name, size, size)
      entries.push({ kind: 'text', name, value })
    }
    return DataAndFiles.fromEntries(entries)
  }
}

/**
 * In a longer text the values are copied. V8 slices more than 12 characters by reference: an app that keeps one value would
 * keep the whole form in memory. For a shorter form that costs less than the copies.
 */
const longText = 4096

/** Copies an ASCII text. */
function copyOf(text: string): string {
  return text.length > 12 ? Buffer.from(text, 'latin1').toString('latin1') : text
}

/** Replaces each `+` by a space. In bytes this takes half the time that it takes in each name and value. */
function spaced(bytes: Buffer): Buffer {
  const first = bytes.indexOf(plus)
  if (first === -1) return bytes
  const copy = Buffer.from(bytes)
  for (let at = first; at < copy.length; at += 1) if (copy[at] === plus) copy[at] = space
  return copy
}

function indexOrEnd(text: string, searched: string, from: number): number {
  const index = text.indexOf(searched, from)
  return index === -1 ? text.length : index
}

const notAscii = /[\u0080-\u00ff]/

/** Decodes the names and values of one form (WHATWG URL, 5.1), given as texts with a character for each byte. */
class ComponentDecoder {
  readonly #charset: string
  readonly #isAscii: boolean
  /**
   * Whether all escapes so far were well-formed UTF-8. While they are, `decodeURIComponent` is six times as fast; it throws
   * at others, which takes longer than all the rest.
   */
  #isWellFormed: boolean
  readonly #isLong: boolean

  /** @param text the whole form */
  constructor(text: string, charset: string) {
    this.#charset = charset
    this.#isLong = text.length > longText
    this.#isAscii = !notAscii.test(text)
    this.#isWellFormed = this.#isAscii && isUtf8Label(charset)
  }

  /** Decodes one name or value, in which each `+` is a space already. */
  decode(text: string): string {
    const isEscaped = text.includes('%')
    if (!isEscaped && (this.#isAscii || !notAscii.test(text))) return this.#isLong ? copyOf(text) : text
    return this.#wellFormed(text) ?? decodeText(percentDecode(text), this.#charset)
  }

  #wellFormed(text: string): string | undefined {
    if (!this.#isWellFormed) return undefined
    try {
      return decodeURIComponent(text)
    } catch {
      this.#isWellFormed = false
      return undefined
    }
  }
}
