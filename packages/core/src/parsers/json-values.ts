/** Checks on JSON values: their number, their nesting and their keys. */
import { BodyError } from '../errors.js'
import { type Limits, mostLevels } from '../limits.js'

/** Counts the JSON values of one request, in whichever parts they came. */
export class JsonMeter {
  readonly #limit: number
  #values = 0

  constructor({ jsonValues }: Pick<Limits, 'jsonValues'>) {
    this.#limit = jsonValues
  }

  /** Refuses a text with too many values before it is parsed. @throws BodyError `LIMIT_JSON_VALUES` */
  check(text: string): void {
    const left = this.#limit - this.#values
    // A value takes at least one character, and all but the last also a comma or a bracket.
    if (text.length < 2 * left || countValues(text, left) <= left) return
    throw new BodyError('LIMIT_JSON_VALUES', {
      detail: `The request has more than ${this.#limit} JSON values.`,
      limit: this.#limit,
    })
  }

  /** Adds values that have been parsed. */
  add(values: number): void {
    this.#values += values
  }
}

const [quote, comma, openBracket, backslash, closeBracket] = [0x22, 0x2c, 0x5b, 0x5c, 0x5d] as const
const [openBrace, closeBrace] = [0x7b, 0x7d] as const

/** Counts the values in a JSON text, in one pass that skips strings and stops after `most`. For other texts any count will do. */
function countValues(text: string, most: number): number {
  let count = 1
  for (let at = 0; at < text.length && count <= most; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at + 1)
        break
      case comma:
        count += 1
        break
      case openBracket:
      case openBrace: {
        while (isSpace(text.charCodeAt(at + 1))) at += 1
        const next = text.charCodeAt(at + 1)
        if (next !== closeBracket && next !== closeBrace) count += 1
        break
      }
      default:
    }
  }
  return count
}

/** The offset of the quote that ends a string. @param from the offset after the opening quote */
function endOfString(text: string, from: number): number {
  for (let start = from; ;) {
    const end = text.indexOf('"', start)
    if (end === -1) return text.length
    let before = end
    while (before > start && text.charCodeAt(before - 1) === backslash) before -= 1
    if ((end - before) % 2 === 0) return end
    start = end + 1
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** What refuses a JSON value. Each throws. */
export interface JsonFaults {
  /** @param limit the levels that are allowed */
  readonly tooDeep: (limit: number) => never
  /** For a key that lets code which copies or merges objects reach a prototype. @param found a description */
  readonly prototypeKey: (found: string) => never
  /** For a number that is not finite. Absent where these are allowed. */
  readonly outOfRange?: (() => never) | undefined
}

/**
 * Walks over the result of `JSON.parse` and refuses objects and lists in more than `limit` levels, and the keys that Fastify
 * refuses too: `__proto__`, and `constructor` with an object that has a `prototype`. To look at each key here takes less time
 * than to search the text for them.
 *
 * @param level of the value
 * @returns the number of values
 * @throws what the faults throw
 */
export function checkJson(value: unknown, limit: number, faults: JsonFaults, level = 1): number {
  if (typeof value === 'object' && value !== null) {
    if (level > limit) faults.tooDeep(limit)
    return Array.isArray(value)
      ? checkList(value, limit, faults, level + 1)
      : checkObject(value as Record<string, unknown>, limit, faults, level + 1)
  }
  if (typeof value === 'number' && !Number.isFinite(value)) faults.outOfRange?.()
  return 1
}

function checkList(list: readonly unknown[], limit: number, faults: JsonFaults, level: number): number {
  let count = 1
  for (const each of list) count += typeof each === 'string' ? 1 : checkJson(each, limit, faults, level)
  return count
}

function checkObject(
  object: Record<string, unknown>,
  limit: number,
  faults: JsonFaults,
  level: number,
): number {
  let count = 1
  // Three quarters of the time of Object.values. Results of JSON.parse inherit nothing that the loop would find.
  for (const name in object) {
    const each = object[name]
    if (name === '__proto__') faults.prototypeKey('a key called __proto__')
    if (
      name === 'constructor' &&
      typeof each === 'object' &&
      each !== null &&
      Object.hasOwn(each, 'prototype')
    )
      faults.prototypeKey('a key called constructor with a key called prototype in it')
    count += typeof each === 'string' ? 1 : checkJson(each, limit, faults, level)
  }
  return count
}

/**
 * Parses the text of a form field that may be JSON.
 *
 * @param field the name of the field, for an error
 * @returns the object or list; `undefined` if the text is neither
 * @throws BodyError `LIMIT_NESTING`, `LIMIT_JSON_VALUES`, or `MALFORMED_JSON` for a key such as `__proto__`
 */
export function parseJsonText(
  text: string,
  field: string,
  { jsonDepth }: Pick<Limits, 'jsonDepth'>,
  meter: JsonMeter,
): object | undefined {
  if (!mayBeJson(text)) return undefined
  meter.check(text)
  let value: object
  try {
    value = JSON.parse(text) as object
  } catch {
    return undefined
  }
  meter.add(
    checkJson(value, Math.min(jsonDepth, mostLevels), {
      tooDeep(limit) {
        const detail = 'The JSON in a field is nested too deeply.'
        throw new BodyError('LIMIT_NESTING', { detail, field, limit })
      },
      prototypeKey(found) {
        const detail = `In the field ${JSON.stringify(field)}: JSON parse error - an object has ${found}`
        throw new BodyError('MALFORMED_JSON', { detail, field })
      },
    }),
  )
  return value
}

/** True if a text begins and ends as an object or a list does. */
function mayBeJson(text: string): boolean {
  const start = text.trimStart().charAt(0)
  const end = text.trimEnd().at(-1)
  return (start === '{' && end === '}') || (start === '[' && end === ']')
}

/**
 * Deletes the keys called `__proto__` from parsed data. zod 4.1 assigns the keys of a loose object one by one, which
 * would set its prototype; newer versions omit the key.
 */
export function dropPrototypeKeys(value: unknown): void {
  // A custom parser may return an object that contains itself, or one that is not data.
  const found = new Set<object>()
  const add = (each: unknown): void => {
    if (Array.isArray(each) || isData(each)) found.add(each)
  }
  add(value)
  // A set that grows during a walk is walked to its new end.
  for (const each of found) {
    if (Object.hasOwn(each, '__proto__')) Reflect.deleteProperty(each, '__proto__')
    for (const member of Object.values(each)) add(member)
  }
}

/** True for an object of keys, whatever these keys are. */
export function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
