/** Typed routes with an absent body: no byte, whatever the headers say. */
import type { BodyOptions } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Sent } from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import { json, mounts, multipart, serve, urlencoded, urlencodedType } from './app.js'

const nothing: readonly (readonly [string, Sent])[] = [
  ['no headers of a body', { framing: 'none' }],
  ['Content-Length: 0', {}],
  ['Content-Length: 0 and a type', { type: 'application/json' }],
  ['a chunked body without a chunk', { framing: 'chunked' }],
  ['a chunked form without a chunk', { type: urlencodedType, framing: 'chunked' }],
  ['a media type that no parser reads', { type: 'image/png' }],
]

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const above = mount === undefined ? {} : { mount }
  const serving = (schema: z.ZodType, options?: BodyOptions) =>
    serve(framework, ({ body }) => body(schema, options), {
      ...above,
      // JSON has no undefined.
      handler: ({ data, files }) => ({ data: data === undefined ? 'undefined' : data, files }),
    })
  const User = z.object({ name: z.string(), tags: z.array(z.string()) })

  test.each(nothing)('%s: gives the default', async (_, sent) => {
    const value = { name: 'nobody' }
    const send = await serving(User, { default: value })
    expect((await send(sent)).json).toEqual({ data: value, files: {} })
    const form = await serve(framework, ({ form }) => form(User, { default: null }), above)
    expect((await form(sent)).json).toEqual({ data: null, files: {} })
  })

  test.each(nothing)('%s: gives undefined for an optional schema', async (_, sent) => {
    expect((await (await serving(User.optional()))(sent)).json.data).toBe('undefined')
    expect((await (await serving(User.nullish()))(sent)).json.data).toBe('undefined')
  })

  test.each(nothing)('%s: gives the default of the schema', async (_, sent) => {
    const send = await serving(User.default({ name: 'nobody', tags: [] }))
    expect((await send(sent)).json.data).toEqual({ name: 'nobody', tags: [] })
  })

  test.each(nothing)('%s: reports every missing field', async (_, sent) => {
    const { status, json: problem } = await (await serving(User))(sent)
    expect(status).toBe(422)
    expect(problem.errors).toMatchObject([{ path: 'name' }])
  })

  test('an empty text is a text, unless the schema or the route has something else for no body', async () => {
    const options = { contentType: 'text/plain' }
    const empty: Sent = { type: 'text/plain' }
    expect((await (await serving(z.string(), options))(empty)).json.data).toBe('')
    const { json: problem } = await (await serving(z.string().min(1), options))(empty)
    expect(problem.errors).toMatchObject([{ path: '', code: 'too_small' }])
    expect((await (await serving(z.string().optional(), options))(empty)).json.data).toBe('undefined')
    expect((await (await serving(z.string(), { ...options, default: 'none' }))(empty)).json.data).toBe('none')
    const unvalidated = await serving(z.string(), { ...options, validate: false })
    expect((await unvalidated(empty)).json.data).toBe('')
  })

  test('a schema without fields gives an empty object', async () => {
    const send = await serving(z.object({ agree: z.boolean(), name: z.string().optional() }))
    expect((await send({})).json.data).toEqual({ agree: false })
  })

  test('a JSON route reports that the whole body is missing', async () => {
    const send = await serving(User, { contentType: 'application/json' })
    expect((await send({})).json.errors).toMatchObject([{ path: '', code: 'invalid_type' }])
  })

  test('defaultFactory runs for each request and may be asynchronous', async () => {
    let count = 0
    const send = await serving(User, { defaultFactory: () => ({ count: (count += 1) }) })
    expect((await send({})).json.data).toEqual({ count: 1 })
    expect((await send({ framing: 'chunked' })).json.data).toEqual({ count: 2 })
    expect((await send(json({ name: 'Ann', tags: [] }))).json.data).toEqual({ name: 'Ann', tags: [] })
    const slow = await serving(User, { defaultFactory: async () => 'late' })
    expect((await slow({})).json.data).toBe('late')
    const broken = await serving(User, { defaultFactory: () => Promise.reject(new Error('no')) })
    expect((await broken({})).status).toBe(500)
  })

  test('null, 0, false and an empty text in JSON are values, not replaced by a default', async () => {
    const options: BodyOptions = { default: 'default' }
    for (const value of [null, 0, false, '', [], {}]) {
      const send = await serving(
        z.literal([null, 0, false, '']).or(z.array(z.any())).or(z.object({})),
        options,
      )
      expect((await send(json(value))).json.data).toEqual(value)
    }
    expect((await (await serving(User, options))(json(null))).status).toBe(422)
    expect((await (await serving(User.optional()))(json(null))).status).toBe(422)
    expect((await (await serving(User.nullable()))(json(null))).json.data).toBeNull()
  })

  test('a form without parts is a form, not replaced by a default', async () => {
    const send = await serving(User, { default: 'default' })
    expect((await send(multipart())).status).toBe(422)
    expect((await send(urlencoded('&'))).status).toBe(422)
  })

  test('a default is used even if nothing is validated', async () => {
    const send = await serving(User, { validate: false, default: [1] })
    expect((await send({})).json.data).toEqual([1])
    expect((await send(json({ any: 1 }))).json.data).toEqual({ any: 1 })
    expect((await (await serving(z.any(), { default: 2 }))({})).json.data).toBe(2)
  })

  test('default: undefined is a default', async () => {
    expect((await (await serving(User, { default: undefined }))({})).json.data).toBe('undefined')
  })
})
