/** The bodies that a typed route accepts, and its answers to all others. */
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { BaseParser, MultiPartParser, type BodyOptions } from '@formgate/core'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import * as oldest from 'zod-4-1'
import { field, file, type Answer } from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import {
  blob,
  json,
  mounts,
  multipart,
  serve,
  typedField,
  urlencoded,
  urlencodedType,
  WatchedStorage,
} from './app.js'

const paths = ({ json }: Answer): string[] => json.errors.map(({ path }: { path: string }) => path)

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const above = mount === undefined ? {} : { mount }
  const serving = (schema: z.ZodType, options?: BodyOptions) =>
    serve(framework, ({ body }) => body(schema, options), above)

  test('form() accepts both kinds of form and answers anything else with a 415 that names them', async () => {
    const send = await serve(framework, ({ form }) => form(z.object({ a: z.string() })), above)
    expect((await send(urlencoded('a=1'))).status).toBe(200)
    expect((await send(multipart([field('a'), '1']))).status).toBe(200)
    for (const sent of [
      json({ a: '1' }),
      { type: 'text/plain', body: 'a=1' },
      { type: 'image/png', body: 'x' },
    ]) {
      const { status, headers, json: problem } = await send(sent)
      expect(status).toBe(415)
      expect(headers['accept']).toBe(`multipart/form-data, ${urlencodedType}`)
      expect(problem).toMatchObject({
        code: 'UNSUPPORTED_MEDIA_TYPE',
        detail: `Unsupported media type "${sent.type}" in request.`,
      })
    }
    expect((await send({ body: 'a=1' })).json).toMatchObject({ status: 415, code: 'MISSING_CONTENT_TYPE' })
  })

  test.each<[string, string | readonly string[], boolean, boolean]>([
    ['one type', 'application/json', true, false],
    ['a list of types', ['application/json', urlencodedType], true, true],
    ['a range', 'application/*', true, true],
    ['any type', '*/*', true, true],
    ['another type', 'multipart/form-data', false, false],
  ])('body() accepts the media types of contentType: %s', async (_, contentType, takesJson, acceptsForms) => {
    const send = await serving(z.object({ a: z.string() }), { contentType })
    expect((await send(json({ a: 'x' }))).status).toBe(takesJson ? 200 : 415)
    expect((await send(urlencoded('a=x'))).status).toBe(acceptsForms ? 200 : 415)
  })

  test('body() accepts text if contentType names it, even without a parser above for it', async () => {
    const send = await serving(z.string().min(3), { contentType: 'text/plain' })
    expect((await send({ type: 'text/plain', body: 'hello' })).json.data).toBe('hello')
    expect((await send({ type: 'text/plain', body: 'hi' })).status).toBe(422)
  })

  test('body() accepts a JSON dialect that contentType names', async () => {
    const send = await serving(z.object({ a: z.string() }), { contentType: 'application/vnd.api+json' })
    const dialect = await send({ type: 'application/vnd.api+json', body: '{"a":"x"}' })
    expect(dialect.json.data).toEqual({ a: 'x' })
    expect((await send(json({ a: 'x' }))).headers['accept']).toBe('application/vnd.api+json')
  })

  test('all issues of fields and files come at once, without submitted values', async () => {
    const send = await serving(
      z.object({
        name: z.string().min(3),
        age: z.number(),
        items: z.array(z.object({ price: z.number() })),
        photo: z.file().min(10).mime(['image/png']),
        scan: z.file(),
      }),
    )
    const answer = await send(
      multipart(
        [field('name'), 'Xy'],
        [field('age'), 'hunter2'],
        [field('items[0].price'), 'hunter3'],
        [file('photo', 'secret.txt', 'text/plain'), 'hunter4'],
      ),
    )
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json).toEqual({
      type: 'about:blank',
      title: 'Unprocessable Entity',
      status: 422,
      code: 'VALIDATION_FAILED',
      detail: 'The body does not match the schema of this route.',
      errors: expect.any(Array),
    })
    expect(new Set(paths(answer))).toEqual(new Set(['name', 'age', 'items[0].price', 'photo', 'scan']))
    for (const error of answer.json.errors) {
      expect(error).toEqual({
        path: expect.any(String),
        message: expect.any(String),
        code: expect.any(String),
      })
    }
    expect(answer.body).not.toMatch(/hunter|Xy|secret/)
  })

  test('the status option of the route is used', async () => {
    const send = await serving(z.object({ a: z.number() }), { status: 400 })
    const { status, json: problem } = await send(json({}))
    expect(status).toBe(400)
    expect(problem).toMatchObject({ status: 400, title: 'Bad Request', code: 'VALIDATION_FAILED' })
  })

  test('asynchronous refinements run once, on coerced values', async () => {
    const seen = vi.fn<(value: unknown) => Promise<boolean>>(async () => true)
    const Range = z
      .object({ from: z.date(), to: z.date(), n: z.number().refine(seen) })
      .refine(async ({ from, to }) => from < to, { path: ['to'], message: 'must be later' })
    const send = await serving(Range)
    expect((await send(urlencoded('from=2026-01-01&to=2026-01-02&n=7'))).status).toBe(200)
    expect(seen.mock.calls.map(([value]) => value)).toEqual([7])
    const { json: problem } = await send(urlencoded('from=2026-01-02&to=2026-01-01&n=7'))
    expect(problem.errors).toEqual([{ path: 'to', message: 'must be later', code: 'custom' }])
  })

  test('a schema that throws is a 500 without details for the client', async () => {
    const storage = new WatchedStorage()
    const throws = z.string().refine((text): boolean => {
      if (text === 'reject') throw new RangeError('no database')
      return true
    })
    const rejects = z.string().refine((text) => (text === 'reject' ? Promise.reject(new Error('no')) : true))
    for (const [framing, rule] of [throws, rejects].entries()) {
      const send = await serve(
        framework,
        ({ form }) => form(z.object({ a: rule, f: z.file().optional() })),
        mount === undefined ? {} : { mount: { ...mount, storage } },
      )
      const answer = await send(multipart([field('a'), 'reject'], [file('f', 'f.txt'), String(framing)]))
      expect(answer.status).toBe(500)
      expect(answer.body).not.toContain('VALIDATION_FAILED')
      expect((await send(multipart([field('a'), 'x']))).status).toBe(200)
    }
    expect(storage.held).toBe(0)
  })

  test('files are removed before a 422 is answered', async () => {
    const storage = new WatchedStorage()
    const send = await serve(
      framework,
      ({ form }) => form(z.object({ f: z.file(), n: z.number() }), mount?.lazy === false ? {} : undefined),
      { mount: { ...mount, storage } },
    )
    const { status } = await send(multipart([file('f', 'f.txt'), 'stored'], [field('n'), 'x']))
    expect(status).toBe(422)
    expect(storage).toMatchObject({ offered: ['f.txt'], bytes: 6, held: 0 })
  })

  test('errors: next passes a 422 to the app', async () => {
    const send = await serve(framework, ({ body }) => body(z.string(), { errors: 'next' }), {
      ...above,
      errorHandler: true,
      problems: false,
    })
    const { status, json: own } = await send(json(1))
    expect({ status, own }).toMatchObject({ status: 422, own: { handler: 'own', code: 'VALIDATION_FAILED' } })
  })

  test.each<[string, BodyOptions | undefined, z.ZodType | undefined]>([
    ['validate: false', { validate: false }, z.object({ a: z.number() })],
    ['z.any()', undefined, z.any()],
    ['z.unknown()', undefined, z.unknown()],
    ['no schema', undefined, undefined],
  ])('%s passes the merged form unchanged', async (_, options, schema) => {
    const send = await serve(framework, ({ body }) => body(schema, options), above)
    expect((await send(urlencoded('a=x&b=1&b=2'))).json.data).toEqual({ a: 'x', b: ['1', '2'] })
    expect((await send(json({ a: 'x' }))).json.data).toEqual({ a: 'x' })
    const { json: answer } = await send(multipart([field('a'), 'x'], [file('f', 'f.txt'), 'y']))
    expect(answer.data).toMatchObject({ a: 'x', f: { name: 'f.txt' } })
    expect((await send({})).json).toEqual({ data: {}, files: {} })
  })

  test('a check on z.any() still runs', async () => {
    const send = await serving(z.any().refine((value) => value?.a === 'x', 'a must be x'))
    expect((await send(urlencoded('a=x'))).status).toBe(200)
    expect((await send(urlencoded('a=y'))).json.errors).toMatchObject([{ path: '', message: 'a must be x' }])
    expect((await send({})).status).toBe(422)
  })

  test('a schema for the whole body may be preprocessed, transformed or a union', async () => {
    const send = await serving(
      z
        .preprocess((value) => ({ kind: 'none', ...(value as object) }), z.looseObject({ kind: z.string() }))
        .transform(({ kind }) => kind),
    )
    expect((await send(urlencoded('kind=a'))).json.data).toBe('a')
    expect((await send({})).json.data).toBe('none')
    const union = await serving(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('card'), number: z.string() }),
        z.object({ kind: z.literal('cash'), amount: z.number() }),
      ]),
    )
    expect((await union(urlencoded('kind=cash&amount=5'))).json.data).toEqual({ kind: 'cash', amount: 5 })
    expect((await union(urlencoded('kind=card&number=5'))).json.data).toEqual({ kind: 'card', number: '5' })
  })

  test.each([
    '{"__proto__":{"admin":true},"a":{}}',
    '{"a":{"b":[{"__proto__":{"admin":true}}]}}',
    '{"a":{"\\u005f_pr\\u006Fto__":{"admin":true}}}',
    '{"a":{"constructor":{"prototype":{"admin":true}}}}',
    '{"a":{"c\\u006fnstructor":{"prototype":{"admin":true}}}}',
  ])('JSON with a key that reaches a prototype is refused everywhere: %s', async (body) => {
    const send = await serving(z.looseObject({ a: z.looseObject({}), m: z.looseObject({}).optional() }))
    for (const sent of [
      { type: 'application/json', body },
      multipart([typedField('m', 'application/json'), body], [field('a'), '{}']),
      multipart([blob('m', 'application/json'), body], [field('a'), '{}']),
      urlencoded(`a={}&m=${encodeURIComponent(body)}`),
      multipart([field('m'), body], [field('a'), '{}']),
    ]) {
      const { status, json: answer } = await send(sent)
      expect([status, answer.code]).toEqual([400, 'MALFORMED_JSON'])
      expect(answer.detail).toMatch(/a key called (__proto__|constructor with a key called prototype)/)
    }
  })

  test('the output of a custom parser never becomes a prototype, not even with zod 4.1', async () => {
    class LooseParser extends BaseParser {
      readonly mediaType = 'text/x-loose'
      async parse(stream: Readable) {
        return JSON.parse(await text(stream)) as unknown
      }
    }
    const schema = oldest.object({ meta: oldest.looseObject({ a: oldest.string() }) })
    const parsers = [LooseParser, MultiPartParser]
    const send = await serve(framework, ({ body }) => body(schema, { parsers }), {
      ...above,
      ...(mount !== undefined && { mount: { ...mount, parsers } }),
      handler: ({ data }) => {
        const { meta } = data as { meta: { a: string; isAdmin?: boolean } }
        return { a: meta.a, isAdmin: meta.isAdmin }
      },
    })
    const meta = '{"a":"x","__proto__":{"isAdmin":true}}'
    for (const sent of [
      { type: 'text/x-loose', body: `{"meta":${meta}}` },
      multipart([typedField('meta', 'text/x-loose'), meta]),
    ]) {
      const answer = await send(sent)
      expect([answer.status, answer.json]).toEqual([200, { a: 'x' }])
    }
  })

  test('JSON may contain these names as values, and a plain constructor key', async () => {
    const send = await serving(z.looseObject({ a: z.looseObject({}) }))
    const a = { text: '"__proto__": \u0001', list: ['__proto__', 'constructor'], constructor: { name: 'x' } }
    const { status, json: answer } = await send(json({ a }))
    expect(status).toBe(200)
    expect(answer.data.a).toEqual(a)
  })
})
