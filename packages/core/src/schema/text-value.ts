/** Reads the value that the text of a form field stands for. */

import type { ScalarNode, Wrapping } from './form-node.js'

/** The text has no such value. It is then validated as a text, which gives a better message. */
export const NO_MATCH: unique symbol = Symbol('NO_MATCH')

// A "valid floating-point number" of the HTML standard: what <input type=number> submits. Not "", " 1", 0x10 or 1_000.
const decimal = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/
const integer = /^-?\d+$/
// BigInt() takes more than linear time.
const longestInteger = 1000
// Groups: date, time, zone. A fraction of a second may have more digits than a Date holds.
const dateTime =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?)(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/

/** @returns a finite number, or `NO_MATCH` */
function readNumber(text: string): number | typeof NO_MATCH {
  if (!decimal.test(text)) return NO_MATCH
  const number = Number(text)
  return Number.isFinite(number) ? number : NO_MATCH
}

/** @returns a bigint of at most 1000 digits, or `NO_MATCH` */
function readBigInt(text: string): bigint | typeof NO_MATCH {
  return text.length <= longestInteger && integer.test(text) ? BigInt(text) : NO_MATCH
}

/** Reads what checkboxes (`on`), selects and scripts send, in any case. @returns a boolean, or `NO_MATCH` */
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
 * Reads an ISO 8601 date: `2026-02-28`, `2026-02-28T10:00`, `2026-02-28T10:00:00.5+01:00`.
 *
 * @returns a date, or `NO_MATCH`. A time without a zone, as `<input type=datetime-local>` sends it, is UTC, so that a
 * body means the same on every server.
 */
function readDate(text: string): Date | typeof NO_MATCH {
  const match = dateTime.exec(text)
  if (match === null) return NO_MATCH
  const [, day = '', time = '00:00', zone = 'Z'] = match
  const midnight = new Date(day)
  // Date reads 30 February as 2 March.
  if (midnight.getUTCDate() !== Number(day.slice(8))) return NO_MATCH
  if (match[2] === undefined) return midnight
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
  return new Date(`${day}T${time.replace(',', '.')}${offset}`)
}

/**
 * Finds the allowed value that a text stands for: `1` for "1", `true` for "on", `null` for "null".
 *
 * @returns one of the values, or `NO_MATCH`
 */
function readAllowed(text: string, values: readonly unknown[]): unknown {
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

/** Returns false only for a text that the schema certainly refuses. */
export type TextRule = (text: string) => boolean

/** The rule of a string format. */
export function formatRule({
  pattern,
  fn,
}: {
  readonly pattern?: RegExp | undefined
  readonly fn?: unknown
}): TextRule | undefined {
  if (pattern === undefined) {
    // Formats without a pattern (url, jwt) refuse an empty text; a format with a function may accept anything.
    return typeof fn === 'function' ? undefined : (text) => text !== ''
  }
  return (text) => {
    // A pattern with the flag g or y starts where its last match ended.
    pattern.lastIndex = 0
    return pattern.test(text)
  }
}

const single = {
  kind: 'scalar',
  blankIsAbsent: true,
  isBoolean: false,
  acceptsAny: false,
  acceptsFiles: false,
} as const

const readers = { number: readNumber, bigint: readBigInt, date: readDate, boolean: readBoolean }

/** The node of a value that is not a text. @param coerces true if the schema reads the text itself */
export function valueNode(
  type: 'number' | 'bigint' | 'date' | 'boolean',
  wrapping: Wrapping,
  coerces = false,
): ScalarNode {
  const isBoolean = type === 'boolean'
  if (coerces) return { ...coercedNode(wrapping), isBoolean }
  return { ...noTextNode(wrapping), read: readers[type], isBoolean }
}

/** The node of a value that no text stands for. */
export function noTextNode(wrapping: Wrapping): ScalarNode {
  return { ...single, ...wrapping, read: () => NO_MATCH, acceptsText: () => false }
}

/** The node of a text. */
export function textNode(given: readonly (TextRule | undefined)[], wrapping: Wrapping): ScalarNode {
  const rules = given.filter((rule) => rule !== undefined)
  const acceptsText = (text: string) => rules.every((rule) => rule(text))
  return {
    ...single,
    ...wrapping,
    read: (text) => (acceptsText(text) ? text : NO_MATCH),
    acceptsText,
    // A required text keeps an empty text, so that min(1) reports it in its own words.
    blankIsAbsent: (wrapping.optional || wrapping.nullable) && !acceptsText(''),
  }
}

/** The node of one of several values. */
export function allowedNode(values: readonly unknown[], wrapping: Wrapping): ScalarNode {
  return {
    ...single,
    ...wrapping,
    optional: wrapping.optional || values.includes(undefined),
    nullable: wrapping.nullable || values.includes(null),
    needsKey: values.includes(undefined),
    read: (text) => readAllowed(text, values),
    acceptsText: (text) => values.includes(text),
    isBoolean: values.every((value) => typeof value === 'boolean'),
    blankIsAbsent: !values.includes(''),
  }
}

/** The node of a value that passes unchanged. */
export function anything(wrapping: Wrapping): ScalarNode {
  const node = { ...single, ...wrapping, blankIsAbsent: false, acceptsAny: true, acceptsFiles: true }
  return { ...node, read: (text) => text, acceptsText: () => true }
}

/** The node of a schema that coerces: it gets the text unchanged, except for an empty one that may be absent. */
export function coercedNode(wrapping: Wrapping): ScalarNode {
  return { ...anything(wrapping), acceptsFiles: false, blankIsAbsent: wrapping.optional }
}
