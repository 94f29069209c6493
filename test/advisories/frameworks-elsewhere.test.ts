/** Advisories of body-parser, hono, Django, Rack, Tomcat and Go. */
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  disk,
  FormParser,
  JSONParser,
  memory,
  MultiPartParser,
  type Limits,
  type Storage,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  chunk,
  Connection,
  exchange,
  field,
  file,
  form,
  head,
  multipartX,
  type Sent,
} from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import { looking } from '../adapters/looking.js'
import { expectAlive, expectBounded, expectEmpty, flood, newDirectory, serve } from './server.js'

const MiB = 1024 * 1024
const urlencoded = 'application/x-www-form-urlencoded'
const multipart = (body: string): Sent => ({ type: multipartX, body })

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that this process holds after a garbage collection. */
function held(): number {
  // Another thread frees the memory of buffers; the second call waits for it.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe.each([
  ['Express', onExpress, (limits: Partial<Limits>) => onExpress.multipart({ limits })],
  ['Koa', onKoa, (limits: Partial<Limits>) => onKoa.multipart({ limits })],
  ['Fastify', onFastify, (limits: Partial<Limits>) => fastify().register(onFastify.multipart, { limits })],
] as const)('%s', (_name, framework, mount) => {
  const { body, form, parsers } = framework as typeof onExpress
  const schema = z.object({})
  const wrong: readonly unknown[] = [
    '10mb',
    '100',
    'Infinity',
    '',
    -1,
    -Infinity,
    1.5,
    NaN,
    2 ** 53,
    null,
    true,
    {},
    [],
    10n,
    new Date(),
    () => 1,
  ]

  test.each(wrong.map((value) => [value] as const))(
    'body-parser CVE-2026-12590: an invalid limit value throws at definition: %o',
    async (value) => {
      for (const name of ['bodySize', 'textSize', 'fileSize', 'fields', 'idle'] as const) {
        const limits = { [name]: value } as Partial<Limits>
        const message = `limits.${name} must be a whole number from 0 up, or Infinity`
        expect(() => parsers([JSONParser], { limits })).toThrow(message)
        expect(() => form(schema, { limits })).toThrow(message)
        expect(() => body(schema, { limits })).toThrow(message)
        await expect(async () => mount(limits)).rejects.toThrow(message)
      }
    },
  )

  test.each(['limit', 'fileSzie', 'maxFileSize', 'filesize', '__proto__x', 'toString'])(
    'body-parser CVE-2026-12590: an unknown limit throws at definition: %s',
    async (name) => {
      const limits = { [name]: 5 } as Partial<Limits>
      const message = `Unknown limit \`${name}\`.`
      expect(() => parsers([JSONParser], { limits })).toThrow(message)
      expect(() => form(schema, { limits })).toThrow(message)
      await expect(async () => mount(limits)).rejects.toThrow(message)
    },
  )
})

