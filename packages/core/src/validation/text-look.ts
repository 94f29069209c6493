/** What kind of text some bytes are. Types of text have no magic bytes. */

const textual =
  /^text\/|[+/](?:json|xml|yaml|x-yaml|toml|sql|csv|javascript|x-javascript|ecmascript|typescript|graphql|x-ndjson|x-sh)$/
// The "binary data bytes" of the MIME Sniffing standard, 3.
// oxlint-disable-next-line no-control-regex
const binaryByte = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/

/** Whether a media type is one of text, such as `text/csv`, `application/json` and `image/svg+xml`. */
export function isTextual(type: string): boolean {
  return textual.test(type) && type !== 'text/rtf'
}

const decoders = {
  latin1: new TextDecoder('latin1'),
  'utf-16le': new TextDecoder('utf-16le'),
  'utf-16be': new TextDecoder('utf-16be'),
}

/**
 * Reads the beginning of a file as text.
 *
 * @returns `undefined` where it is binary. The charset is not known and does not matter: latin1 has a character for
 * each byte, and the markup that is looked for is ASCII.
 */
export function readSample(bytes: Uint8Array): string | undefined {
  const text = decoders[byteOrder(bytes) ?? 'latin1'].decode(bytes)
  return binaryByte.test(text) ? undefined : text.replace(/^\u00ef\u00bb\u00bf/, '')
}

function byteOrder([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return undefined
}

/** Whether a text may be of a type: no more than its beginning can tell. */
export function looksLike(text: string, type: string): boolean {
  const start = text.trimStart()
  if (start === '') return true
  if (type === 'image/svg+xml') return start.startsWith('<') && /<(?:\w+:)?svg[\s/>]/.test(start)
  if (/[+/]xml$/.test(type)) return start.startsWith('<')
  if (type === 'text/html') return /<[a-z!]/i.test(start)
  if (/[+/]json$/.test(type)) return /^(?:[[{"\d-]|true|false|null)/.test(start)
  return true
}

/** The type of a text of which nothing is known. */
export function typeOfText(text: string): string {
  const start = text.trimStart()
  if (looksLike(start, 'image/svg+xml') && start !== '') return 'image/svg+xml'
  if (/^<(?:!doctype html|html|head|body|script)\b/i.test(start)) return 'text/html'
  if (start.startsWith('<?xml')) return 'application/xml'
  return 'text/plain'
}
