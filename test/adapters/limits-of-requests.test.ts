/** `limits` may be a function of the request. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type BodyError,
  createBodyParser,
  JSONParser,
  MultiPartParser,
  PlainTextParser,
  type Limits,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { fastify } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { exchange, field, file, form, multipartX, type Sent } from './client.js'
import { frameworks, startForEach, type Description, type Route } from './frameworks.js'

type Asked = { readonly headers: Record<string, unknown> }

/** 10 bytes for guests, 1000 for members. */
const byRole = vi.fn((request: Asked): Partial<Limits> => {
  const size = request.headers['x-role'] === 'member' ? 1000 : 10
  return { textSize: size, fileSize: size }
})
const member = { 'X-Role': 'member' }
const json: Sent = { type: 'application/json', body: `"${'x'.repeat(50)}"` }
const text: Sent = { type: 'text/plain', body: 'x'.repeat(50) }
const upload: Sent = {
  type: multipartX,
  body: form('X', [field('a'), '1'], [file('f', 'f'), 'x'.repeat(50)]),
}
const own = (status: number, code?: string): object => ({ handler: 'own', status, ...(code && { code }) })

describe.each(frameworks)('$name', ({ start }) => {
  const starts = startForEach(start)
  afterEach(() => void byRole.mockClear())

  async function app(description: Description): Promise<(sent: Sent) => ReturnType<typeof exchange>> {
    const { port } = await starts({ errorHandler: true, ...description })
    return (sent) => exchange(port, sent)
  }

  const drain: Route['handler'] = async ({ parts }) => {
    let size = 0
    for await (const part of parts()) {
      if (part.kind !== 'file') continue
      for await (const bytes of part.stream) size += (bytes as Buffer).length
    }
    return size
  }
  const schema = z.object({ a: z.string(), f: z.file() })
  const places: readonly (readonly [place: string, description: Description, sent: readonly Sent[]])[] = [
    ['multipart()', { mount: { limits: byRole }, routes: [{ path: '/' }] }, [json, upload]],
    [
      'multipart({ lazy: true }), at req.parse()',
      { mount: { lazy: true, limits: byRole }, routes: [{ path: '/', handler: ({ parse }) => parse() }] },
      [json, upload],
    ],
    [
      'multipart({ lazy: true }), at req.parts()',
      { mount: { lazy: true, limits: byRole }, routes: [{ path: '/', handler: drain }] },
      [upload],
    ],
    [
      'parsers()',
      { routes: [{ path: '/', parsers: [JSONParser, MultiPartParser], options: { limits: byRole } }] },
      [json, upload],
    ],
    [
      'form() below multipart({ lazy: true })',
      {
        mount: { lazy: true, limits: { fileSize: 5 } },
        routes: [{ path: '/', typed: ({ form }) => form(schema, { limits: byRole }) }],
      },
      [upload],
    ],
    [
      'an eager multipart() that leaves the body to parsers()',
      { mount: { limits: byRole }, routes: [{ path: '/', parsers: [PlainTextParser] }] },
      [text],
    ],
  ]

  test.each(places)(
    'limits that a function returns to %s hold for its request',
    async (_, description, bodies) => {
      const send = await app(description)
      for (const sent of bodies) {
        for (const framing of ['length', 'chunked'] as const) {
          byRole.mockClear()
          expect((await send({ ...sent, framing })).status).toBe(413)
          expect((await send({ ...sent, framing, headers: member })).status).toBe(200)
          expect(byRole).toHaveBeenCalledTimes(2)
        }
      }
    },
  )

  test('functions of multipart() and of a route apply in this order, each called once', async () => {
    const above = vi.fn(() => ({ textSize: 20, files: 1 }))
    const route = vi.fn(() => ({ textSize: 60 }))
    const send = await app({
      mount: { lazy: true, limits: above },
      routes: [{ path: '/', parsers: [JSONParser, MultiPartParser], options: { limits: route } }],
    })
    expect((await send(json)).status).toBe(200)
    const two = form('X', [file('f', 'f'), 'x'], [file('f', 'f'), 'x'])
    expect((await send({ type: multipartX, body: two })).json).toMatchObject({
      code: 'LIMIT_FILES',
      limit: 1,
    })
    expect([above.mock.calls.length, route.mock.calls.length]).toEqual([2, 2])
  })

  test('limits of a route below those of a function keep their place', async () => {
    const send = await app({
      mount: { lazy: true, limits: () => ({ textSize: 5, files: 0 }) },
      routes: [{ path: '/', parsers: [JSONParser, MultiPartParser], options: { limits: { textSize: 100 } } }],
    })
    expect((await send(json)).status).toBe(200)
    expect((await send(upload)).json.code).toBe('LIMIT_FILES')
  })

  test('a function of a route comes too late below an eager multipart(), as every limit does', async () => {
    const send = await app({
      mount: {},
      routes: [{ path: '/', parsers: [JSONParser], options: { limits: byRole } }],
    })
    expect((await send(json)).json).toEqual(own(500, 'BODY_ALREADY_READ'))
    expect(byRole).not.toHaveBeenCalled()
  })

  test.each([
    [
      'undefined',
      () => undefined,
      'must be a plain object, or a function of the request that returns one, but is undefined',
    ],
    ['a number', () => 5, 'but is 5'],
    ['a promise', async () => ({}), 'but is an object of the class Promise'],
    ['a promise that rejects', () => Promise.reject(new Error('late')), 'of the class Promise'],
    ['an unknown limit', () => ({ size: 1 }), 'Unknown limit `size`'],
    ['a text', () => ({ fileSize: '10mb' }), 'limits.fileSize must be a whole number from 0 up'],
  ])('a function that returns %s is a 500 that says so', async (_, limits, message) => {
    const errors: Error[] = []
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const onError = (error: Error): void => void errors.push(error)
    for (const description of [
      { mount: { limits: limits as never } },
      { routes: [{ path: '/', parsers: [JSONParser], options: { limits: limits as never } }] },
    ]) {
      const send = await app({ routes: [{ path: '/' }], ...description, onError })
      expect((await send(json)).json).toMatchObject({ handler: 'own', status: 500 })
      expect(errors.pop()?.message).toMatch(/^The function `limits` returned an invalid value: /)
    }
    const send = await app({ mount: { limits: limits as never }, routes: [{ path: '/' }], onError })
    await send(upload)
    expect(errors.pop()?.message).toContain(message)
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('a request without a body does not call the function', async () => {
    const send = await app({ mount: { limits: byRole }, routes: [{ path: '/' }] })
    expect((await send({})).json).toEqual({ data: {}, files: {} })
    expect((await send({ framing: 'none' })).json).toEqual({ data: {}, files: {} })
    expect(byRole).not.toHaveBeenCalled()
  })

  test('an error that the function throws goes to the error handler of the app', async () => {
    const limits = (): never => {
      throw Object.assign(new Error('no'), { status: 403 })
    }
    const send = await app({ mount: { limits }, routes: [{ path: '/' }] })
    expect((await send(json)).json).toEqual(own(403))
  })
})

class MyLimits {
  fileSize = 1
}

test.each([
  ['a Map', new Map([['fileSize', 1]])],
  ['an array', []],
  ['a number', 5],
  ['null', null],
  ['a text', '10mb'],
  ['a promise', Promise.resolve({ fileSize: 1 })],
  ['an instance of a class', new MyLimits()],
])('%s in place of limits throws at definition', async (_, limits) => {
  const options = { limits } as object
  const message = /^limits must be a plain object, or a function of the request that returns one, but is /
  for (const { multipart, form, body } of [onExpress, onKoa as unknown as typeof onExpress]) {
    expect(() => multipart(options)).toThrow(message)
    expect(() => form(z.object({}), options)).toThrow(message)
    expect(() => body(undefined, options)).toThrow(message)
  }
  expect(() => onFastify.parsers([JSONParser], options)).toThrow(message)
  expect(() => createBodyParser(options)).toThrow(message)
  await expect(async () => fastify().register(onFastify.multipart, options)).rejects.toThrow(message)
})

test('createBodyParser() calls the function with the request of Node', async () => {
  const parse = createBodyParser({ limits: byRole })
  const server = createServer((req, res) => {
    parse(req, res).then(
      () => res.end('"fine"'),
      (error: unknown) => res.end(JSON.stringify((error as BodyError).code)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (headers: Record<string, string>): Promise<unknown> =>
    (
      await fetch(url, {
        method: 'POST',
        body: '"12345678901"',
        headers: { 'Content-Type': 'application/json', ...headers },
      })
    ).json()
  expect([await ask({}), await ask(member)]).toEqual(['LIMIT_BODY_SIZE', 'fine'])
  server.close()
})
