/** The media type that a file's first bytes show, kept beside the file: files of a browser have no place for it. */

const detectedTypes = new WeakMap<object, string>()

/** Notes what was found out about a file. */
export function recordDetectedType(file: object, type: string): void {
  detectedTypes.set(file, type)
}

/** What was found out about a file; `undefined` where nobody looked. */
export function detectedTypeOf(file: object): string | undefined {
  return detectedTypes.get(file)
}
