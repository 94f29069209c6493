/** Whether a string schema can take a text, as far as its built-in rules tell without running it. */
import type { ZodCheckDef, ZodDef } from './schema.js'

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
