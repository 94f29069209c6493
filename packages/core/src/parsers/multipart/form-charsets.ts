/** Which charset each text field of a form is in, unless its part declares one. */
import type { ByteBuffer } from '../../bytes/byte-buffer.js'
import { isKnownCharset, knownCharset, type MediaType } from '../../http/media-type.js'

export interface CharsetOptions {
  /** The charset of text fields if neither their parts nor the Content-Type header declares one. Default `utf-8`. */
  readonly charset?: string | undefined
  /**
   * If true, a field called `_charset_` names the charset of all text fields that declare none (RFC 7578, 4.6).
   * Default false.
   */
  readonly charsetField?: boolean | undefined
  /**
   * A field whose value is a JSON object that names the charset of other fields, each by its name. SendGrid's Inbound Parse
   * sends one called `charsets`. Default: none.
   */
  readonly charsetsField?: string | undefined
}

/** SendGrid sends some 100 characters. */
const longestCharsets = 16 * 1024

export class FormCharsets {
  /** The charset of fields of which no other is named. */
  readonly declared: string
  /** True if a field may name the charset of the fields before it. */
  readonly areNamed: boolean
  readonly #options: CharsetOptions
  #named: string | undefined
  #byName: ReadonlyMap<string, unknown> | undefined

  /** @param mediaType of the form. A charset that TextDecoder does not know does not count. */
  constructor(options: CharsetOptions, mediaType: MediaType) {
    this.#options = options
    this.areNamed = options.charsetField === true || options.charsetsField !== undefined
    this.declared = knownCharset(mediaType) ?? options.charset ?? 'utf-8'
  }

  /** The charset of a field, as a label that TextDecoder knows. */
  of(name: string): string {
    const own = this.#byName?.get(name)
    return typeof own === 'string' && isKnownCharset(own) ? own : (this.#named ?? this.declared)
  }

  /** Reads a field that may name charsets. The first one counts. */
  learn(name: string, bytes: ByteBuffer): void {
    const { charsetField, charsetsField } = this.#options
    const namesAll = charsetField === true && name === charsetFieldName
    if ((!namesAll && name !== charsetsField) || bytes.size > longestCharsets) return
    const value = bytes.utf8()
    if (!namesAll) this.#byName ??= readCharsets(value)
    else if (isKnownCharset(value)) this.#named ??= value
  }
}

/** The field that names the charset of all others (WHATWG HTML, 4.10.18.1). */
const charsetFieldName = '_charset_'

function readCharsets(json: string): ReadonlyMap<string, unknown> | undefined {
  try {
    return new Map(Object.entries(Object(JSON.parse(json)) as object))
  } catch {
    return undefined
  }
}
