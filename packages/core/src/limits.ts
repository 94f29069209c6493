/** The limits, their defaults and the check of those that a user sets. */

/** A limit of N allows N. `Infinity` switches a limit off. */
export interface Limits {
  /** Bytes of one file. Default 10 MiB. */
  readonly fileSize: number
  /** Files in one request. Default 100. */
  readonly files: number
  /** Bytes of one field's value. Default 1 MiB. */
  readonly fieldSize: number
  /** Bytes of one field's name. Default 200. */
  readonly fieldNameSize: number
  /** Fields in one form. Default 1000. */
  readonly fields: number
  /** Parts of one multipart body, fields and files together. Default 1000. */
  readonly parts: number
  /** Bytes of one part's header. Default 16 KiB. */
  readonly headerSize: number
  /** Lines in one part's header. Default 64. */
  readonly headerLines: number
  /** Bytes of a multipart body or of a raw file. Default 100 MiB. */
  readonly bodySize: number
  /** Bytes of a JSON, URL-encoded or text body. Default 1 MiB. */
  readonly textSize: number
  /** Bytes of all fields of one form together, names and values. Default 10 MiB. */
  readonly fieldsSize: number
  /** Levels of objects and arrays in the names of a form's fields. Default 8. */
  readonly nesting: number
  /** Levels of objects and arrays in JSON: in a body, in a part and in the text of a field. Default 64. */
  readonly jsonDepth: number
  /** JSON values in one request, in parts and after decompression too. Objects and arrays count as well. Default 100,000. */
  readonly jsonValues: number
  /** The highest index of an array in a field's name. Default 1000. */
  readonly arrayIndex: number
  /** Issues in the answer to a body that does not match its schema; the rest are counted. Default 100. */
  readonly issues: number
  /** Milliseconds to wait for the next byte. Default 30,000. */
  readonly idle: number
  /**
   * Milliseconds to wait for the whole body. Time in which a storage or a handler holds the client back does not count.
   * Default 300,000.
   */
  readonly total: number
  /** Milliseconds that a storage may take after the upload has ended, or stall during it. Default 120,000. */
  readonly storageTimeout: number
}

/** Levels that the call stack holds with room to spare, also in the handler. More are refused even without a limit. */
export const mostLevels = 1000

const KiB = 1024
const MiB = 1024 * KiB

export const defaultLimits: Limits = Object.freeze({
  fileSize: 10 * MiB,
  files: 100,
  fieldSize: 1 * MiB,
  fieldNameSize: 200,
  fields: 1000,
  parts: 1000,
  headerSize: 16 * KiB,
  headerLines: 64,
  bodySize: 100 * MiB,
  textSize: 1 * MiB,
  fieldsSize: 10 * MiB,
  nesting: 8,
  jsonDepth: 64,
  jsonValues: 100_000,
  arrayIndex: 1000,
  issues: 100,
  idle: 30_000,
  total: 300_000,
  storageTimeout: 120_000,
})

/**
 * Applies the limits that a user sets on top of `base`.
 *
 * @throws TypeError for an unknown limit, and for a value that is neither a whole number from 0 up nor `Infinity`: a typo
 * must never switch a limit off (as in body-parser's CVE-2026-12590)
 */
export function resolveLimits(given: Partial<Limits> | undefined, base: Limits = defaultLimits): Limits {
  if (given === undefined) return base
  const limits: Record<string, number> = { ...base }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultLimits, name)) {
      throw new TypeError(
        `Unknown limit \`${name}\`. The limits are: ${Object.keys(defaultLimits).join(', ')}.`,
      )
    }
    if (value === undefined) continue
    if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new TypeError(
        `limits.${name} must be a whole number from 0 up, or Infinity, but is ${String(value)}.`,
      )
    }
    limits[name] = value
  }
  return limits as unknown as Limits
}
