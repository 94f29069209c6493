/** The text of a field. */
import type { GatheredBytes } from '../../bytes/byte-buffer.js'
import { isUtf8Label } from '../../http/media-type.js'
import { decodeText } from '../../http/charset.js'

/** The field that names the charset of all others (WHATWG HTML, 4.10.18.1). */
export const charsetFieldName = '_charset_'

/** Decodes a field. @param charset a label that TextDecoder knows; without one it is UTF-8 */
export function fieldText(bytes: GatheredBytes, charset: string | undefined): string {
  if (charset === undefined || isUtf8Label(charset)) return bytes.utf8()
  return decodeText(bytes.toBuffer(), charset)
}
