/** The parser for URL-encoded forms. */
import type { Readable } from 'node:stream'
import { DataAndFiles } from '../data-and-files.js'
import type { TextEntry } from '../entries.js'
import { BodyError } from '../errors.js'
import { isKnownCharset, isUtf8Label, type MediaType } from '../media-type.js'
import { BaseParser, type ParserContext, type SizeLimit } from './base-parser.js'
import { bodyLook, multipartHint } from './body-look.js'
import { FieldMeter } from './field-meter.js'
import { percentDecode } from './percent-decode.js'
import { charsetOf, decodeText, readBytes } from './text-body.js'

export interface FormParserOptions {
  /**
   * Whether a field called `_charset_` names the charset of the form (WHATWG URL, 5.1, and HTML, 4.10.18.1).
   * Default false: it is that of the Content-Type header, or UTF-8.
   */
  readonly charsetField?: boolean
}

const plus = 0x2b
const space = 0x20

const charsetField = /(?:^|&)_charset_=([^&]*)/

/**
 * Reads `application/x-www-form-urlencoded` as the WHATWG URL standard does: `+` is a space, a `%` that is no escape
 * stays one, `;` separates nothing, blank values are kept.
 */
export class FormParser extends BaseParser {
  readonly mediaType: string = 'application/x-www-form-urlencoded'
  readonly charsetField: boolean

  constructor(options: FormParserOptions = {}) {
    super()
    this.charsetField = options.charsetField ?? false
  }

  override get sizeLimits(): readonly SizeLimit[] {
    return ['textSize']
  }

  override get inflates(): boolean {
    return true
  }

  /** @throws BodyError `MALFORMED_FORM`, `LIMIT_FIELDS`, `LIMIT_FIELD_NAME`, `LIMIT_FIELD_SIZE` or `UNSUPPORTED_MEDIA_TYPE` */
  async parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    const declared = charsetOf(mediaType)
    return this.#read(await readBytes(stream), declared, context)
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType, context: ParserContext): DataAndFiles {
    return this.#read(bytes, charsetOf(mediaType), context)
  }

  #read(bytes: Buffer, declared: string, context: ParserContext): DataAndFiles {
    const text = spaced(bytes).toString('latin1')
    if (/^\s*-/.test(text) && bodyLook(bytes).kind === 'multipart') {
      throw new BodyError('MALFORMED_FORM', {
        detail: 'The Content-Type header says application/x-www-form-urlencoded but the body is multipart.',
        hint: multipartHint,
      })
    }
    const meter = context.meters?.fields ?? new FieldMeter(context.limits)
    const entries: TextEntry[] = []
    const named = this.charsetField ? charsetField.exec(text)?.[1] : undefined
    const charset = named !== undefined && isKnownCharset(named) ? named : declared
    const decoder = new ComponentDecoder(text, charset)
    let equals = -1
    for (let from = 0, end = 0; from < text.length; from = end + 1) {
      end = indexOrEnd(text, '&', from)
      if (end === from) continue
      // Once for all pairs up to there: many without one must not make each of them a search to the end.
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
 * V8 makes of a slice of more than 12 characters a view of the whole text: an app that keeps a short value would keep the
 * form in memory. Up to this size of a form that costs less than to copy the values.
 */
const longText = 4096

/** The same text in memory of its own. It has only ASCII characters. */
function copyOf(text: string): string {
  return text.length > 12 ? Buffer.from(text, 'latin1').toString('latin1') : text
}

/** With each `+` a space. In the bytes this takes half the time that it takes in each name and value. */
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

/** Decodes the names and values of one form, by the WHATWG URL standard (5.1). In a text a character is a byte. */
class ComponentDecoder {
  readonly #charset: string
  readonly #isAscii: boolean
  /**
   * Whether all escapes so far were those of well-formed UTF-8. As long as they are, `decodeURIComponent` gives the same
   * in a sixth of the time; it throws at others, which takes longer than all the rest.
   */
  #isWellFormed: boolean
  readonly #isLong: boolean

  /** @param text all of the form */
  constructor(text: string, charset: string) {
    this.#charset = charset
    this.#isLong = text.length > longText
    this.#isAscii = !notAscii.test(text)
    this.#isWellFormed = this.#isAscii && isUtf8Label(charset)
  }

  /** One name or value, in which each `+` is a space already. */
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
