/** JSON in a text field, where the schema wants an object or a list. */
import { BodyError } from '../errors.js'

/**
 * Parses a text that may be JSON.
 *
 * @param levels how many levels of objects and arrays it may have
 * @returns the object or array; `undefined` where the text is none. A key `__proto__` is left out.
 * @throws BodyError `LIMIT_NESTING`
 */
export function readJson(text: string, levels: number, field: string): object | undefined {
  // Only what can be an object or array is parsed: the schema wants one of these.
  if (!/^\s*[[{]/.test(text)) return undefined
  let value: object
  try {
    value = JSON.parse(text) as object
  } catch {
    return undefined
  }
  if (!isWithin(value, levels)) {
    throw new BodyError('LIMIT_NESTING', {
      detail: 'The JSON in a field is nested too deeply.',
      field,
      limit: Math.max(levels, 0),
    })
  }
  return value
}

/** Measures the levels of a value, and takes out the keys that would become a prototype when they are assigned. */
function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (levels <= 0) return false
  if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__')
  const items = Array.isArray(value) ? (value as unknown[]) : Object.values(value)
  return items.every((item) => isWithin(item, levels - 1))
}
