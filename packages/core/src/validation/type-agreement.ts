/** Whether the type that a file declares and the type of its bytes are the same. */
import { isTextual } from './text-look.js'

/** Names for one format, the one of file-type first; and formats whose bytes begin alike. */
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

// Documents that are an archive inside. Their own type may stand further in than the bytes that are looked at.
const zipped =
  /officedocument|opendocument|macroenabled|epub|java-archive|android\.package|3mf|xpinstall|\+zip$/
const compound = /^application\/(?:msword|vnd\.(?:ms-|visio)|x-ms)/

/**
 * @param declared in lower case, without parameters
 * @param detected `undefined` where the bytes show none
 */
export async function typesAgree(declared: string, detected: string | undefined): Promise<boolean> {
  if (declared === '' || declared === 'application/octet-stream') return true
  const family = familyOf.get(declared) ?? declared
  const isKnown = isTextual(declared) || (await detectable()).has(family)
  if (detected === undefined) return !isKnown
  if (family === (familyOf.get(detected) ?? detected)) return true
  if (detected === 'application/zip') return zipped.test(declared) || !isKnown
  if (detected === 'application/x-cfb') return compound.test(declared) || !isKnown
  // What has no magic bytes of its own may be a text, but not a program that says it is something else.
  return !isKnown && isTextual(detected)
}

async function detectable(): Promise<ReadonlySet<string>> {
  const { supportedMimeTypes } = await import('file-type')
  return supportedMimeTypes
}
