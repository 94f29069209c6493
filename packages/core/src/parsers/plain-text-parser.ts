/** The parser for plain text bodies. */
import type { Readable } from 'node:stream'
import { charsetOf, decodeText, readBytes, withoutByteOrderMark } from '../http/charset.js'
import type { MediaType } from '../http/media-type.js'
import { BaseParser } from './base-parser.js'

/** Reads `text/plain` into a string, in UTF-8 or the charset that the header declares. */
export class PlainTextParser extends BaseParser {
  readonly mediaType: string = 'text/plain'

  override get inflates(): boolean {
    return true
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
