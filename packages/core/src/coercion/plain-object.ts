/** Objects that inherit nothing. */

import { BodyError } from '../errors.js'
import { quote } from '../parsers/form-limits.js'
import { findPrototypeKey, type JsonMeter, measureJson } from '../parsers/json-values.js'

/** An object by string keys. */
export type PlainObject = Record<string, unknown>

// An object that `Object.create(null)` makes is a dictionary to V8, and each read of it takes twice the time.
// An instance of this class is an ordinary fast object, and its prototype is empty.
class Bare {
  [key: string]: unknown
  static {
    Reflect.deleteProperty(this.prototype, 'constructor')
    Object.setPrototypeOf(this.prototype, null)
  }
}

/** An object on which `__proto__`, `constructor` and `toString` are keys like any other. */
export function plainObject(): PlainObject {
  return new Bare()
}

/** Whether a value is an object by keys: no array, file or date. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || prototype === Bare.prototype
}

/**
 * Parses a text that may be JSON.
 *
 * @param levels how many levels of objects and arrays it may have
 * @param field the name of the field, for an error
 * @param meter counts the JSON values of the request
 * @returns the object or array; `undefined` where the text is none
 * @throws BodyError `LIMIT_NESTING`, `LIMIT_JSON_VALUES`, and `MALFORMED_JSON` for a key such as `__proto__`
 */
export function readJson(text: string, levels: number, field: string, meter: JsonMeter): object | undefined {
  // Only what can be an object or array is parsed: the schema wants one of these.
  if (!mayBeJson(text)) return undefined
  meter.check(text)
  let value: object
  try {
    value = JSON.parse(text) as object
  } catch {
    return undefined
  }
  const values = measureJson(value, Math.max(levels, 0))
  if (values === -1) {
    throw new BodyError('LIMIT_NESTING', {
      detail: 'The JSON in a field is nested too deeply.',
      field,
      limit: Math.max(levels, 0),
    })
  }
  meter.add(values)
  const key = findPrototypeKey(text, value)
  if (key !== undefined) {
    const detail = `In the field ${quote(field)}: JSON parse error - an object has ${key}`
    throw new BodyError('MALFORMED_JSON', { detail, field })
  }
  return value
}

/** Whether a text begins and ends as an object or a list does. */
function mayBeJson(text: string): boolean {
  const start = text.trimStart().charAt(0)
  const end = text.trimEnd().at(-1)
  return (start === '{' && end === '}') || (start === '[' && end === ']')
}

/**
 * Takes the keys called `__proto__` out of a value as JSON has it. zod 4.1 assigns what a loose object holds, and would
 * make a prototype of it; newer versions leave the key out.
 */
export function dropPrototypeKeys(value: unknown): void {
  // A parser of the user's own may give an object that contains itself, or one that is no data.
  const found = new Set<object>()
  const add = (each: unknown): void => {
    if (Array.isArray(each) || isData(each)) found.add(each)
  }
  add(value)
  // A set that grows while it is walked is walked to its new end.
  for (const each of found) {
    if (Object.hasOwn(each, '__proto__')) Reflect.deleteProperty(each, '__proto__')
    for (const member of Object.values(each)) add(member)
  }
}

/** Whether a value is an object by keys, whatever its keys do to it. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