describe.each(frameworks)('$name', (framework) => {
  const all = { fieldNameSize: MiB, textSize: 2 * MiB, fields: 1e6, parts: 1e6, nesting: 1e6 }

  test.each([
    ['one name of 500 KB', `a${'[b]'.repeat(170_000)}=1`, `a${'b'.repeat(510_000)}=1`],
    ['brackets that never close', `a${'['.repeat(500_000)}=1`, `a${'b'.repeat(500_000)}=1`],
    [
      '2,000 names of 60 levels',
      Array.from({ length: 2000 }, (_, at) => `a${'[b]'.repeat(60)}[${at}]=1`).join('&'),
      Array.from({ length: 2000 }, (_, at) => `a${'b'.repeat(180)}-${at}-=1`).join('&'),
    ],
  ])(
    'body-parser CVE-2024-45590: nested keys, %s, cost about as much as flat ones and do not overflow the stack',
    async (_, hostile, ordinary) => {
      const app = await serve(framework, {
        routes: [
          { path: '/plain', parsers: [FormParser], options: { limits: all }, handler: () => 'read' },
          {
            path: '/nested',
            parsers: [FormParser],
            options: { limits: all, nested: true },
            handler: () => 'read',
          },
          {
            path: '/typed',
            typed: ({ form }) =>
              form(z.object({ a: z.json().optional() }), { limits: { ...all, nesting: 8 } }),
            handler: () => 'read',
          },
        ],
      })
      for (const path of ['/plain', '/nested', '/typed']) {
        const { hostile: answer } = await expectBounded(
          app,
          { type: urlencoded, path, body: hostile },
          { type: urlencoded, path, body: ordinary },
        )
        expect(answer.status).toBeLessThan(500)
        if (path === '/plain') expect(answer.status).toBe(200)
      }
    },
  )

  test('body-parser CVE-2024-45590: JSON nested 100,000 levels deep is a 413 and does not overflow the stack', async () => {
    const app = await serve(framework, { mount: {}, routes: [{ path: '/' }] })
    const answer = await exchange(app.port, {
      type: 'application/json',
      body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    })
    expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_NESTING', limit: 64 })
  })

  test.each([
    ['fields', field('a'), 1000, 'LIMIT_PARTS', 0],
    ['files', file('f', 'f'), 100, 'LIMIT_FILES', 100],
  ])(
    'Django CVE-2023-24580: too many parts, %s, open no file each and cost about as much as the allowed number',
    async (_, header, allowed, code, files) => {
      const directory = await newDirectory()
      const onDisk = disk({ directory })
      let opened = 0
      const storage: Storage = {
        store(...file) {
          opened += 1
          return onDisk.store(...file)
        },
      }
      const app = await serve(framework, { mount: { storage }, routes: [{ path: '/' }] })
      const hostile = form('X', ...Array.from({ length: 5000 }, () => [header, 'x'] as const))
      const most = Array.from({ length: allowed - 1 }, () => [header, 'x'] as const)
      const rest = 'x'.repeat(hostile.length - form('X', ...most, [header, '']).length)
      const ordinary = form('X', ...most, [header, rest])
      const answers = await expectBounded(app, multipart(hostile), multipart(ordinary))
      expect(answers.ordinary.status).toBe(200)
      expect(answers.hostile.json).toMatchObject({ status: 413, code, limit: allowed })

      opened = 0
      await exchange(app.port, multipart(hostile))
      expect(opened).toBe(files)
      await expectEmpty(directory)
    },
  )

  test.each([
    ['multipart()', { mount: { limits: { textSize: 100, bodySize: 100 } }, routes: [{ path: '/' }] }],
    [
      'parsers() of the route',
      {
        routes: [
          {
            path: '/',
            parsers: [JSONParser, MultiPartParser],
            options: { limits: { textSize: 100, bodySize: 100 } },
          },
        ],
      },
    ],
    [
      'body() with a schema',
      {
        routes: [
          {
            path: '/',
            typed: ({ body }: { body: typeof onExpress.body }) =>
              body(z.any(), { limits: { textSize: 100, bodySize: 100 } }),
          },
        ],
      },
    ],
  ] as const)(
    'hono CVE-2026-44456: a chunked body over the limit is a 413 below %s, even if the handler reads nothing',
    async (_, description) => {
      const routes = description.routes.map((route) => ({ ...route, handler: () => 'not read' }))
      const app = await serve(framework, { ...description, routes } as Parameters<typeof serve>[1])
      for (const [type, text] of [
        ['application/json', JSON.stringify('x'.repeat(99))],
        [multipartX, form('X', [field('a'), 'x'.repeat(99)])],
      ] as const) {
        for (const cut of ['whole', 'byte by byte'] as const) {
          const answer = await exchange(app.port, { type, body: text, framing: 'chunked' }, cut)
          expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 100 })
        }
      }
      // In two chunks with a pause, as in the advisory.
      const connection = await Connection.open(app.port)
      connection.write(head({ type: 'application/json', framing: 'chunked' })).write(chunk('"'))
      await delay(50)
      connection.write(chunk('x'.repeat(100)))
      expect((await connection.answer()).status).toBe(413)
      connection.destroy()
      expect(app.handled()).toBe(0)
    },
  )

  describe.each([
    ['JSON', 'application/json', `"${'x'.repeat(5000)}"`],
    ['a URL-encoded form', urlencoded, `a=${'x'.repeat(5000)}`],
    ['a multipart form', multipartX, form('X', [file('f', 'f'), 'x'.repeat(5000)])],
  ])('%s', (_kind, type, text) => {
    const start = async (limits: Partial<Limits>) => {
      const directory = await newDirectory()
      const mount = { limits, storage: disk({ directory }) }
      return { directory, app: await serve(framework, { mount, routes: [{ path: '/' }] }) }
    }
    const small = { textSize: 1000, bodySize: 1000 }
    const sized = (length: string): string =>
      head({ type, framing: 'none', headers: { 'Content-Length': length } })

    test('Django CVE-2026-33034 and Rack CVE-2026-34829: the limit holds without a declared length', async () => {
      const { app, directory } = await start(small)
      const { json } = await exchange(app.port, { type, body: text, framing: 'chunked' })
      expect(json).toMatchObject({ status: 413, limit: 1000 })
      expect(app.handled()).toBe(0)
      await expectEmpty(directory)
    })

    test('Django CVE-2026-33034: only the declared length of a longer body is read', async () => {
      const { app, directory } = await start(small)
      const connection = await Connection.open(app.port)
      connection.write(sized('20')).write(text.slice(0, 20))
      const answer = await connection.answer()
      // Twenty bytes of a URL-encoded form are a form.
      if (type === urlencoded) expect(answer.json.data).toEqual({ a: 'x'.repeat(18) })
      else expect(answer.status).toBe(400)
      // The rest is neither part of the body nor a request.
      connection.write(text.slice(20))
      expect((await connection.answer()).status).toBe(400)
      await connection.closed()
      await expectEmpty(directory)
    })

    test('Django CVE-2026-33034: a declared length over the limit is a 413 before the body arrives', async () => {
      const { app } = await start(small)
      const connection = await Connection.open(app.port)
      connection.write(sized('5000'))
      expect((await connection.answer()).json).toMatchObject({ status: 413, limit: 1000 })
      connection.destroy()
    })

    test('Django CVE-2026-33034: a body shorter than its declared length is a 408 after the idle time', async () => {
      const { app, directory } = await start({ idle: 100 })
      const connection = await Connection.open(app.port)
      connection.write(sized(String(text.length + 10))).write(text)
      const answer = await connection.answer()
      // The end of a form is known before the end of the body.
      expect(answer.json).toMatchObject({ status: 408, code: 'IDLE_TIMEOUT', limit: 100 })
      connection.destroy()
      expect(app.handled()).toBe(0)
      await expectEmpty(directory)
    })

    test.each(['-1', '1e9', '0x10', '99999999999999999999', '5, 6', ' '])(
      'Rack CVE-2026-34829: the invalid Content-Length %j is refused, and nothing is read',
      async (length) => {
        const { app } = await start({})
        const connection = await Connection.open(app.port)
        connection.write(sized(length)).write(text)
        const { status } = await connection.answer()
        expect([400, 413]).toContain(status)
        connection.destroy()
        expect(app.handled()).toBe(0)
      },
    )
  })

  test('Tomcat CVE-2025-48976: the names of parts do not keep their long headers in memory', async () => {
    let socket: Socket | undefined
    const above = looking((request) => (socket = request.socket))
    const app = await serve(framework, { mount: {}, above, routes: [{ path: '/' }] })
    const part = (at: number): string =>
      `--X\r\n${field(`name-of-field-${at}`)}\r\nX-Pad: ${'p'.repeat(16_000)}\r\n\r\nv\r\n`
    const body = Array.from({ length: 900 }, (_, at) => part(at)).join('')
    const connection = await Connection.open(app.port)
    const before = held()
    connection.write(
      head({ ...multipart(''), framing: 'none', headers: { 'Content-Length': `${body.length + 9}` } }),
    )
    connection.write(body)
    await expect.poll(() => socket?.bytesRead).toBeGreaterThan(body.length)
    await expect.poll(() => (held() - before) / MiB).toBeLessThan(3)
    connection.write('--X--\r\n\r\n')
    expect(Object.keys((await connection.answer()).json.data)).toHaveLength(900)
    connection.destroy()
  })

  test.each([
    ['Rack CVE-2025-61770: a preamble', '', 'x'.repeat(1000), 'NOT_MULTIPART'],
    ['Rack CVE-2025-61770: a preamble of lines', '', '\r\n--Y\r\n', 'BOUNDARY_MISMATCH'],
    ['Rack CVE-2025-61771: a field', `--X\r\n${field('a')}\r\n\r\n`, 'x'.repeat(1000), 'LIMIT_FIELD_SIZE'],
    ['Rack CVE-2025-61771: fields', `--X\r\n`, `${field('a')}\r\n\r\nx\r\n--X\r\n`, 'LIMIT_PARTS'],
    [
      'Rack CVE-2025-61772: a header that never ends',
      '--X\r\n',
      `X-A: ${'x'.repeat(1000)}\r\n`,
      'LIMIT_HEADER_SIZE',
    ],
    [
      'Rack CVE-2025-61772: a header line that never ends',
      `--X\r\n${field('a')}; x="`,
      'x'.repeat(1000),
      'LIMIT_HEADER_SIZE',
    ],
    [
      'Tomcat CVE-2025-48976: headers of parts',
      '--X\r\n',
      `${field('a')}\r\nX-A: ${'x'.repeat(16_000)}\r\n\r\n\r\n--X\r\n`,
      'LIMIT_PARTS',
    ],
    ['Go CVE-2022-41725: files', '--X\r\n', `${file('f', 'f')}\r\n\r\nx\r\n--X\r\n`, 'LIMIT_FILES'],
  ])(
    '%s without an end is answered while it arrives, and none of it is kept',
    async (_, start, unit, code) => {
      const directory = await newDirectory()
      const mount = { storage: disk({ directory }) }
      const app = await serve(framework, { mount, routes: [{ path: '/' }] })
      const before = held()
      const { answer, sent } = await flood(app, { type: multipartX }, start, unit)
      expect([400, 413]).toContain(answer.status)
      expect(answer.json.code).toBe(code)
      expect(sent / MiB).toBeLessThan(24)
      // The unsent bytes of the client are in this process too.
      await expect.poll(() => (held() - before) / MiB).toBeLessThan(4)
      expect(app.handled()).toBe(0)
      await expectEmpty(directory)
    },
  )

  test.each([
    ['fields', field('a'), 500],
    ['inputs in which no file was chosen', file('f', ''), 500],
    ['files', file('f', 'f'), 100],
  ])(
    'Tomcat CVE-2025-48976 and Go CVE-2022-41725: headers of 16 KB are not kept with the parts: %s',
    async (_, header, count) => {
      let during = 0
      const app = await serve(framework, {
        mount: { storage: memory() },
        routes: [
          {
            path: '/',
            handler: ({ data }) => {
              during = held()
              return Object.keys(data as object).length
            },
          },
        ],
      })
      const part = `--X\r\n${header}\r\nX-A: ${'x'.repeat(16_000)}\r\n\r\n\r\n`
      const body = Buffer.from(`${part.repeat(count)}--X--\r\n`)
      const send = async (): Promise<void> => {
        const connection = await Connection.open(app.port)
        // Not a copy, which would count.
        connection.write(head({ type: multipartX, body })).write(body)
        expect((await connection.answer()).status).toBe(200)
        connection.destroy()
      }
      await send()
      const before = held()
      await send()
      // 8 MB of headers arrived; an UploadedFile keeps those of its part.
      expect((during - before) / MiB).toBeLessThan(count === 100 ? 4 : 2)
    },
  )

  test.each([
    ['spaces', ' '],
    ['line ends', '\r\n'],
    ['line ends after each letter', 'A\r\n'],
  ])(
    'Django CVE-2026-33033: base64 parts full of %s cost about as much as others and are not decoded',
    async (_, unit) => {
      const app = await serve(framework, {
        mount: { storage: memory(), limits: { fieldSize: 5 * MiB } },
        routes: [
          {
            path: '/',
            handler: ({ data, files }) => [(data as { a: string }).a.length, files['f']?.[0]?.size],
          },
        ],
      })
      const size = 1.5 * MiB
      const encoded = (text: string): string =>
        form(
          'X',
          [`${field('a')}\r\nContent-Transfer-Encoding: base64`, text],
          [`${file('f', 'f')}\r\nContent-Transfer-Encoding: base64`, text],
        )
      const { hostile: answer } = await expectBounded(
        app,
        multipart(encoded(unit.repeat(size / unit.length))),
        multipart(encoded('QUJD'.repeat(size / 4))),
      )
      // Content-Transfer-Encoding is deprecated (RFC 7578, 4.7) and ignored.
      expect(answer.json).toEqual([size, size])
      await expectAlive(app)
    },
  )
})
