/** Schemas of valibot and arktype, and of every supported version of zod, on the three frameworks. */
import type { BodyOptions, Schema } from '@formgate/core'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { field, file } from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import { minis, zods } from '../validation/zods.js'
import { bothKinds, json, mounts, multipart, serve, urlencoded } from './app.js'

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const serving = (schema: Schema, options?: BodyOptions) =>
    serve(framework, ({ body }) => body(schema, options), mount === undefined ? {} : { mount })

  const readers: readonly [string, Schema][] = [
    [
      'valibot',
      v.object({ name: v.string(), age: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)) }),
    ],
    ['arktype', type({ name: 'string', age: 'string.numeric.parse' })],
  ]

  test.each(readers)('%s reads the texts of a form itself', async (_, schema) => {
    const send = await serving(schema)
    for (const sent of bothKinds('name=Ann&age=42')) {
      expect((await send(sent)).json.data).toEqual({ name: 'Ann', age: 42 })
    }
    const { status, json: problem } = await send(urlencoded('name=Ann&age=hunter2'))
    expect(status).toBe(422)
    expect(problem.errors).toMatchObject([{ path: 'age' }])
    expect(JSON.stringify(problem)).not.toContain('hunter2')
  })

  const typed: readonly [string, Schema][] = [
    ['valibot', v.object({ age: v.number(), tags: v.array(v.string()) })],
    ['arktype', type({ age: 'number', tags: 'string[]' })],
  ]

  test.each(typed)('%s gets texts without coerce, and the output of coerce with it', async (_, schema) => {
    const without = await serving(schema)
    expect((await without(urlencoded('age=42&tags=a'))).json.errors).toHaveLength(2)
    expect((await without(json({ age: 42, tags: ['a'] }))).json.data).toEqual({ age: 42, tags: ['a'] })
    const coerce: BodyOptions['coerce'] = ({ age, tags = [] }, entries) => ({
      age: Number(age),
      tags: [tags].flat(),
      ...(entries.length === 0 && { none: true }),
    })
    const send = await serving(schema, { coerce })
    for (const sent of bothKinds('age=42&tags=a')) {
      expect((await send(sent)).json.data).toEqual({ age: 42, tags: ['a'] })
    }
    expect((await send(json({ age: '42', tags: [] }))).status).toBe(422)
  })

  test('valibot accepts files and applies its own rules', async () => {
    const send = await serving(v.object({ f: v.pipe(v.file(), v.mimeType(['image/png']), v.maxSize(3)) }))
    const png = file('f', 'f.png', 'image/png')
    expect((await send(multipart([png, 'abc']))).json.data.f).toMatchObject({ name: 'f.png', size: 3 })
    const { status, json: problem } = await send(multipart([file('f', 'f.txt'), 'abcd']))
    expect(status).toBe(422)
    expect(problem.errors.map(({ path }: { path: string }) => path)).toEqual(['f', 'f'])
  })

  test('an absent body is undefined for an optional schema and an empty form for any other', async () => {
    expect((await (await serving(v.optional(v.string(), 'none')))({})).json.data).toBe('none')
    expect((await (await serving(v.object({ a: v.string() })))({})).json.errors).toMatchObject([
      { path: 'a' },
    ])
    expect((await (await serving(type({ a: 'string' })))({})).json.errors).toMatchObject([{ path: 'a' }])
    expect((await (await serving(v.object({})))({})).json.data).toEqual({})
  })

  test.each(zods)('%s: reads fields, lists and files, and reports issues', async (_, z) => {
    const schema = z.object({
      age: z.number().min(18),
      agree: z.boolean(),
      tags: z.array(z.string()),
      address: z.object({ city: z.string().min(2) }),
      photo: z.file().max(10).mime(['image/png']).optional(),
      born: z.date().optional(),
    })
    const send = await serving(schema)
    for (const sent of bothKinds('age=42&agree=on&tags=a&address.city=Ulm&born=')) {
      expect((await send(sent)).json.data).toEqual({
        age: 42,
        agree: true,
        tags: ['a'],
        address: { city: 'Ulm' },
      })
    }
    const refused = await send(
      multipart([field('age'), '17'], [field('address[city]'), 'U'], [file('photo', 'p.txt'), 'text']),
    )
    expect(refused.json.errors.map(({ path }: { path: string }) => path)).toEqual([
      'age',
      'address.city',
      'photo',
    ])
    expect((await send(json({ age: '42', tags: [], agree: true, address: { city: 'Ulm' } }))).status).toBe(
      422,
    )
    expect((await send(multipart([file('photo', 'p.png', 'image/png'), 'x'.repeat(11)]))).status).toBe(
      mount !== undefined && mount.lazy === undefined ? 422 : 413,
    )
    expect((await (await serving(schema.optional()))({})).status).toBe(200)
  })

  test.each(minis)('%s: reads and reports like zod', async (_, z) => {
    const send = await serving(z.object({ age: z.number().check(z.minimum(18)), tags: z.array(z.string()) }))
    expect((await send(urlencoded('age=42&tags=a'))).json.data).toEqual({ age: 42, tags: ['a'] })
    expect((await send(urlencoded('age=17'))).json.errors).toMatchObject([{ path: 'age', code: 'too_small' }])
  })
})
