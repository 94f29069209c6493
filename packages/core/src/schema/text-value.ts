/** Turns the text of a form field into the value that it stands for. */

import type { ZodCheckDef, ZodDef } from './schema.js'

/** The text is no value of that kind: it stays the text that it is, which gives the better message. */
export const NO_MATCH: unique symbol = Symbol('NO_MATCH')

// A "valid floating-point number" of the HTML standard: what <input type=number> submits. Not "", " 1", 0x10 or 1_000.
const decimal = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/
const integer = /^-?\d+$/
// BigInt() takes more than linear time, and nobody types a thousand digits.
const longestInteger = 1000
// The groups: date, time, zone. A fraction of a second may be longer than a Date can hold.
const dateTime =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?)(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/

/** @returns a finite number, or `NO_MATCH` */
export function readNumber(text: string): number | typeof NO_MATCH {
  if (!decimal.test(text)) return NO_MATCH
  const number = Number(text)
  return Number.isFinite(number) ? number : NO_MATCH
}

/** @returns a bigint of at most 1000 digits, or `NO_MATCH` */
export function readBigInt(text: string): bigint | typeof NO_MATCH {
  return text.length <= longestInteger && integer.test(text) ? BigInt(text) : NO_MATCH
}

/** @returns what a checkbox (`on`), a select or a script means, in any case of letters; or `NO_MATCH` */
export function readBoolean(text: string): boolean | typeof NO_MATCH {
  switch (text.toLowerCase()) {
    case 'true':
    case 'on':
    case '1':
      return true
    case 'false':
    case 'off':
    case '0':
      return false
    default:
      return NO_MATCH
  }
}

/**
 * Reads a date of ISO 8601: `2026-02-28`, `2026-02-28T10:00`, `2026-02-28T10:00:00.5+01:00`.
 *
 * @returns a date, or `NO_MATCH`. A time without zone, as `<input type=datetime-local>` submits it, is taken as UTC, so
 * that a body means the same on every server.
 */
export function readDate(text: string): Date | typeof NO_MATCH {
  const match = dateTime.exec(text)
  if (match === null) return NO_MATCH
  const [, day = '', time = '00:00', zone = 'Z'] = match
  const midnight = new Date(day)
  // 30 February is taken for 2 March.
  if (midnight.getUTCDate() !== Number(day.slice(8))) return NO_MATCH
  if (match[2] === undefined) return midnight
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
  return new Date(`${day}T${time.replace(',', '.')}${offset}`)
}

/**
 * The value among those allowed that a text stands for: `1` for "1", `true` for "on", `null` for "null".
 *
 * @returns the value as the schema has it, or `NO_MATCH`
 */
export function readAllowed(text: string, values: readonly unknown[]): unknown {
  if (values.includes(text)) return text
  for (const value of values) {
    const read = readAs(text, value)
    if (read !== NO_MATCH && Object.is(read, value)) return value
  }
  return NO_MATCH
}

function readAs(text: string, value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isNaN(value) && text === 'NaN' ? value : readNumber(text)
    case 'bigint':
      return readBigInt(text)
    case 'boolean':
      return readBoolean(text)
    case 'object':
      return value === null && (text === 'null' || text === '') ? null : NO_MATCH
    default:
      return NO_MATCH
  }
}

/** Says no only where the schema certainly says no. */
export type TextRule = (text: string) => boolean

/** The rules of a string schema that can be asked beforehand. Code of its author is never run. */
export function textRules(def: ZodDef): readonly TextRule[] {
  const rules: TextRule[] = []
  for (const check of [def as ZodCheckDef, ...(def.checks ?? []).map((each) => each._zod.def)]) {
    // From here on the text is another one, as after z.string().trim().
    if (check.check === 'overwrite') break
    const rule = textRule(check)
    if (rule !== undefined) rules.push(rule)
  }
  return rules
}

function textRule(check: ZodCheckDef): TextRule | undefined {
  const { minimum = 0, maximum = Infinity, length, pattern } = check
  switch (check.check) {
    case 'min_length':
      return (text) => text.length >= minimum
    case 'max_length':
      return (text) => text.length <= maximum
    case 'length_equals':
      return (text) => text.length === length
    case 'string_format':
      if (pattern instanceof RegExp) return (text) => matches(pattern, text)
      // The formats without a pattern (url, jwt) refuse an empty text; a format with a function may do anything.
      return typeof check.fn === 'function' ? undefined : (text) => text !== ''
    default:
      return undefined
  }
}

function matches(pattern: RegExp, text: string): boolean {
  // A pattern with the flag g or y starts where its last match ended.
  pattern.lastIndex = 0
  return pattern.test(text)
}
