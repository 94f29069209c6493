/** The parser for plain text bodies. */
import type { Readable } from 'node:stream'
import { charsetOf, decodeText, readBytes, withoutByteOrderMark } from '../http/charset.js'
import type { MediaType } from '../http/media-type.js'
import { BaseParser, type SizeLimit } from './base-parser.js'

export interface PlainTextParserOptions {
  /** The media types to read, such as `application/xml`: one or a list. Default `text/plain`. */
  readonly mediaType?: string | readonly string[]
}

/** Reads `text/plain` into a string, in UTF-8 or the charset that the header declares. No byte is the text `''`. */
export class PlainTextParser extends BaseParser {
  readonly mediaType: string | readonly string[]

  constructor(options: PlainTextParserOptions = {}) {
    super()
    this.mediaType = options.mediaType ?? 'text/plain'
  }

  override get sizeLimits(): readonly SizeLimit[] {
    return ['textSize']
  }

  override get inflates(): boolean {
    return true
  }

  override get emptyData(): unknown {
    return ''
  }

  /** @throws BodyError `UNSUPPORTED_MEDIA_TYPE` for an unknown charset */
  async parse(stream: Readable, mediaType: MediaType): Promise<string> {
    const charset = charsetOf(mediaType)
    return withoutByteOrderMark(decodeText(await readBytes(stream), charset))
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType): string {
    return withoutByteOrderMark(decodeText(bytes, charsetOf(mediaType)))
  }
}
