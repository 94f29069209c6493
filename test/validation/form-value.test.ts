/** Forms with schemas of other libraries. */
import { type } from 'arktype'
import * as v from 'valibot'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { defaultLimits } from '../../packages/core/src/limits.js'
import { formValue } from '../../packages/core/src/coercion/coerce-form.js'
import { validate } from '../../packages/core/src/schema/validate.js'
import { fields, file, upload } from './form.js'

const limits = defaultLimits

it('a form is coerced along a schema of zod', () => {
  expect(formValue(z.object({ a: z.number() }), fields('a=1'), { limits })).toEqual({ a: 1 })
})

it('valibot gets texts and files, and its schemas read the texts themselves', async () => {
  const photo = file('a.png')
  const schema = v.object({
    age: v.pipe(v.string(), v.toNumber(), v.minValue(18)),
    tags: v.array(v.string()),
    photo: v.file(),
  })
  const entries = [...fields('age=42&tags=a&tags=b'), upload('photo', photo)]
  const value = formValue(schema, entries, { limits })
  expect(await validate(schema, value)).toEqual({ age: 42, tags: ['a', 'b'], photo })
})

it('arktype gets texts and files', async () => {
  const schema = type({ age: 'string.numeric.parse', photo: 'File' })
  const photo = file('a.png')
  const value = formValue(schema, [...fields('age=42'), upload('photo', photo)], { limits })
  expect(await validate(schema, value)).toEqual({ age: 42, photo })
})

it('a coerce option makes the value instead', async () => {
  const schema = v.object({ tags: v.array(v.string()), count: v.number() })
  const value = formValue(schema, fields('tags=a&count=1'), {
    limits,
    coerce: (data, entries) => ({ tags: [data['tags']].flat(), count: entries.length }),
  })
  expect(await validate(schema, value)).toEqual({ tags: ['a'], count: 2 })
})
