/** Which media type the first bytes of a file show. */
import { isTextual, looksLike, readSample, typeOfText } from './text-look.js'

/** Bytes that are read of a file to know its type. */
export const sampleSize = 4096

// Formats of text with a beginning that nothing else has. Other magic in a text is an accident: a table that begins
// with BMW is no bitmap.
const textWithMagic = new Set(['application/pdf', 'application/postscript', 'application/rtf'])

/**
 * Looks at the beginning of a file.
 *
 * @param bytes at most `sampleSize` of them
 * @param declared what the file says it is: a text may be of many types at once
 * @returns `undefined` for binary data without known magic bytes, and for no bytes at all
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
    // A file that is broken, or cut in the middle of a header, shows no type.
    return undefined
  }
}
