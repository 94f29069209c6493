/** The parser for plain text bodies. */
import { decodeText, withoutByteOrderMark } from '../http/charset.js'
import { TextParser } from './base-parser.js'

/** Options of `PlainTextParser`. */
export interface PlainTextParserOptions {
  /** The media types to read, such as `application/xml`: one or a list. Default `text/plain`. */
  readonly mediaType?: string | readonly string[]
}

/** Reads `text/plain` into a string, in UTF-8 or the charset that the header declares. No byte is the text `''`. */
export class PlainTextParser extends TextParser<string> {
  readonly mediaType: string | readonly string[]

  constructor(options: PlainTextParserOptions = {}) {
    super()
    this.mediaType = options.mediaType ?? 'text/plain'
  }

  override get emptyData(): unknown {
    return ''
  }

  protected override readText(bytes: Buffer, charset: string): string {
    return withoutByteOrderMark(decodeText(bytes, charset))
  }
}
