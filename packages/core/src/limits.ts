/** The limits, their defaults and the check of those that a user sets. */
import type { FrameworkRequest } from './http/progress.js'

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

/**
 * Limits, or a function that returns those for one request. Typed as a method, so that you may declare `request` with the type
 * of your framework.
 */
export type LimitsOption<Request = FrameworkRequest> =
  | Partial<Limits>
  | { limits(request: Request): Partial<Limits> }['limits']

const KiB = 1024
const MiB = 1024 * KiB

/** The limits where none is set. All are finite. */
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

/** The files that a schema has sizes or numbers for. */
export interface FileRoom {
  /** Bytes of all of them together. */
  readonly bytes: number
  readonly count: number
}

/** Bytes for the fields and the headers of a form whose files are as large as they may be. */
const besideFiles = 16 * MiB

/**
 * The limits that apply: those that a user sets, and defaults for the others. The defaults have room for a file of the
 * `fileSize` that is set, and for the files of a schema.
 */
export function completeLimits(set: Partial<Limits>, room: FileRoom = { bytes: 0, count: 0 }): Limits {
  const bytes = Math.max(set.fileSize ?? 0, room.bytes)
  if (bytes === 0 && room.count === 0 && Object.keys(set).length === 0) return defaultLimits
  const { bodySize, files } = defaultLimits
  return {
    ...defaultLimits,
    bodySize: Math.max(bodySize, bytes + besideFiles),
    files: Math.max(files, room.count),
    ...set,
  }
}

/**
 * Checks limits that a user sets.
 *
 * @throws TypeError for anything but a plain object; for an unknown limit; for a value that is neither a whole number from
 * 0 up nor `Infinity`: a typo must never switch a limit off (as in body-parser's CVE-2026-12590); and for a `bodySize` that
 * holds no file of the `fileSize`
 */
export function checkLimits(given: Partial<Limits>): Partial<Limits> {
  if (!isPlainObject(given)) {
    // A promise that rejects must not end the process.
    Promise.resolve(given).catch(() => undefined)
    throw new TypeError(
      `limits must be a plain object, or a function of the request that returns one, but is ${nameOf(given)}.`,
    )
  }
  const set: Record<string, number> = {}
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
    set[name] = value
  }
  const { fileSize = Infinity, bodySize = Infinity } = set
  if (fileSize !== Infinity && bodySize < fileSize) {
    throw new TypeError(
      `limits.bodySize is ${bodySize}, which no file of limits.fileSize (${fileSize}) fits into. Raise it, or leave it ` +
        'out: it then has room for such a file.',
    )
  }
  return set
}

/** True for an object literal, also for one of another realm, as in Jest. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** What a value is, for an error message. */
function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null)
    return typeof value === 'function' ? 'a function' : String(value)
  return `an object of the class ${value.constructor?.name}`
}
