/** Unit tests of an app call its middleware with mocks in place of a request. */
import { Readable } from 'node:stream'
import * as onExpress from '@formgate/express'
import * as onKoa from '@formgate/koa'
import mocks, { type Body, type RequestOptions } from 'node-mocks-http'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import './server.js'

const json = { 'content-type': 'application/json' }
const schema = z.object({ a: z.number() })
const middlewares = {
  'multipart()': onExpress.multipart(),
  'parsers()': onExpress.parsers([onExpress.JSONParser]),
  'body()': onExpress.body(schema),
}

/** Calls a middleware. @returns what it passed to `next`, once for each call, and the request's data */
async function call(
  middleware: (req: never, res: never, next: (error?: unknown) => void) => Promise<void>,
  request: object,
  response: object = mocks.createResponse(),
): Promise<{ passed: unknown[]; data: unknown }> {
  const passed: unknown[] = []
  await middleware(request as never, response as never, (error) => passed.push(error))
  return { passed, data: (request as { data?: unknown }).data }
}

const mock = (options: RequestOptions & { body?: Body }): object => mocks.createRequest(options)

/** What users build by hand. */
const withStream = (body: string, headers: object = json): object =>
  Object.assign(Readable.from([Buffer.from(body)]), { method: 'POST', url: '/', headers })

describe.each(Object.entries(middlewares))('%s', (name, middleware) => {
  test('reads the body of a mock with a stream', async () => {
    for (const headers of [json, { ...json, 'content-length': '7' }]) {
      const response = { status: () => response, json: () => response }
      expect(await call(middleware, withStream('{"a":1}', headers), response)).toEqual({
        passed: [undefined],
        data: { a: 1 },
      })
    }
  })

  test.each([
    ['of node-mocks-http', () => mock({ method: 'POST', url: '/', headers: json, body: { a: 1 } })],
    [
      'of node-mocks-http with a length',
      () => mock({ method: 'POST', headers: { ...json, 'content-length': '7' } }),
    ],
    ['made by hand', () => ({ method: 'POST', headers: json, body: { a: 1 }, on: () => undefined })],
  ])('passes on one clear error for a mock %s, which has no stream', async (_, create) => {
    const { passed } = await call(middleware, create())
    expect(passed).toHaveLength(1)
    expect(String(passed[0])).toMatch(/^TypeError: The request is not a readable stream, .* Give a mock one/)
  })

  if (name === 'multipart()') {
    test.each([
      ['of node-mocks-http', () => mock({ method: 'GET', url: '/' })],
      ['made by hand, without headers', () => ({ method: 'GET', url: '/' })],
    ])('passes on a mock %s without a body', async (_, create) => {
      expect(await call(middleware, create(), {})).toEqual({ passed: [undefined], data: {} })
    })
  }
})

test('Koa reads mocks of plain objects, and no other object gets a property', async () => {
  const ctx = { req: withStream('{"a":1}'), res: {}, request: { headers: json } as { data?: unknown } }
  let data: unknown
  await onKoa.multipart()(ctx as never, async () => (data = ctx.request.data))
  expect(data).toEqual({ a: 1 })
  expect('data' in {}).toBe(false)
})

test.each([
  [['json'], /^'json' is not a parser class, such as JSONParser/],
  [[undefined], /^undefined is not a parser class/],
  [[null], /^null is not a parser class/],
  [[42], /^42 is not a parser class/],
  [[() => onExpress.JSONParser], /^the function \w*\(\) is not a parser class/],
  [[{}], /^Object: \.parse\(\) must be overridden/],
  ['json', /^A parser list is an array/],
])('parsers(%j) says what was passed', (list, message) => {
  expect(() => onExpress.parsers(list as never)).toThrow(message)
})
