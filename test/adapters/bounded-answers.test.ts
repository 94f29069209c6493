/** How long an answer may be and what it may contain. */
import { brotliCompressSync } from 'node:zlib'
import { BodyError, FormParser, JSONParser, MultiPartParser, toProblem } from '@formgate/core'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { exchange, field, form, multipartX, type Sent } from './client.js'
import { frameworks, startForEach } from './frameworks.js'

const KiB = 1024
const json = (value: unknown): Sent => ({ type: 'application/json', body: JSON.stringify(value) })

describe.each(frameworks)('$name', ({ start }) => {
  const app = startForEach(start)

  test('an answer lists at most 100 issues, and counts the rest', async () => {
    const { port } = await app({
      routes: [{ path: '/', typed: ({ body }) => body(z.array(z.string())) }],
    })
    const { status, json: problem } = await exchange(port, json(Array.from({ length: 99_999 }, () => 1)))
    expect(status).toBe(422)
    expect(problem.errors).toHaveLength(100)
    expect(problem.errors[99]).toEqual({
      path: '[99]',
      message: 'Invalid input: expected string, received number',
      code: 'invalid_type',
    })
    expect(problem.moreErrors).toBe(99_899)
    const few = await exchange(port, json([1, 'a', 2]))
    expect(few.json.errors).toHaveLength(2)
    expect(few.json).not.toHaveProperty('moreErrors')
  })

  test('limits.issues says how many are listed', async () => {
    const { port } = await app({
      mount: { lazy: true, limits: { issues: 2 } },
      routes: [
        { path: '/', typed: ({ form }) => form(z.object({ a: z.array(z.number()) })) },
        { path: '/none', typed: ({ form }) => form(z.array(z.number()), { limits: { issues: 0 } }) },
      ],
    })
    const sent: Sent = { type: 'application/x-www-form-urlencoded', body: 'a=x&a=y&a=z' }
    const { json: problem } = await exchange(port, sent)
    expect(problem.errors.map(({ path }: { path: string }) => path)).toEqual(['a[0]', 'a[1]'])
    expect(problem.moreErrors).toBe(1)
    const none = await exchange(port, { ...sent, path: '/none' })
    expect(none.json).toMatchObject({ status: 422, errors: [], moreErrors: 1 })
  })

  test('19 bytes of brotli get a short answer', async () => {
    const { port } = await app({
      routes: [{ path: '/', typed: ({ body }) => body(z.array(z.string())) }],
    })
    const body = brotliCompressSync(`[${'1,'.repeat(500_000)}1]`)
    const answer = await exchange(port, {
      type: 'application/json',
      headers: { 'Content-Encoding': 'br' },
      body,
    })
    expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_JSON_VALUES', limit: 100_000 })
    expect(answer.bytes.length).toBeLessThan(KiB)
  })

  test('an answer has at most 64 KiB with any keys, messages and control characters', async () => {
    const choices = z.enum(Array.from({ length: 500 }, (_, at) => `option${at}`) as [string])
    const long = '\u0001'.repeat(1000)
    const { port } = await app({
      mount: { lazy: true, limits: { issues: Infinity } },
      routes: [
        { path: '/strict', typed: ({ body }) => body(z.strictObject({})) },
        { path: '/record', typed: ({ body }) => body(z.record(z.string(), z.number())) },
        { path: '/enum', typed: ({ body }) => body(z.array(choices)) },
        { path: '/own', typed: ({ body }) => body(z.array(z.number({ error: long }))) },
        { path: '/union', typed: ({ body }) => body(z.array(z.union([choices, z.object({ a: choices })]))) },
      ],
    })
    const names = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`${long}${at}`, 'x']))
    const wrong = Array.from({ length: 2000 }, () => 'no')
    for (const [path, value] of [
      ['/strict', names],
      ['/record', names],
      ['/enum', wrong],
      ['/own', wrong],
      ['/union', wrong.slice(0, 1000).map((a) => ({ a }))],
    ] as const) {
      const answer = await exchange(port, { ...json(value), path })
      expect(answer.json.code).toBe('VALIDATION_FAILED')
      expect(answer.bytes.length).toBeLessThanOrEqual(64 * KiB)
      const issues = answer.json.errors.length + (answer.json.moreErrors ?? 0)
      expect(issues).toBe(Array.isArray(value) ? value.length : path === '/strict' ? 1 : 150)
    }
  })

  test('a long list of choices is cut, with a count of the rest', async () => {
    const choices = z.enum(Array.from({ length: 500 }, (_, at) => `option${at}`) as [string])
    const { port } = await app({ routes: [{ path: '/', typed: ({ body }) => body(choices) }] })
    const { json: problem } = await exchange(port, json('no'))
    const { message } = problem.errors[0]
    expect(message).toMatch(
      /^Invalid option: expected one of "option0"\|"option1"\|.*"option\d+" and \d+ more$/,
    )
    expect(message.length).toBeLessThan(250)
    expect(message.match(/option\d+/g).length + Number(/(\d+) more$/.exec(message)![1])).toBe(500)
  })

  test('an answer forbids browsers to guess another type', async () => {
    const { port } = await app({ mount: {}, routes: [{ path: '/' }] })
    const { headers } = await exchange(port, { type: 'application/json', body: '{' })
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  test('control characters in a detail are escaped', async () => {
    const { port } = await app({
      mount: { limits: { fieldSize: 1 } },
      routes: [{ path: '/', parsers: [MultiPartParser] }],
    })
    const name = 'a\u001b[31m\u007f\u0085'
    const { json: problem } = await exchange(port, { type: multipartX, body: form('X', [field(name), '12']) })
    expect(problem.code).toBe('LIMIT_FIELD_SIZE')
    expect(problem.detail).toContain('\\u001b[31m\\u007f\\u0085')
  })

  test('the fields of URL-encoded parts count with those of the form around them', async () => {
    const { port } = await app({
      mount: { limits: { fields: 10, fieldNameSize: 5 } },
      routes: [{ path: '/', parsers: [MultiPartParser, FormParser, JSONParser] }],
    })
    const inner = `${field('f')}\r\nContent-Type: application/x-www-form-urlencoded`
    const send = (...parts: readonly (readonly [string, string])[]) =>
      exchange(port, { type: multipartX, body: form('X', ...parts) })
    expect((await send([inner, 'a&b&c&d'], [inner, 'a&b&c'], [field('x'), '1'])).status).toBe(200)
    const many = await send([inner, 'a&b&c&d'], [inner, 'a&b&c'], [field('x'), '1'], [field('y'), '1'])
    expect(many.json).toMatchObject({ status: 413, code: 'LIMIT_FIELDS', limit: 10, field: 'f' })
    const long = await send([inner, 'abcdef=1'])
    expect(long.json).toMatchObject({ status: 413, code: 'LIMIT_FIELD_NAME', limit: 5 })
  })

  test('the hint of a 5xx stays on the server', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    try {
      const { port } = await app({
        mount: { lazy: true },
        routes: [{ path: '/', handler: ({ data }) => data }],
      })
      const answer = await exchange(port, json({ a: 1 }))
      expect(answer.status).toBe(500)
      const { hint, message } = new BodyError('BODY_NOT_PARSED')
      expect(hint).toContain('await req.parse()')
      expect(message).not.toContain('await req.parse()')
      expect(answer.body).not.toContain('await req.parse()')
    } finally {
      warned.mockRestore()
    }
  })
})

test('toProblem() bounds every text and every list of an error, and keeps the hint of a 5xx', () => {
  const long = '\u0001"\ud800ü'.repeat(100_000)
  const errors = Array.from({ length: 5000 }, () => ({ path: long, message: long, code: 'custom' }))
  const error = new BodyError('VALIDATION_FAILED', {
    detail: long,
    hint: long,
    field: long,
    errors,
    moreErrors: 7,
  })
  const problem = toProblem(error)
  expect(Buffer.byteLength(JSON.stringify(problem))).toBeLessThanOrEqual(64 * KiB)
  expect(problem.errors!.length + problem.moreErrors!).toBe(5007)
  expect(problem.detail).toMatch(/more characters$/)
  expect(toProblem(new BodyError('BODY_NOT_PARSED'))).not.toHaveProperty('hint')
})
