/** `sniff()`: whether the content of a file is of the type that the client declares. */
import { bareType, type FileCheck } from './accept.js'
import { detectType, matchesDeclaredType, sampleSize } from './detect-type.js'

/** The media type that the first bytes of a file show. Kept beside the file, since a browser's File has no place for it. */
export const detectedTypes: WeakMap<object, string> = new WeakMap()

const message = 'Invalid file type: the content is not of the type that the file declares'

/**
 * A check for `z.file()`, in browsers and on servers:
 *
 * ```ts
 * z.file().check(accept('image/*'), sniff())
 * ```
 *
 * It reads the first 4 KiB. A file of a type with magic bytes must begin with them; one of a text type (JSON, SVG, CSV,
 * HTML, plain) must be text and look like that type. A file that declares no type (`application/octet-stream`) passes:
 * refuse it with `accept()`. The type that was found becomes the `detectedType` of an `UploadedFile`. The check is
 * asynchronous.
 */
export function sniff(): FileCheck {
  return async ({ value, issues }) => {
    const sample = new Uint8Array(await value.slice(0, sampleSize).arrayBuffer())
    const declared = bareType(value.type)
    const detected = await detectType(sample, declared)
    if (detected !== undefined) detectedTypes.set(value, detected)
    if (await matchesDeclaredType(declared, detected)) return
    issues.push({ code: 'custom', message, input: value, continue: true })
  }
}
