import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import {
  BaseParser,
  createBodyParser,
  defaultLimits,
  disk,
  FileUploadParser,
  FormParser,
  JSONParser,
  memory,
  MultiPartParser,
  spool,
  type Storage,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { chunk, Connection, exchange, field, file, form, head, multipartX, type Sent } from './client.js'
import { frameworks, startForEach, type Description, type Handling } from './frameworks.js'

const json = 'application/json'
const aJson: Sent = { type: json, body: '{"a":1}' }
const badJson: Sent = { type: json, body: '{"a":' }
const anUpload: Sent = {
  type: multipartX,
  body: form('X', [file('f', 'f'), 'x'.repeat(100)], [field('a'), '1']),
}

/** Storages as users write them, which fail while they read. */
const failing = {
  'in a loop': (error: Error): Storage => ({
    async store(stream) {
      for await (const _ of stream) throw error
      return undefined
    },
  }),
  'in a pipeline': (error: Error): Storage => ({
    async store(stream) {
      await pipeline(stream, new Writable({ write: (_chunk, _encoding, done) => done(error) }))
      return undefined
    },
  }),
  'before it reads': (error: Error): Storage => ({
    async store() {
      throw error
    },
  }),
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'errors-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => readdir(directory)).toEqual([])
}

describe.each(frameworks)('$name', ({ name: framework, start }) => {
  const app = startForEach(start)

  const own = (code: string | undefined, status: number): object => ({ handler: 'own', code, status })

  describe('an error of the client', () => {
    const routes = [
      { path: '/' },
      { path: '/next', parsers: [JSONParser], options: { errors: 'next' as const } },
      { path: '/respond', parsers: [JSONParser], options: { errors: 'respond' as const } },
    ]

    test('is answered as problem+json and reaches no error handler', async () => {
      const { port, handled } = await app({ mount: {}, errorHandler: true, routes })
      const answer = await exchange(port, badJson)
      expect(answer.status).toBe(400)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.headers['content-length']).toBe(String(answer.bytes.length))
      expect(answer.json).toEqual({
        type: 'about:blank',
        title: 'Bad Request',
        status: 400,
        code: 'MALFORMED_JSON',
        detail: expect.stringContaining('JSON parse error - '),
        ...(answer.json.hint !== undefined && { hint: expect.any(String) }),
      })
      expect(handled()).toBe(0)
    })

    test.each([
      ['multipart({ errors: "next" })', { mount: { errors: 'next' as const } }, '/'],
      ['parsers(list, { errors: "next" })', {}, '/next'],
      [
        'parsers(list, { errors: "next" }) below multipart({ lazy: true })',
        { mount: { lazy: true } },
        '/next',
      ],
      [
        'a route below multipart({ errors: "next", lazy: true })',
        { mount: { errors: 'next' as const, lazy: true } },
        '/inherit',
      ],
    ])('with %s goes to the error handler of the app', async (_, description, path) => {
      const more = [...routes, { path: '/inherit', parsers: [JSONParser] }]
      const { port, handled } = await app({
        ...description,
        errorHandler: true,
        problems: false,
        routes: more,
      })
      const answer = await exchange(port, { ...badJson, path })
      expect([answer.status, answer.json]).toEqual([400, own('MALFORMED_JSON', 400)])
      expect((await exchange(port, { ...aJson, path })).status).toBe(200)
      expect(handled()).toBe(1)
    })

    test('with errors: "next" and no error handler of the app has the right status', async () => {
      const { port } = await app({ mount: { errors: 'next', limits: { textSize: 10 } }, routes })
      expect((await exchange(port, badJson)).status).toBe(400)
      const large = { ...aJson, body: `"${'x'.repeat(50)}"` }
      expect((await exchange(port, large)).status).toBe(413)
      expect((await exchange(port, { ...large, framing: 'chunked' })).status).toBe(413)
      expect((await exchange(port, aJson)).status).toBe(200)
    })

    test('on a route with errors: "respond" is answered there, also below a mount with errors: "next"', async () => {
      const mount = { errors: 'next' as const, lazy: true }
      const { port } = await app({ mount, errorHandler: true, routes })
      const answer = await exchange(port, { ...badJson, path: '/respond' })
      expect(answer.json).toMatchObject({ status: 400, code: 'MALFORMED_JSON' })
      expect(answer.headers['content-type']).toBe('application/problem+json')
    })

    test('is answered when parse() throws it in the handler', async () => {
      const handler = ({ parse }: Handling): unknown => parse()
      const { port } = await app({ mount: { lazy: true }, routes: [{ path: '/', handler }] })
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await exchange(port, { ...badJson, framing })
        expect([answer.status, answer.json.code]).toEqual([400, 'MALFORMED_JSON'])
      }
    })

    test('leaves data and files empty for a handler that catches it', async () => {
      const catching = async (handling: Handling): Promise<unknown> => {
        await handling.parse().catch(() => undefined)
        return { data: handling.data, files: handling.files }
      }
      const { port } = await app({ mount: { lazy: true }, routes: [{ path: '/', handler: catching }] })
      expect((await exchange(port, badJson)).json).toEqual({ data: {}, files: {} })
    })
  })

  describe.each(Object.entries(failing))('a storage that fails %s', (_, fails) => {
    const errors: readonly (readonly [string, number, Error])[] = [
      ['STORAGE_FAILED', 500, new Error('secret')],
      ['STORAGE_FULL', 507, Object.assign(new Error('secret'), { code: 'ENOSPC' })],
    ]
    const headers = { 'Content-Disposition': 'attachment; filename=a' }
    const parsers = [MultiPartParser, FileUploadParser]
    const uploads: readonly Sent[] = [
      anUpload,
      { ...anUpload, framing: 'chunked' },
      { type: 'image/png', body: 'PNG', headers },
    ]

    test.each(errors)('is a %s for the error handler of the app', async (code, status, error) => {
      const mount = { parsers, storage: fails(error) }
      const { port, handled } = await app({ mount, errorHandler: true, routes: [{ path: '/' }] })
      for (const upload of uploads) {
        const answer = await exchange(port, upload)
        expect([answer.status, answer.json]).toEqual([status, own(code, status)])
      }
      expect(handled()).toBe(0)
    })

    test.each(errors)(
      'is a %s without an error handler, and the answer hides the cause',
      async (_code, status, error) => {
        const { port } = await app({ mount: { parsers, storage: fails(error) }, routes: [{ path: '/' }] })
        for (const upload of uploads) {
          const answer = await exchange(port, upload)
          expect(answer.status).toBe(status)
          expect(answer.body).not.toContain('secret')
        }
      },
    )

    test('leaves none of the files that were stored before it', async () => {
      let count = 0
      const kept = disk({ directory })
      const storage: Storage = {
        store: (stream, info, signal) =>
          (count += 1) < 3
            ? kept.store(stream, info, signal)
            : fails(new Error('no')).store(stream, info, signal),
      }
      const { port } = await app({ mount: { storage }, errorHandler: true, routes: [{ path: '/' }] })
      const f = [file('f', 'f'), 'x'] as const
      const answer = await exchange(port, { type: multipartX, body: form('X', f, f, f, f) })
      expect(answer.json).toEqual(own('STORAGE_FAILED', 500))
      await expectNothingLeft()
    })
  })

  describe('a client that goes away', () => {
    const openPart = `--X\r\n${file('f', 'f')}\r\n\r\n`
    const large = 'x'.repeat(600_000)
    const whole = form('X', [file('f', 'f'), large])
    const phases: readonly (readonly [string, string, string, string])[] = [
      ['before the first byte of a chunked body', multipartX, 'chunked', ''],
      ['before the first byte of a body with a length', multipartX, 'length', ''],
      ['in the header of a part', multipartX, 'chunked', '--X\r\nContent-'],
      ['at the start of a file', multipartX, 'chunked', openPart],
      ['in a small file', multipartX, 'length', `${openPart}abc`],
      ['in a large file', multipartX, 'chunked', `${openPart}${large}`],
      ['between two files', multipartX, 'length', `${whole.slice(0, -4)}\r\n`],
      ['before the last chunk of a whole form', multipartX, 'chunked', whole],
      ['in a JSON body', json, 'chunked', '{"a":'],
      ['in a URL-encoded body', 'application/x-www-form-urlencoded', 'length', 'a=1'],
      ['in a raw file', 'image/png', 'chunked', large],
    ]
    const ways = ['destroy', 'reset', 'end'] as const

    test.each(phases)('%s leaves no file, and no handler runs', async (_, type, framing, bytes) => {
      const started = await app({
        mount: {
          storage: spool({ directory, threshold: 1000 }),
          parsers: [JSONParser, FormParser, MultiPartParser, FileUploadParser],
        },
        routes: [{ path: '/' }],
      })
      for (const way of ways) {
        const headers = {
          'Content-Disposition': 'attachment; filename=a',
          ...(framing === 'length' && { 'Content-Length': '1000000' }),
        }
        const connection = await Connection.open(started.port)
        connection.write(head({ type, headers, framing: framing === 'chunked' ? 'chunked' : 'none' }))
        if (bytes !== '') connection.write(framing === 'chunked' ? chunk(bytes) : bytes)
        if (bytes.length > 1000) await expect.poll(() => readdir(directory)).not.toEqual([])
        // The answer to a later request shows that the server has begun with this one.
        else expect((await exchange(started.port, aJson)).status).toBe(200)
        const runs = started.handled()
        connection[way]()
        if (way === 'end') await connection.closed()
        await expectNothingLeft()
        expect((await exchange(started.port, aJson)).status).toBe(200)
        expect(started.handled()).toBe(runs + 1)
        connection.destroy()
      }
    })

    test('while the handler waits for parse() leaves no file', async () => {
      const { port, handled } = await app({
        mount: { lazy: true, storage: disk({ directory }) },
        routes: [{ path: '/', handler: ({ parse }) => parse() }],
      })
      const connection = await Connection.open(port)
      connection.write(head({ type: multipartX, framing: 'chunked' })).write(chunk(`${openPart}abc`))
      await expect.poll(() => readdir(directory)).not.toEqual([])
      connection.reset()
      await expectNothingLeft()
      expect((await exchange(port, aJson)).json.data).toEqual({ a: 1 })
      expect(handled()).toBe(2)
    })

    test('while a storage is slow aborts the signal of that storage', async () => {
      let aborted = 0
      const storage: Storage = {
        store: (_stream, _info, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted += 1
              reject(signal.reason as Error)
            })
          }),
      }
      const { port, handled } = await app({ mount: { storage }, routes: [{ path: '/' }] })
      const connection = await Connection.open(port)
      connection.write(head({ type: multipartX, framing: 'chunked' })).write(chunk(`${openPart}abc`))
      expect((await exchange(port, aJson)).status).toBe(200)
      connection.destroy()
      await expect.poll(() => aborted).toBe(1)
      expect(handled()).toBe(1)
    })

    test('fails the parser with CLIENT_ABORTED, and no handler runs', async () => {
      for (const errors of ['next', 'respond'] as const) {
        const seen: unknown[] = []
        class Watch extends BaseParser {
          readonly mediaType = 'text/plain'
          async parse(stream: Readable): Promise<Buffer> {
            return buffer(stream).catch((error: unknown) => {
              seen.push((error as { code?: string }).code)
              throw error
            })
          }
        }
        const { port, handled } = await app({ mount: { errors, parsers: [Watch] }, routes: [{ path: '/' }] })
        const connection = await Connection.open(port)
        connection.write(head({ type: 'text/plain', framing: 'chunked' })).write(chunk('x'))
        expect((await exchange(port, {})).status).toBe(200)
        connection.destroy()
        await expect.poll(() => seen).toEqual(['CLIENT_ABORTED'])
        expect(handled()).toBe(1)
      }
    })
  })

  describe('a body that other middleware reads', () => {
    const reader = (
      keep: (request: IncomingMessage, bytes: Buffer) => void,
    ): NonNullable<Description['above']> => ({
      express: (above) =>
        above.use(async (req, _res, next) => {
          keep(req, await buffer(req))
          next()
        }),
      koa: (above) =>
        above.use(async (ctx, next) => {
          keep(ctx.req, await buffer(ctx.req))
          await next()
        }),
      fastify: (above) => {
        above.addHook('preParsing', async (request, _reply, payload) => {
          keep(request.raw, await buffer(payload))
          return payload
        })
      },
    })
    const routes = [
      { path: '/' },
      { path: '/parsers', parsers: [JSONParser, MultiPartParser] },
      { path: '/alone', handler: () => 'fine' },
    ]

    test.each([
      ['by multipart()', { mount: {} }, '/'],
      ['by parsers()', {}, '/parsers'],
    ])('cannot be read again %s: the answer is a 500', async (_, description, path) => {
      const { port, handled } = await app({
        ...description,
        above: reader(() => undefined),
        errorHandler: true,
        routes,
      })
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await exchange(port, { ...aJson, path, framing })
        expect([answer.status, answer.json]).toEqual([500, own('BODY_ALREADY_READ', 500)])
        const upload = await exchange(port, { ...anUpload, path, framing })
        expect([upload.status, upload.json]).toEqual([500, own('BODY_ALREADY_READ', 500)])
      }
      expect(handled()).toBe(0)
    })

    test('is no error if it is empty', async () => {
      const { port } = await app({ mount: {}, above: reader(() => undefined), routes })
      expect((await exchange(port, {})).json).toEqual({ data: {}, files: {} })
      expect((await exchange(port, { framing: 'none' })).json).toEqual({ data: {}, files: {} })
      expect((await exchange(port, { type: json })).json).toEqual({ data: {}, files: {} })
    })

    test('is taken from req.rawBody if the host has left it there', async () => {
      const above = reader((request, bytes) => Object.assign(request, { rawBody: bytes }))
      for (const [description, path] of [
        [{ mount: {} }, '/'],
        [{}, '/parsers'],
      ] as const) {
        const { port } = await app({ ...description, above, routes })
        for (const framing of ['length', 'chunked'] as const) {
          const answer = await exchange(port, { ...aJson, path, framing })
          expect(answer.json).toEqual({ data: { a: 1 }, files: {} })
          const upload = await exchange(port, { ...anUpload, path, framing })
          expect(upload.json).toMatchObject({ data: { a: '1' }, files: { f: [{ size: 100 }] } })
          expect((await exchange(port, { ...badJson, path, framing })).json.code).toBe('MALFORMED_JSON')
        }
      }
    })

    test('is a 400 if req.rawBody has another length than the client declared', async () => {
      const above = reader((request, bytes) => Object.assign(request, { rawBody: bytes.subarray(1) }))
      const { port } = await app({ mount: {}, above, routes })
      expect((await exchange(port, aJson)).json).toMatchObject({ status: 400, code: 'LENGTH_MISMATCH' })
    })

    test('is a 500 while it is still being read', async () => {
      const drain = (request: IncomingMessage): void => {
        request.on('readable', () => request.read())
      }
      const above: Description['above'] = {
        express: (above) => above.use((req, _res, next) => (drain(req), next())),
        koa: (above) => above.use((ctx, next) => (drain(ctx.req), next())),
        fastify: (above) => {
          above.addHook('onRequest', async (request) => drain(request.raw))
        },
      }
      const { port } = await app({ mount: {}, above, errorHandler: true, routes })
      const large = { ...aJson, body: `"${'x'.repeat(300_000)}"` }
      for (const framing of ['length', 'chunked'] as const) {
        expect((await exchange(port, { ...large, framing })).json).toEqual(own('BODY_ALREADY_READ', 500))
      }
    })
  })

  test('a request without a matching route is a 404 and stores nothing', async () => {
    const { port } = await app({
      routes: [{ path: '/', parsers: [MultiPartParser], options: { storage: disk({ directory }) } }],
    })
    expect((await exchange(port, { ...anUpload, path: '/nowhere' })).status).toBe(404)
    await expectNothingLeft()
  })

  test('nothing is stored if middleware above refuses the request', async () => {
    let asked = 0
    const storage: Storage = {
      store(stream, info, signal) {
        asked += 1
        return memory().store(stream, info, signal)
      },
    }
    const above: Description['above'] = {
      express: (above) =>
        above.use((req, res, next) => (req.path === '/alive' ? next() : void res.status(401).end())),
      koa: (above) => above.use((ctx, next) => (ctx.path === '/alive' ? next() : void ctx.throw(401))),
      fastify: (above) => {
        above.addHook('onRequest', async (request, reply) => {
          if (request.url !== '/alive') return reply.code(401).send()
        })
      },
    }
    const { port, handled } = await app({ mount: { storage }, above, routes: [{ path: '/' }] })
    for (const framing of ['length', 'chunked'] as const) {
      expect((await exchange(port, { ...anUpload, framing })).status).toBe(401)
    }
    expect([asked, handled()]).toEqual([0, 0])
  })

  test.each([
    ['a 413 with errors: "next"', { errors: 'next' as const, limits: { fileSize: 1000 } }],
    ['a 500', { storage: failing['in a loop'](new Error('no')) }],
  ])('a client that goes on sending after %s is cut off', async (_, mount) => {
    const { port, handled } = await app({ mount, errorHandler: true, routes: [{ path: '/' }] })
    const connection = await Connection.open(port)
    connection.write(head({ type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\n`))
    const piece = chunk('x'.repeat(64 * 1024))
    const sending = setInterval(() => connection.write(piece), 1)
    try {
      await connection.closed()
      expect(handled()).toBe(0)
    } finally {
      clearInterval(sending)
      connection.destroy()
    }
  })

  test('100 requests on one connection leave no listener behind', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    const { port } = await app({ mount: { storage: disk({ directory }) }, routes: [{ path: '/' }] })
    const connection = await Connection.open(port)
    for (let count = 0; count < 100; count += 1) {
      const sent = count % 5 === 4 ? badJson : count % 2 === 0 ? anUpload : aJson
      connection.write(head(sent)).write(sent.body!)
      expect((await connection.answer()).status).toBe(count % 5 === 4 ? 400 : 200)
    }
    connection.destroy()
    process.off('warning', note)
    expect(warnings).toEqual([])
    await expectNothingLeft()
  })

  test('pipelined requests are answered in their order', async () => {
    const { port } = await app({ mount: {}, routes: [{ path: '/' }] })
    const connection = await Connection.open(port)
    const bodies = ['{"a":1}', '{"a":', '{"a":2}', '[', '3']
    connection.write(bodies.map((body) => head({ type: json, body }) + body).join(''))
    const statuses = []
    for (const _ of bodies) statuses.push((await connection.answer()).status)
    expect(statuses).toEqual([200, 400, 200, 400, 200])
    connection.destroy()
  })

  test('the files of a handler that throws are removed', async () => {
    const handler = (): never => {
      throw new Error('a bug')
    }
    const { port } = await app({
      mount: { storage: disk({ directory }) },
      errorHandler: true,
      routes: [{ path: '/', handler }],
    })
    expect((await exchange(port, anUpload)).json).toEqual(own(undefined, 500))
    await expectNothingLeft()
  })

  if (framework === 'Express') {
    test('a body that express.json() has read is adopted by multipart(), and other bodies arrive', async () => {
      const { port } = await app({
        above: { express: (above) => above.use(express.json()) },
        mount: {},
        errorHandler: true,
        routes: [{ path: '/' }],
      })
      expect((await exchange(port, aJson)).json).toEqual({ data: { a: 1 }, files: {} })
      expect((await exchange(port, anUpload)).json.data.a).toBe('1')
      expect((await exchange(port, { type: json, framing: 'chunked' })).json).toEqual({ data: {}, files: {} })
    })
  }
})

describe('at definition', () => {
  class Unready extends BaseParser {
    readonly mediaType = 'text/plain'
    override parse = undefined as never
  }
  class Nameless extends BaseParser {
    readonly mediaType = 'csv'
    parse(): void {}
  }
  const invalidOptions: readonly (readonly [unknown, RegExp])[] = [
    [{ limit: { fileSize: 1 } }, /Unknown option `limit`\. The options are: .*limits/],
    [{ limits: { filesize: 1 } }, /Unknown limit `filesize`\. The limits are: .*fileSize/],
    [{ limits: { fileSize: '10mb' } }, /limits\.fileSize must be a whole number/],
    [{ limits: { fileSize: -1 } }, /limits\.fileSize must be/],
    [{ limits: { fileSize: 1.5 } }, /limits\.fileSize must be/],
    [{ limits: { fileSize: NaN } }, /limits\.fileSize must be/],
    [{ limits: { fileSize: null } }, /limits\.fileSize must be/],
    [{ limits: { fileSize: -Infinity } }, /limits\.fileSize must be/],
    [{ limits: { fileSize: true } }, /limits\.fileSize must be/],
    [{ limits: { toString: 1 } }, /Unknown limit `toString`/],
    [{ storage: {} }, /storage must be an object with a store\(\) method/],
    [{ storage: [memory(), undefined] }, /storage must be an object with a store\(\) method/],
    [{ errors: 'throw' }, /errors must be 'respond' or 'next', but is throw/],
  ]
  const notALimit = ['10mb', '', '10', -1, 1.5, NaN, -Infinity, 2 ** 53, null, true, 10n, [], {}]

  test.each(Object.keys(defaultLimits))(
    'limits.%s throws unless it is a whole number from 0 up or Infinity',
    (name) => {
      for (const value of notALimit) {
        const options = { limits: { [name]: value } } as object
        const message = `limits.${name} must be a whole number from 0 up, or Infinity, but is`
        for (const { multipart, parsers, form, body } of [onExpress, onKoa] as (typeof onExpress)[]) {
          expect(() => multipart(options)).toThrow(message)
          expect(() => parsers([JSONParser], options)).toThrow(message)
          expect(() => form(z.object({}), options)).toThrow(message)
          expect(() => body(z.object({}), options)).toThrow(message)
        }
        expect(() => onFastify.parsers([JSONParser], options)).toThrow(message)
        expect(() => onFastify.form(z.object({}), options)).toThrow(message)
        expect(() => onFastify.body(z.object({}), options)).toThrow(message)
        expect(() => createBodyParser(options)).toThrow(message)
      }
      const fine = { limits: { [name]: Infinity } }
      expect(() => onExpress.multipart({ limits: { [name]: 0 } })).not.toThrow()
      expect(() => onExpress.multipart(fine)).not.toThrow()
    },
  )

  const invalidMounts: readonly (readonly [unknown, RegExp])[] = [
    ...invalidOptions,
    [{ lazy: 'yes' }, /lazy must be true or false/],
    [{ parsers: JSONParser }, /parser list is an array/],
    [{ parsers: [Unready] }, /Unready: \.parse\(\) must be overridden\./],
    [{ parsers: [new Unready()] }, /Unready: \.parse\(\) must be overridden\./],
    [{ parsers: [Nameless] }, /Nameless: \.mediaType must be a media type/],
    [{ parsers: [{}] }, /\.parse\(\) must be overridden/],
    [{ parsers: [undefined] }, /\.parse\(\) must be overridden/],
    [{ parsers: ['json'] }, /\.parse\(\) must be overridden/],
  ]

  test.each(invalidMounts)('multipart(%j) throws', async (options, message) => {
    expect(() => onExpress.multipart(options as object)).toThrow(message)
    expect(() => onKoa.multipart(options as object)).toThrow(message)
    const app = (await import('fastify')).fastify()
    await expect(async () => app.register(onFastify.multipart, options as object)).rejects.toThrow(message)
    expect(() => onExpress.createBodyParser(options as object)).toThrow(message)
  })

  test.each([
    ...invalidOptions,
    [{ lazy: true }, /Unknown option `lazy`/],
    [{ parsers: [] }, /Unknown option `parsers`/],
  ] as const)('parsers([JSONParser], %j) throws', (options, message) => {
    for (const { parsers } of [onExpress, onKoa, onFastify]) {
      expect(() => parsers([JSONParser], options as object)).toThrow(message)
    }
  })

  test.each(invalidMounts.filter(([options]) => Object.hasOwn(options as object, 'parsers')))(
    'parsers() throws for the list in %j',
    (options, message) => {
      for (const { parsers } of [onExpress, onKoa, onFastify]) {
        expect(() => parsers((options as { parsers: [] }).parsers)).toThrow(message)
      }
    },
  )
})
