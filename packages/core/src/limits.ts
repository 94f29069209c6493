/** The limits: their defaults, and the one place that checks what a user sets. */

/** A limit of N admits exactly N. `Infinity` switches a limit off. */
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
  /** Levels of objects and arrays inside each other. Default 8. */
  readonly nesting: number
  /** JSON values in one request: objects, lists and what is in them, parts and decompressed bodies included. Default 100,000. */
  readonly jsonValues: number
  /** The highest index of an array in a field's name. Default 1000. */
  readonly arrayIndex: number
  /** Issues in the answer to a body that does not fit its schema; the rest are counted. Default 100. */
  readonly issues: number
  /** Milliseconds to wait for the next byte. Default 30,000. */
  readonly idle: number
  /**
   * Milliseconds to wait for a body in all, from the first look at it to its last byte; the time in which its reader holds it
   * back does not count. Default 300,000.
   */
  readonly total: number
  /**
   * Milliseconds that storing a file may go on after the last byte of the body has arrived, or take none of what has.
   * Default 120,000.
   */
  readonly settle: number
}

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
  jsonValues: 100_000,
  arrayIndex: 1000,
  issues: 100,
  idle: 30_000,
  total: 300_000,
  settle: 120_000,
})

/**
 * Lays the limits that a user sets over those that hold so far.
 *
 * @throws TypeError for a name that is no limit, and for a value that is not a whole number from 0 up or `Infinity`:
 * a typing error must never switch a limit off (the lesson of body-parser's CVE-2026-12590).
 */
export function resolveLimits(given: Partial<Limits> | undefined, base: Limits = defaultLimits): Limits {
  if (given === undefined) return base
  const limits: Record<string, number> = { ...base }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultLimits, name)) {
      throw new TypeError(
        `limits.${name} is no limit. The limits are: ${Object.keys(defaultLimits).join(', ')}.`,
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
