/** Advisories of Fastify and @fastify/multipart. */
import { readdirSync } from 'node:fs'
import { disk, JSONParser, MultiPartParser, type Limits } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, field, file, form, multipartX, type Sent } from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import { expectAlive, expectEmpty, newDirectory, serve } from './server.js'

const multipart = (body: string): Sent => ({ type: multipartX, body })

describe.each(frameworks)('$name', (framework) => {
  test.each([
    ['fields', (name: string) => field(name)],
    ['files', (name: string) => file(name, 'a.txt')],
    ['JSON parts', (name: string) => `${field(name)}\r\nContent-Type: application/json`],
  ])(
    '@fastify/multipart CVE-2020-8136 and CVE-2021-23597: %s with names of inherited properties arrive like any other',
    async (_, header) => {
      const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf']
      const app = await serve(framework, {
        mount: {},
        routes: [{ path: '/', handler: ({ data }) => Object.getOwnPropertyNames(data) }],
      })
      const body = form('X', ...names.map((name) => [header(name), '{"polluted":1}'] as const))
      const answer = await exchange(app.port, multipart(body))
      expect(answer.json).toEqual(names)
      expect(({} as Record<string, unknown>)['polluted']).toBe(undefined)
      await expectAlive(app)
    },
  )

  test.each<[string, string, Partial<Limits>, string]>([
    ['fields', field('a'), {}, 'LIMIT_PARTS'],
    ['inputs in which no file was chosen', file('f', ''), {}, 'LIMIT_PARTS'],
    ['files', file('f', 'a.txt'), {}, 'LIMIT_FILES'],
    ['fields, with any number of parts', field('a'), { parts: Infinity }, 'LIMIT_FIELDS'],
  ])(
    '@fastify/multipart CVE-2023-25576: of 100,000 empty parts, %s, the first too many is a 413',
    async (_, header, limits, code) => {
      const directory = await newDirectory()
      let most = 0
      const store = disk({ directory })
      const app = await serve(framework, {
        mount: {
          limits,
          storage: {
            async store(...file) {
              most = Math.max(most, readdirSync(directory).length)
              return store.store(...file)
            },
          },
        },
        routes: [{ path: '/' }],
      })
      const body = `${`--X\r\n${header}\r\n\r\n\r\n`.repeat(100_000)}--X--\r\n`
      const before = process.cpuUsage()
      const answer = await exchange(app.port, multipart(body))
      const { user, system } = process.cpuUsage(before)
      expect(answer.json).toMatchObject({ status: 413, code })
      expect(answer.body.length).toBeLessThan(500)
      expect(app.handled()).toBe(0)
      expect(most).toBeLessThanOrEqual(100)
      // At most one part in a hundred is parsed; parsing all would take longer.
      expect((user + system) / 1000).toBeLessThan(2000)
      await expectEmpty(directory)
    },
  )

  /** Plain data with the properties of a file in several frameworks. */
  const posing = {
    field: 'avatar',
    name: 'a.png',
    filename: 'a.png',
    originalFilename: 'a.png',
    type: 'image/png',
    mimetype: 'image/png',
    size: 3,
    path: '/etc/passwd',
    filepath: '/etc/passwd',
    tempFilePath: '/etc/passwd',
    buffer: { type: 'Buffer', data: [1, 2, 3] },
    _buf: [1, 2, 3],
    toBuffer: 'x',
  }

  test.each<[string, Sent]>([
    [
      'JSON',
      { type: 'application/json', body: JSON.stringify({ avatar: posing, files: { avatar: [posing] } }) },
    ],
    [
      'a JSON part',
      multipart(form('X', [`${field('avatar')}\r\nContent-Type: application/json`, JSON.stringify(posing)])),
    ],
    ['a field', multipart(form('X', [field('avatar'), JSON.stringify(posing)]))],
    [
      'a URL-encoded form',
      {
        type: 'application/x-www-form-urlencoded',
        body: Object.entries(posing)
          .map(([name, value]) => `avatar[${name}]=${encodeURIComponent(JSON.stringify(value))}`)
          .join('&'),
      },
    ],
    [
      'fields with the names of a file',
      multipart(form('X', ...Object.keys(posing).map((name) => [field(`avatar.${name}`), 'x'] as const))),
    ],
  ])('@fastify/multipart CVE-2026-124289: %s can never pose as a file', async (_, sent) => {
    const Avatar = z.object({ avatar: z.file() })
    const app = await serve(framework, {
      routes: [
        { path: '/typed', typed: ({ body }) => body(Avatar) },
        { path: '/plain', typed: ({ body }) => body(), handler: ({ files }) => files },
      ],
    })
    const typed = await exchange(app.port, { ...sent, path: '/typed' })
    expect(typed.json).toMatchObject({ status: 422, code: 'VALIDATION_FAILED' })
    expect(typed.body).not.toContain('/etc/passwd')
    expect((await exchange(app.port, { ...sent, path: '/plain' })).json).toEqual({})
  })

  describe.each([
    ['no mount', undefined],
    ['an eager mount', {}],
    ['a lazy mount', { lazy: true }],
  ])('below %s', (_above, mount) => {
    const serving = () =>
      serve(framework, {
        ...(mount !== undefined && { mount }),
        routes: [
          {
            path: '/',
            typed: ({ body }) =>
              body(z.object({ n: z.number() }), { parsers: [JSONParser, MultiPartParser] }),
          },
        ],
      })

    test.each([
      'application/json\t;a',
      'application/json ;a=b',
      '  application/json',
      '\tapplication/json',
      'APPLICATION/JSON',
      'Application/Json; charset=utf-8',
      'application/json;',
      'application/json; a="',
      'application/json,text/plain',
      'application/json garbage',
      'application/json\u00a0',
      'application /json',
      'application/json/x',
      'text/json',
      'application/jsonx',
      'application/x+json',
    ])(
      'Fastify CVE-2025-32442 and CVE-2026-33806: %j is read by the same parser and schema, or is a 415',
      async (type) => {
        const app = await serving()
        const good = await exchange(app.port, { type, body: '{"n":1}' })
        const bad = await exchange(app.port, { type, body: '{"n":"not a number"}' })
        const broken = await exchange(app.port, { type, body: '{"n":' })
        expect([
          [200, 422, 400],
          [415, 415, 415],
        ]).toContainEqual([good.status, bad.status, broken.status])
        expect(app.handled()).toBe(good.status === 200 ? 1 : 0)
        if (good.status === 200) expect(good.json.data).toEqual({ n: 1 })
      },
    )

    test('Fastify CVE-2025-32442: spellings that RFC 9110 allows are read', async () => {
      const app = await serving()
      for (const type of ['application/json\t;a', '  application/json', 'APPLICATION/JSON'])
        expect([type, (await exchange(app.port, { type, body: '{"n":"x"}' })).status]).toEqual([type, 422])
    })
  })
})
