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

/**
 * Counts the values in the result of `JSON.parse`.
 *
 * @param onNumber is called for each number that is not finite
 * @returns -1 if objects and lists are nested in more than `levels` levels
 */
export function measureJson(value: unknown, levels: number, onNumber?: () => void): number {
  if (typeof value === 'object' && value !== null) {
    if (levels === 0) return -1
    return Array.isArray(value)
      ? measureList(value, levels - 1, onNumber)
      : measureObject(value as Record<string, unknown>, levels - 1, onNumber)
  }
  if (onNumber !== undefined && typeof value === 'number' && !Number.isFinite(value)) onNumber()
  return 1
}

function measureList(list: readonly unknown[], levels: number, onNumber?: () => void): number {
  let count = 1
  for (const each of list) {
    const inside = typeof each === 'string' ? 1 : measureJson(each, levels, onNumber)
    if (inside === -1) return -1
    count += inside
  }
  return count
}

function measureObject(object: Record<string, unknown>, levels: number, onNumber?: () => void): number {
  let count = 1
  // 45 µs for 100 KB, where Object.values takes 60. Results of JSON.parse inherit nothing that the loop would find.
  for (const name in object) {
    const each = object[name]
    const inside = typeof each === 'string' ? 1 : measureJson(each, levels, onNumber)
    if (inside === -1) return -1
    count += inside
  }
  return count
}

/**
 * Finds a key that lets code which copies or merges objects reach a prototype: `__proto__`, and `constructor` with an object
 * that has a `prototype`. Fastify refuses the same two.
 *
 * @param value the result of `JSON.parse` for the text, its nesting checked already
 * @returns a description of the key; `undefined` if there is none
 */
export function findPrototypeKey(text: string, value: unknown): string | undefined {
  // Most texts need no walk: each such key is spelled out, or has an escape. V8 takes 9 µs to find that 100 KB have no
  // "proto", and 33 for a longer word such as "constructor", whose letters begin other words.
  if (!text.includes('proto') && !text.includes('\\u')) return undefined
  return prototypeKeyIn(value)
}

/** As `findPrototypeKey`, for a value without its text. */
export function prototypeKeyIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const name in value) {
    if (name === '__proto__') return 'a key called __proto__'
    const each = (value as Record<string, unknown>)[name]
    if (typeof each !== 'object' || each === null) continue
    if (name === 'constructor' && Object.hasOwn(each, 'prototype'))
      return 'a key called constructor with a key called prototype in it'
    const found = prototypeKeyIn(each)
    if (found !== undefined) return found
  }
  return undefined
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
  const limit = Math.min(jsonDepth, mostLevels)
  const values = measureJson(value, limit)
  if (values === -1) {
    const detail = 'The JSON in a field is nested too deeply.'
    throw new BodyError('LIMIT_NESTING', { detail, field, limit })
  }
  meter.add(values)
  const key = findPrototypeKey(text, value)
  if (key !== undefined) {
    const detail = `In the field ${JSON.stringify(field)}: JSON parse error - an object has ${key}`
    throw new BodyError('MALFORMED_JSON', { detail, field })
  }
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
