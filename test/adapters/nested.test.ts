/** The option `nested`: names of a form make objects and lists where no schema says so. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createBodyParser,
  disk,
  FormParser,
  JSONParser,
  MultiPartParser,
  type MountOptions,
} from '@formgate/core'
import { parsers } from '@formgate/express'
import * as v from 'valibot'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, field, file, form, multipartX, type Answer, type Sent } from './client.js'
import { frameworks, type App, type Description } from './frameworks.js'

const pairs: [name: string, text: string][] = [
  ['user[name]', 'Ann'],
  ['user.tags[]', 'a'],
  ['user[tags][]', 'b'],
  ['items[0][id]', '1'],
  ['items[1][id]', '2'],
  ['only[]', 'x'],
  ['plain', '1'],
  ['open[', '2'],
]
const value = {
  user: { name: 'Ann', tags: ['a', 'b'] },
  items: [{ id: '1' }, { id: '2' }],
  only: ['x'],
  plain: '1',
  'open[': '2',
}
const urlencoded: Sent = {
  type: 'application/x-www-form-urlencoded',
  body: new URLSearchParams(pairs).toString(),
}
const multipart: Sent = {
  type: multipartX,
  body: form('X', ...pairs.map(([name, text]) => [field(name), text] as const)),
}

const running: App[] = []
afterAll(() => Promise.all(running.map((app) => app.close())))

test('an option nested that is neither true nor false throws at definition', () => {
  for (const nested of ['yes', 1, null, { depth: 3 }] as never[]) {
    expect(() => createBodyParser({ nested })).toThrow('nested must be true or false')
    expect(() => parsers([FormParser], { nested })).toThrow('nested must be true or false')
  }
})

describe.each(frameworks)('$name', ({ start }) => {
  async function app(description: Description): Promise<(sent: Sent) => Promise<Answer>> {
    const started = await start(description)
    running.push(started)
    return async (sent) => {
      const whole = await exchange(started.port, sent)
      const cut = await exchange(started.port, { ...sent, framing: 'chunked' }, 'byte by byte')
      expect(cut.body).toBe(whole.body)
      return whole
    }
  }

  const options = { nested: true }
  const places: readonly (readonly [string, Description])[] = [
    ['on multipart()', { mount: options, routes: [{ path: '/' }] }],
    ['on a route', { routes: [{ path: '/', parsers: [FormParser, MultiPartParser], options }] }],
    [
      'on a route below a lazy multipart()',
      { mount: { lazy: true }, routes: [{ path: '/', parsers: [FormParser, MultiPartParser], options }] },
    ],
    [
      'on the parsers',
      {
        mount: { parsers: [new FormParser(options), new MultiPartParser(options)] },
        routes: [{ path: '/' }],
      },
    ],
    [
      'on a route with a schema that accepts anything',
      { routes: [{ path: '/', typed: ({ body }) => body(z.unknown(), options) }] },
    ],
    [
      'on a route without validation',
      { routes: [{ path: '/', typed: ({ body }) => body(undefined, options) }] },
    ],
  ]

  test.each(places)('%s it makes objects and lists of both kinds of forms', async (_, place) => {
    const send = await app(place)
    for (const sent of [urlencoded, multipart])
      expect((await send(sent)).json).toEqual({ data: value, files: {} })
  })

  test('it stays off by default, and JSON and empty bodies stay what they are', async () => {
    const flat = await app({ mount: {}, routes: [{ path: '/' }] })
    expect((await flat(urlencoded)).json.data['user[name]']).toBe('Ann')
    const nested = await app({ mount: options, routes: [{ path: '/' }] })
    expect((await nested({ type: 'application/json', body: '{"a[b]":1}' })).json.data).toEqual({ 'a[b]': 1 })
    expect((await nested({})).json).toEqual({ data: {}, files: {} })
  })

  test('the option of a parser, or of a route, takes precedence over that of multipart()', async () => {
    const mount: MountOptions = {
      lazy: true,
      nested: true,
      parsers: [new FormParser({ nested: false }), JSONParser],
    }
    const send = await app({
      mount,
      routes: [
        { path: '/parser', handler: async ({ parse }) => parse() },
        { path: '/route', parsers: [FormParser], options: { nested: false } },
        { path: '/mount', parsers: [FormParser] },
      ],
    })
    const sent = { type: urlencoded.type, body: 'a[b]=1' }
    expect((await send({ ...sent, path: '/parser' })).json.data).toEqual({ 'a[b]': '1' })
    expect((await send({ ...sent, path: '/route' })).json.data).toEqual({ 'a[b]': '1' })
    expect((await send({ ...sent, path: '/mount' })).json.data).toEqual({ a: { b: '1' } })
  })

  test('a file and a JSON part have their places in data, and files keeps the names that were sent', async () => {
    const send = await app({ mount: options, routes: [{ path: '/' }] })
    const json = `${field('post[meta]')}\r\nContent-Type: application/json`
    const body = form(
      'X',
      [field('post[title]'), 'Bridge'],
      [file('post[photos][0]', 'a.png'), 'PNG'],
      [json, '{"a[b]":[1]}'],
    )
    expect((await send({ type: multipartX, body })).json).toMatchObject({
      data: { post: { title: 'Bridge', photos: [{ name: 'a.png' }], meta: { 'a[b]': [1] } } },
      files: { 'post[photos][0]': [{ name: 'a.png' }] },
    })
  })

  test('a library other than zod validates the objects and lists', async () => {
    const schema = v.object({ user: v.object({ name: v.string(), tags: v.array(v.string()) }) })
    const send = await app({ routes: [{ path: '/', typed: (words) => words.form(schema, options) }] })
    expect((await send(urlencoded)).json.data).toEqual({ user: { name: 'Ann', tags: ['a', 'b'] } })
    const { json } = await send({ type: urlencoded.type, body: 'user[tags][]=1' })
    expect(json.errors).toMatchObject([{ path: 'user.name' }])
  })

  test('a schema of zod decides by itself what a name is', async () => {
    const schema = z.object({ 'a[b]': z.string(), c: z.array(z.number()) })
    const send = await app({ routes: [{ path: '/', typed: (words) => words.form(schema, options) }] })
    expect((await send({ type: urlencoded.type, body: 'a[b]=1&c[0]=2' })).json.data).toEqual({
      'a[b]': '1',
      c: [2],
    })
  })

  test.each([
    ['a=1&a[b]=2', 400, 'MALFORMED_FORM'],
    ['a[__proto__][admin]=1', 400, 'MALFORMED_FORM'],
    ['a[1]=2', 413, 'LIMIT_NESTING'],
    ['a[b][c][d]=2', 413, 'LIMIT_NESTING'],
  ])('%s is a %i, and the files of the form are removed', async (names, status, code) => {
    const directory = await mkdtemp(join(tmpdir(), 'nested-'))
    const send = await app({
      mount: { nested: true, limits: { nesting: 3 }, storage: disk({ directory }) },
      routes: [{ path: '/' }],
    })
    const fields = names.split('&').map((pair) => [field(pair.split('=')[0]!), '1'] as const)
    const sent: Sent = { type: multipartX, body: form('X', [file('f', 'f'), 'x'.repeat(100)], ...fields) }
    for (const each of [sent, { type: urlencoded.type, body: names }]) {
      const answer = await send(each)
      expect([answer.status, answer.json.code]).toEqual([status, code])
      expect(answer.json.field).toBe(
        fields.at(-1)![0].slice('Content-Disposition: form-data; name="'.length, -1),
      )
    }
    await expect.poll(() => readdir(directory)).toEqual([])
    await rm(directory, { recursive: true })
  })

  test('on a route below an eager multipart() it came too late, which is a 500', async () => {
    const send = await app({
      mount: {},
      routes: [{ path: '/', parsers: [FormParser], options }],
      errorHandler: true,
    })
    expect((await send(urlencoded)).json).toMatchObject({ status: 500, code: 'BODY_ALREADY_READ' })
  })
})
