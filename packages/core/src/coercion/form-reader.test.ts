import { expect, test } from 'vitest'
import * as z from 'zod'
import { defaultLimits } from '../limits.js'
import type { ZodSchema } from '../schema/read-zod.js'
import { coerceForm } from './coerce-form.js'

function coerce(schema: unknown, form: string): unknown {
  const entries = [...new URLSearchParams(form)].map(
    ([name, value]) => ({ kind: 'text', name, value }) as const,
  )
  return coerceForm(schema as ZodSchema, entries, { limits: defaultLimits })
}

/** A text that counts how often it is compared. */
function countedText(): { readonly schema: z.ZodType; readonly count: () => number } {
  let count = 0
  const pattern = /^$/
  pattern.test = () => {
    count += 1
    return false
  }
  return { schema: z.string().regex(pattern), count: () => count }
}

/** An intersection of two unions of four objects each, which contain another one. */
function nested(levels: number, leaf: z.ZodType): z.ZodType {
  if (levels === 0) return leaf
  const inside = nested(levels - 1, leaf)
  const side = (key: string) =>
    z.union(['a', 'b', 'c', 'd'].map((each) => z.object({ [key]: z.literal(each), in: inside })))
  return z.intersection(side(`one${levels}`), side(`other${levels}`))
}

test('unions in unions of which nothing is sent are read to the last level', () => {
  const schema = z.object({ group: nested(6, z.boolean()) })
  expect(coerce(schema, '')).toEqual({ group: { in: { in: { in: { in: { in: { in: false } } } } } } })
})

test('a text in unions in unions is compared as often as there are unions around it', () => {
  const counts = [3, 6].map((levels) => {
    const { schema, count } = countedText()
    coerce(nested(levels, schema), `${'in.'.repeat(levels - 1)}in=x`)
    return count()
  })
  expect(counts[1]).toBeLessThanOrEqual(2 * counts[0]!)
})

test('a text in lists of a schema that makes new ones without end is compared a few times', () => {
  const { schema, count } = countedText()
  const lists = (): z.ZodType =>
    z.lazy(() => z.union([z.array(lists()), z.set(lists()), z.array(lists()), schema]))
  coerce(z.object({ list: lists() }), `list${'[0]'.repeat(6)}=x`)
  expect(count()).toBeGreaterThan(0)
  expect(count()).toBeLessThan(2000)
})
