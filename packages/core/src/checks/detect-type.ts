/** The type of a file's content, and whether the declared type matches it. */
import { isTextual } from '../http/media-type.js'

/** Names of one format, the one that file-type uses first, and formats that begin with the same bytes. */
const families: readonly (readonly string[])[] = [
  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/png', 'image/apng', 'image/x-png', 'image/vnd.mozilla.apng'],
  ['image/bmp', 'image/x-ms-bmp', 'image/x-bmp'],
  ['image/x-icon', 'image/vnd.microsoft.icon'],
  ['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence'],
  ['image/vnd.adobe.photoshop', 'image/x-photoshop', 'application/x-photoshop'],
  ['audio/mpeg', 'audio/mp3', 'audio/x-mpeg', 'audio/x-mp3'],
  ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ['audio/flac', 'audio/x-flac'],
  ['audio/aac', 'audio/x-aac'],
  ['audio/aiff', 'audio/x-aiff'],
  ['audio/midi', 'audio/mid', 'audio/x-midi'],
  ['video/mp4', 'audio/mp4', 'video/x-m4v', 'audio/x-m4a', 'audio/m4a', 'video/quicktime', 'application/mp4'],
  ['video/matroska', 'video/x-matroska', 'audio/x-matroska', 'video/webm', 'audio/webm'],
  ['video/ogg', 'audio/ogg', 'application/ogg', 'audio/opus'],
  ['video/vnd.avi', 'video/x-msvideo', 'video/avi', 'video/msvideo'],
  ['video/x-ms-asf', 'audio/x-ms-asf', 'application/vnd.ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma'],
  ['application/pdf', 'application/x-pdf'],
  ['application/zip', 'application/x-zip-compressed', 'application/x-zip'],
  ['application/gzip', 'application/x-gzip', 'application/x-tgz', 'application/x-compressed-tar'],
  ['application/x-bzip2', 'application/x-bzip', 'application/bzip2'],
  ['application/x-rar-compressed', 'application/vnd.rar', 'application/x-rar'],
  ['application/x-7z-compressed', 'application/x-7z'],
  ['application/rtf', 'text/rtf'],
  ['application/postscript', 'application/eps', 'image/x-eps'],
  ['application/x-sqlite3', 'application/vnd.sqlite3'],
  ['application/x-msdownload', 'application/vnd.microsoft.portable-executable', 'application/x-dosexec'],
  ['font/woff', 'application/font-woff', 'font/x-woff'],
  ['font/ttf', 'application/x-font-ttf', 'font/sfnt'],
  ['font/otf', 'application/x-font-otf', 'application/vnd.ms-opentype'],
]

const familyOf = new Map(families.flatMap((family) => family.map((type) => [type, family[0]!] as const)))

// Documents that are archives. Their own type may be declared after the bytes of the sample.
const zipped =
  /officedocument|opendocument|macroenabled|epub|java-archive|android\.package|3mf|xpinstall|\+zip$/
const compound = /^application\/(?:msword|vnd\.(?:ms-|visio)|x-ms)/

/**
 * @param declared in lower case, without parameters
 * @param detected `undefined` if the bytes show no type
 */
export async function matchesDeclaredType(declared: string, detected: string | undefined): Promise<boolean> {
  if (declared === '' || declared === 'application/octet-stream') return true
  const family = familyOf.get(declared) ?? declared
  const { supportedMimeTypes } = await import('file-type')
  const isKnown = isTextual(declared) || supportedMimeTypes.has(family)
  if (detected === undefined) return !isKnown
  if (family === (familyOf.get(detected) ?? detected)) return true
  if (detected === 'application/zip') return zipped.test(declared) || !isKnown
  if (detected === 'application/x-cfb') return compound.test(declared) || !isKnown
  // A format without magic bytes may be text, but a program must not pass as one.
  return !isKnown && isTextual(detected)
}

/** How many bytes of a file are read to detect its type. */
export const sampleSize = 4096

// Text formats with magic bytes of their own. Any other magic in a text is a coincidence: a table that begins with BMW is
// not a bitmap.
const textWithMagic = new Set(['application/pdf', 'application/postscript', 'application/rtf'])

/**
 * Detects the type of a file from its beginning.
 *
 * @param bytes at most `sampleSize` of them
 * @param declared the declared type: a text may be of several types at once
 * @returns `undefined` for binary data without known magic bytes, and for an empty file
 */
export async function detectType(bytes: Uint8Array, declared: string): Promise<string | undefined> {
  const magic = await readMagic(bytes)
  const text = readSample(bytes)
  if (text === undefined || (magic !== undefined && textWithMagic.has(magic))) return magic
  if (isTextual(declared)) return looksLike(text, declared) ? declared : typeOfText(text)
  if (bytes.length === 0) return undefined
  return magic ?? typeOfText(text)
}

async function readMagic(bytes: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type')
  try {
    const found = await fileTypeFromBuffer(bytes)
    return found?.mime.toLowerCase().replace(/;.*/, '')
  } catch {
    // A file that is broken or cut within a header has no type.
    return undefined
  }
}

// The "binary data bytes" of the MIME Sniffing standard, 3.
// oxlint-disable-next-line no-control-regex
const binaryByte = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/

/**
 * Reads the beginning of a file as text. The charset is unknown and does not matter: latin1 has a character for each
 * byte, and the markup to be found is ASCII.
 *
 * @returns `undefined` for binary data
 */
function readSample(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder(byteOrder(bytes) ?? 'latin1').decode(bytes)
  return binaryByte.test(text) ? undefined : text.replace(/^\u00ef\u00bb\u00bf/, '')
}

function byteOrder([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return undefined
}

/** True if a text may be of a type, judging by its beginning. */
function looksLike(text: string, type: string): boolean {
  const start = text.trimStart()
  if (start === '') return true
  if (type === 'image/svg+xml') return start.startsWith('<') && /<(?:\w+:)?svg[\s/>]/.test(start)
  if (/[+/]xml$/.test(type)) return start.startsWith('<')
  if (type === 'text/html') return /<[a-z!]/i.test(start)
  if (/[+/]json$/.test(type)) return /^(?:[[{"\d-]|true|false|null)/.test(start)
  return true
}

/** The type of a text without a declared type. */
function typeOfText(text: string): string {
  const start = text.trimStart()
  if (looksLike(start, 'image/svg+xml') && start !== '') return 'image/svg+xml'
  if (/^<(?:!doctype html|html|head|body|script)\b/i.test(start)) return 'text/html'
  if (start.startsWith('<?xml')) return 'application/xml'
  return 'text/plain'
}
