/** JSON in a text field, where the schema wants an object or a list. */
import { BodyError } from '../errors.js'
import { quote } from '../parsers/field-meter.js'
import { findPrototypeKey, measureJson, type JsonMeter } from '../parsers/json-values.js'

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
