/** A schema of zod 3 is a Standard Schema: it validates, and a warning says what it does not do. */
import { once } from 'node:events'
import { body, form } from '@formgate/express'
import { expect, test } from 'vitest'
import { z as z3 } from 'zod-3-25'
import { z as z4 } from 'zod-3-25/v4'
import { validate } from '../../packages/core/src/schema/validate.js'

test('a schema of zod 3 validates, and one warning says that it coerces nothing and how to change', async () => {
  const warnings: Error[] = []
  const note = (warning: Error): number => warnings.push(warning)
  process.on('warning', note)
  const User = z3.object({ name: z3.string().min(3) })
  form(z4.object({ name: z4.string() }))
  form(User)
  body(User)
  await once(process, 'warning')
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', note)
  expect(warnings).toMatchObject([{ name: 'FormgateWarning', code: 'ZOD_3' }])
  expect(warnings[0]!.message).toContain('coerces nothing')
  expect(warnings[0]!.message).toContain("'zod/v4'")
  expect(await validate(User, { name: 'Ada' })).toEqual({ name: 'Ada' })
  await expect(validate(User, { name: 'A' })).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    errors: [{ path: 'name' }],
  })
})
