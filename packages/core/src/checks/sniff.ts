/** `sniff()`: whether the bytes of a file are of the type that the client declares. */
import { bareType, type FileCheck } from './accept.js'
import { detectType, matchesDeclaredType, sampleSize } from './detect-type.js'

/** The media type that the first bytes of a file show. Kept beside the file, since a browser's File has no place for it. */
export const detectedTypes: WeakMap<object, string> = new WeakMap()

/**
 * A check for `z.file()`, for a browser and a server alike:
 *
 * ```ts
 * z.file().check(accept('image/*'), sniff())
 * ```
 *
 * It reads the first 4 KiB of the file. A file that declares a type which has magic bytes must begin with these; one
 * that declares a type of text (JSON, SVG, CSV, HTML, plain) must be text and look like that type. A file that
 * declares nothing (`application/octet-stream`) claims nothing: that is for `accept()` to refuse. The type that was
 * found is the `detectedType` of an `UploadedFile`. A schema with this check is asynchronous.
 */
export function sniff(): FileCheck {
  return {
    _zod: {
      def: { check: 'formgate_sniff' },
      onattach: [],
      async check({ value, issues }) {
        const sample = new Uint8Array(await value.slice(0, sampleSize).arrayBuffer())
        const declared = bareType(value.type)
        const detected = await detectType(sample, declared)
        if (detected !== undefined) detectedTypes.set(value, detected)
        if (await matchesDeclaredType(declared, detected)) return
        const message = 'Invalid file type: the content is not of the type that the file declares'
        issues.push({ code: 'custom', message, input: value, continue: true })
      },
    },
  }
}
