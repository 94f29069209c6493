/** What subscribers of `formgate:body` and `formgate:file` see, on every framework. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import {
  createBodyParser,
  disk,
  FileUploadParser,
  JSONParser,
  memory,
  MultiPartParser,
  type BodyEvent,
  type ErrorListener,
  type FileEvent,
  type Storage,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { Router } from '@koa/router'
import express from 'express'
import { fastify, type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { chunk, Connection, exchange, field, file, form, head, multipartX, type Sent } from './client.js'
import { codeCases, everyCodeApp } from './every-code.js'
import { frameworks, isExpress5, startForEach, type Handling, type TypedWords } from './frameworks.js'

const bodies = tracingChannel<unknown, BodyEvent>('formgate:body')

/** The names of the sub-channels, and the events in `asyncEnd`. */
let published: string[]
let ended: BodyEvent[]
let filed: FileEvent[]
const subscribers = Object.fromEntries(
  (['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const).map((name) => [
    name,
    (event: BodyEvent) => {
      published.push(name)
      if (name === 'asyncEnd') ended.push(event)
    },
  ]),
) as unknown as Parameters<typeof bodies.subscribe>[0]
const onFile = (event: unknown): void => void filed.push(event as FileEvent)

beforeEach(() => {
  published = []
  ended = []
  filed = []
  bodies.subscribe(subscribers)
  subscribe('formgate:file', onFile)
})
afterEach(() => {
  bodies.unsubscribe(subscribers)
  unsubscribe('formgate:file', onFile)
})

const json = 'application/json'
const aJson: Sent = { type: json, body: '{"a":1}' }
const aForm: Sent = {
  type: multipartX,
  body: form('X', [field('a'), '1'], [field('b'), '2'], [file('photo', 'p.png'), 'x'.repeat(1000)]),
}
const all = ['start', 'end', 'asyncStart', 'asyncEnd']
const withError = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']
const atOnce = ['start', 'error', 'asyncStart', 'asyncEnd', 'end']

describe.each(frameworks)('$name', ({ name, start }) => {
  const app = startForEach(start)
  const framework = name.toLowerCase()

  /** The codes of the events in `asyncEnd`. */
  const codes = (): unknown[] => ended.map(({ error }) => (error as { code?: string } | undefined)?.code)

  describe('every code', () => {
    test.each(codeCases)('$code is in one event, and told to onError once', async ({ code, sent }) => {
      const onError = vi.fn<ErrorListener>()
      for (const problems of [true, false]) {
        for (const errors of ['respond', 'next'] as const) {
          onError.mockClear()
          ended = []
          const mount = { ...everyCodeApp.mount, onError, errors }
          const { port } = await app({ ...everyCodeApp, mount, problems })
          // A client that does not go on sending gets the end of its answer after seconds.
          if (code.endsWith('_TIMEOUT')) {
            const connection = await Connection.open(port)
            connection.write(head(sent)).write(sent.body!)
            await expect.poll(codes).toContain(code)
            connection.destroy()
          } else {
            await exchange(port, sent)
          }
          const last = ended.at(-1)!
          expect([code, ...codes().filter((each) => each !== undefined)]).toEqual([code, code])
          expect(onError.mock.calls.map(([error]) => error)).toEqual([last.error])
          expect(last).toMatchObject({ framework, method: 'POST', route: sent.path ?? '/' })
          expect(last.outcome).toBe((last.error as { status: number }).status < 499 ? 'refused' : 'failed')
        }
      }
    })

    test('CLIENT_ABORTED is in one event, and told to onError once', async () => {
      const onError = vi.fn<ErrorListener>()
      const { port } = await app({ mount: { onError }, routes: [{ path: '/' }] })
      const connection = await Connection.open(port)
      connection.write(head({ type: multipartX, framing: 'chunked' }))
      connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\nabc`))
      await expect.poll(() => exchange(port, aJson).then(({ status }) => status)).toBe(200)
      connection.destroy()
      await expect.poll(codes).toEqual([undefined, 'CLIENT_ABORTED'])
      expect(ended.at(-1)).toMatchObject({ outcome: 'aborted', parser: 'MultiPartParser' })
      expect(ended.at(-1)!.bytes).toBeGreaterThan(50)
      expect(onError).toHaveBeenCalledTimes(1)
    })
  })

  describe('a body', () => {
    const schema = z.object({ a: z.coerce.number(), b: z.string(), photo: z.file() })
    const big: Sent = {
      type: multipartX,
      body: form('X', [field('a'), '1'], [field('b'), '2'], [file('photo', 'p.png'), 'x'.repeat(400_000)]),
    }
    /** A multipart() above the routes is run before a route is chosen. */
    const above = framework === 'fastify' ? '/' : undefined
    const ways = {
      'multipart()': { route: above, description: { mount: {}, routes: [{ path: '/' }] } },
      'parsers()': { route: '/', description: { routes: [{ path: '/', parsers: [MultiPartParser] }] } },
      'form(schema)': {
        route: '/',
        description: { routes: [{ path: '/', typed: ({ form }: TypedWords) => form(schema) }] },
      },
      'form(schema) below multipart()': {
        route: above,
        description: { mount: {}, routes: [{ path: '/', typed: ({ form }: TypedWords) => form(schema) }] },
      },
      'req.parse()': {
        route: '/',
        description: {
          mount: { lazy: true },
          routes: [{ path: '/', handler: ({ parse }: Handling) => parse().then(() => 'fine') }],
        },
      },
      'req.parts()': {
        route: '/',
        description: {
          mount: { lazy: true },
          routes: [
            {
              path: '/',
              async handler({ parts }: Handling) {
                for await (const part of parts()) if (part.kind === 'file') await buffer(part.stream)
                return 'fine'
              },
            },
          ],
        },
      },
    }

    test.each(Object.entries(ways))('that %s reads is one event', async (_, { route, description }) => {
      const { port } = await app(description)
      for (const sent of [aForm, big]) {
        for (const framing of ['length', 'chunked'] as const) {
          published = []
          ended = []
          expect((await exchange(port, { ...sent, framing })).status).toBe(200)
          expect(published).toEqual(all)
          expect(JSON.parse(JSON.stringify(ended))).toEqual([
            {
              framework,
              method: 'POST',
              ...(route !== undefined && { route }),
              mediaType: 'multipart/form-data',
              parser: 'MultiPartParser',
              bytes: Buffer.byteLength(sent.body as string),
              fields: 2,
              files: 1,
              ms: expect.any(Number),
              outcome: 'parsed',
            },
          ])
          expect(ended[0]!.request.method).toBe('POST')
        }
      }
    })

    test('of JSON has bytes and no count of fields, in one chunk or two', async () => {
      const { port } = await app({ mount: {}, routes: [{ path: '/' }] })
      for (const framing of ['length', 'chunked'] as const) await exchange(port, { ...aJson, framing })
      const event = { mediaType: json, parser: 'JSONParser', bytes: 7, fields: undefined, files: 0 }
      expect(ended).toMatchObject([event, event])
    })

    test('that is not there is no event, and one without a byte has no parser', async () => {
      const { port } = await app({ mount: {}, routes: [{ path: '/' }, { path: '/get', method: 'GET' }] })
      await exchange(port, { method: 'GET', path: '/get' })
      await exchange(port, { type: json })
      expect(ended).toEqual([])
      await exchange(port, { type: json, body: '', framing: 'chunked' })
      expect(ended).toMatchObject([{ parser: 'JSONParser', bytes: 0, outcome: 'parsed' }])
    })

    test('that no parser of multipart() reads, and that the handler leaves alone, is no event', async () => {
      const { port } = await app({ mount: {}, routes: [{ path: '/', handler: () => 'fine' }] })
      expect((await exchange(port, { type: 'text/csv', body: 'a,b' })).status).toBe(200)
      expect(published).toEqual([])
    })

    test('that the schema of its route refuses is one event, or one more below an eager multipart()', async () => {
      const routes = [{ path: '/', typed: ({ form }: TypedWords) => form(z.object({ a: z.literal('no') })) }]
      const { port } = await app({ routes })
      await exchange(port, aForm)
      expect(published).toEqual(withError)
      const refused = { outcome: 'refused', error: { code: 'VALIDATION_FAILED' }, route: '/' }
      expect(ended).toMatchObject([{ ...refused, bytes: Buffer.byteLength(aForm.body as string) }])
      published = []
      const eager = await app({ mount: {}, routes })
      await exchange(eager.port, aForm)
      expect(published).toEqual([...all, ...atOnce])
      expect(ended.slice(1)).toMatchObject([{ outcome: 'parsed' }, { ...refused, bytes: 0 }])
    })

    test('whose parts are not all read is one event', async () => {
      const { port } = await app({
        mount: { lazy: true },
        routes: [{ path: '/', handler: async ({ parts }) => (await parts().return?.(undefined), 'fine') }],
      })
      await exchange(port, aForm)
      expect(ended).toEqual([])
      const leaving = await app({
        mount: { lazy: true },
        routes: [
          {
            path: '/',
            async handler({ parts }) {
              for await (const part of parts()) return part.kind
              return undefined
            },
          },
        ],
      })
      await exchange(leaving.port, aForm)
      expect(published).toEqual(all)
      expect(ended).toMatchObject([{ outcome: 'parsed', fields: 1, files: undefined }])
    })

    test.skipIf(framework === 'fastify')('that another parser has read has no bytes', async () => {
      const read = async (req: IncomingMessage): Promise<unknown> =>
        JSON.parse((await buffer(req)).toString() || '{}')
      const { port } = await app({
        mount: {},
        above: {
          express: (it) =>
            it.use(async (req, _res, next) => {
              req.body = await read(req)
              next()
            }),
          koa: (it) =>
            it.use(async (ctx, next) => {
              Object.assign(ctx.request, { body: await read(ctx.req) })
              await next()
            }),
        },
        routes: [{ path: '/' }],
      })
      expect((await exchange(port, aJson)).json.data).toEqual({ a: 1 })
      expect(ended).toMatchObject([{ parser: 'JSONParser', bytes: 0, outcome: 'parsed' }])
    })

    test('says nothing that a client has sent but names and types, which are bounded', async () => {
      const secret = 'x5cret'
      const { port } = await app({
        mount: {},
        routes: [{ path: '/', typed: ({ form }) => form(z.object({ a: z.number(), photo: z.file() })) }],
      })
      for (const body of [
        form('X', [field('a'), secret], [file('photo', `${secret}.png`), secret.repeat(20)]),
        form('X', [field('a'), '1'], [file('photo', `a/\0${secret}`), secret]),
        `--X\r\n${secret}`,
      ])
        await exchange(port, { type: `${multipartX}; note=${secret}`, body })
      await exchange(port, { type: json, body: `{"${secret}": ${secret}` })
      await exchange(port, { type: `text/${'y'.repeat(900)}`, body: secret })
      expect(ended.map(({ outcome }) => outcome)).toContain('refused')
      expect(filed.length).toBeGreaterThan(0)
      const text = JSON.stringify([ended, filed])
      expect(text).not.toContain(secret)
      expect(text).not.toContain('y'.repeat(256))
    })

    test('is read in the stores that are bound to its start, and handled outside', async () => {
      const store = new AsyncLocalStorage<BodyEvent>()
      bodies.start.bindStore(store, (event) => event)
      try {
        const seen: unknown[] = []
        const storage: Storage = {
          store: async (stream) => {
            seen.push(store.getStore())
            stream.resume()
            await once(stream, 'end')
            seen.push(store.getStore())
            return undefined
          },
        }
        const { port } = await app({
          routes: [{ path: '/', parsers: [MultiPartParser], options: { storage } }, { path: '/handler' }],
        })
        for (const framing of ['length', 'chunked'] as const) await exchange(port, { ...big, framing })
        expect(seen).toEqual([ended[0], ended[0], ended[1], ended[1]])
      } finally {
        bodies.start.unbindStore(store)
      }
    })

    test('is read although a subscriber throws, whose error is an uncaught exception', async () => {
      const caught: unknown[] = []
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', (error) => caught.push(error))
      const broken = (): never => {
        throw new Error('a bug of the subscriber')
      }
      const channels = ['start', 'end', 'asyncEnd'].map((each) => `tracing:formgate:body:${each}`)
      channels.push('formgate:file')
      for (const each of channels) subscribe(each, broken)
      try {
        const { port } = await app({ mount: {}, routes: [{ path: '/' }] })
        expect((await exchange(port, aForm)).json.data).toMatchObject({ a: '1', b: '2' })
        await expect.poll(() => caught.length).toBe(5)
      } finally {
        for (const each of channels) unsubscribe(each, broken)
        await setImmediate()
        process.removeAllListeners('uncaughtException')
        for (const each of others) process.on('uncaughtException', each)
      }
    })
  })

  describe('a file', () => {
    const sizes = { small: 1000, large: 600_000 }
    const upload = (size: number): Sent => ({
      type: multipartX,
      body: form('X', [file('photo', 'p.png', 'image/png'), 'x'.repeat(size)]),
    })
    const about = { field: 'photo', type: 'image/png' }
    const ms = expect.any(Number)
    /** The JSON of the events. */
    const logged = (): unknown => JSON.parse(JSON.stringify(filed))

    test.each(Object.entries(sizes))('that is %s is stored and removed', async (_, bytes) => {
      const raw: Sent = {
        type: 'image/png',
        body: 'x'.repeat(bytes),
        headers: { 'Content-Disposition': 'attachment; filename=p.png' },
      }
      for (const storage of [undefined, memory(), disk({ directory: tmpdir() })]) {
        const { port } = await app({
          mount: { parsers: [MultiPartParser, FileUploadParser], ...(storage && { storage }) },
          routes: [{ path: '/' }],
        })
        for (const [sent, at] of [
          [upload(bytes), 'photo'],
          [raw, 'file'],
        ] as const) {
          filed = []
          expect((await exchange(port, sent)).status).toBe(200)
          const event = { ...about, field: at, bytes, ms, storage: storage?.name ?? 'spool' }
          await expect.poll(logged).toEqual([
            { ...event, outcome: 'stored' },
            { ...event, outcome: 'removed' },
          ])
        }
      }
    })

    test.each(Object.entries(sizes))(
      'that is %s is skipped if the filter leaves it out',
      async (_, bytes) => {
        for (const filter of [() => false, async () => false]) {
          const { port } = await app({ mount: { filter }, routes: [{ path: '/' }] })
          await exchange(port, upload(bytes))
        }
        expect(logged()).toEqual([1, 2].map(() => ({ ...about, bytes, outcome: 'skipped' })))
      },
    )

    test.each(Object.entries(sizes))('that is %s is skipped or refused by the schema', async (_, bytes) => {
      const schemas = [
        [z.object({}), 'skipped'],
        [z.strictObject({}), 'refused'],
        [z.object({ photo: z.file().mime(['image/gif']) }), 'refused'],
      ] as const
      for (const [schema, outcome] of schemas) {
        filed = []
        const { port } = await app({ routes: [{ path: '/', typed: ({ form }) => form(schema) }] })
        expect((await exchange(port, upload(bytes))).status).toBe(outcome === 'skipped' ? 200 : 422)
        expect(logged()).toEqual([{ ...about, bytes, outcome }])
      }
    })

    test.each(Object.entries(sizes))('that is %s and over a limit is refused', async (_, bytes) => {
      const { port } = await app({ mount: { limits: { fileSize: bytes - 1 } }, routes: [{ path: '/' }] })
      expect((await exchange(port, upload(bytes))).status).toBe(413)
      const error = { code: 'LIMIT_FILE_SIZE', status: 413, limit: bytes - 1, field: 'photo' }
      expect(logged()).toMatchObject([{ ...about, outcome: 'refused', error }])
    })

    test.each(Object.entries(sizes))('that is %s is refused by a storage that is full', async (_, bytes) => {
      const full = (): never => {
        throw Object.assign(new Error('no'), { code: 'ENOSPC' })
      }
      const storage: Storage = { store: async () => full(), storeBytes: full }
      const { port } = await app({ mount: { storage }, errorHandler: true, routes: [{ path: '/' }] })
      expect((await exchange(port, upload(bytes))).status).toBe(507)
      const error = { code: 'STORAGE_FULL', status: 507, field: 'photo' }
      expect(logged()).toMatchObject([{ ...about, outcome: 'refused', error }])
    })

    test('is removed if a later part fails', async () => {
      const { port } = await app({ mount: { limits: { files: 1 } }, routes: [{ path: '/' }] })
      const part = [file('photo', 'p.png'), 'x'.repeat(1000)] as const
      await exchange(port, { type: multipartX, body: form('X', part, part) })
      await expect.poll(() => filed.map(({ outcome }) => outcome)).toEqual(['stored', 'removed'])
    })

    test('is removed once by a handler, and not if it is kept', async () => {
      const { port } = await app({
        mount: {},
        routes: [
          { path: '/', handler: ({ files }) => files['photo']![0]!.remove() },
          { path: '/kept', handler: ({ files }) => files['photo']![0]!.keep() },
        ],
      })
      await exchange(port, upload(10))
      await exchange(port, { ...upload(10), path: '/kept' })
      await exchange(port, aJson)
      expect(filed.map(({ outcome }) => outcome)).toEqual(['stored', 'removed', 'stored'])
    })

    test('that cannot be removed is left over, each time', async () => {
      const kept = memory()
      const storage: Storage = {
        name: 'sticky',
        async store(...args) {
          const stored = (await kept.store(...args))!
          const remove = async (): Promise<never> => {
            throw Object.assign(new Error('read-only'), { code: 'EROFS' })
          }
          return { size: stored.size, createReadStream: () => stored.createReadStream(), remove }
        },
      }
      const { port } = await app({ mount: { storage }, routes: [{ path: '/' }] })
      const error = { name: 'Error', code: 'EROFS' }
      const event = { ...about, bytes: 10, ms, storage: 'sticky' }
      const both = [
        { ...event, outcome: 'stored' },
        { ...event, outcome: 'left over', error },
      ]
      for (const expected of [both, [...both, ...both]]) {
        await exchange(port, upload(10))
        await expect.poll(logged).toEqual(expected)
      }
    })
  })
})

describe('the route', () => {
  const routes = (): unknown => ended.map(({ route }) => route)
  const sent = { ...aJson, headers: { Connection: 'close' } }

  async function ask(server: Server, ...paths: readonly string[]): Promise<void> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      for (const path of paths) expect((await exchange(port, { ...sent, path })).status).toBe(200)
    } finally {
      server.close()
    }
  }

  test('of Express has the patterns of the routers around it, and no part of the URL', async () => {
    const reads = onExpress.parsers([JSONParser])
    const answer: express.RequestHandler = (_req, res) => void res.end()
    const inner = express.Router().post('/photos/:id', reads, answer).post('/', reads, answer)
    const twice = express.Router().post('/x', reads, answer)
    const sub = express().post('/y', reads, answer)
    const app = express()
      .use('/tenants/:tenant', inner)
      .use('/v1', twice)
      .use('/v2', express.Router().use('/deep', twice))
      .use('/sub', sub)
      .post(/^\/re/, reads, answer)
    await ask(
      createServer(app),
      '/tenants/42/photos/7',
      '/tenants/43/',
      '/v1/x',
      '/v2/deep/x',
      '/sub/y',
      '/re',
    )
    expect(routes()).toEqual([
      '/tenants/:tenant/photos/:id',
      '/tenants/:tenant',
      '/v1/x',
      '/v2/deep/x',
      '/sub/y',
      String.raw`/^\/re/`,
    ])
  })

  test.runIf(isExpress5)('of Express has the one path of a mount with several', async () => {
    const inner = express.Router().post('/x', onExpress.parsers([JSONParser]), (_req, res) => void res.end())
    const app = express().use(['/v1', '/v2'], inner)
    await ask(createServer(app), '/v2/x', '/v1/x')
    expect(routes()).toEqual(['/v2/x', '/v1/x'])
  })

  test('of Koa is the one that @koa/router has matched', async () => {
    const inner = new Router().post('/photos/:id', onKoa.parsers([JSONParser]), (ctx) => void (ctx.body = ''))
    const router = new Router().use('/tenants/:tenant', inner.routes() as never)
    await ask(
      createServer(new Koa().use(router.routes()).callback() as RequestListener),
      '/tenants/42/photos/7',
    )
    expect(routes()).toEqual(['/tenants/:tenant/photos/:id'])
  })

  test('of Fastify has its prefix', async () => {
    const app = fastify()
    const scope = async (inner: FastifyInstance): Promise<void> => {
      inner.post('/photos/:id', onFastify.parsers([JSONParser]), async () => 'fine')
    }
    await app.register(scope, { prefix: '/tenants/:tenant' })
    await app.inject({ method: 'POST', url: '/tenants/42/photos/7', payload: { a: 1 } })
    expect(routes()).toEqual(['/tenants/:tenant/photos/:id'])
  })

  test('of createBodyParser() is unknown', async () => {
    const read = createBodyParser()
    const server = createServer((req, res) => {
      read(req, res).then(
        () => res.end(),
        (error: unknown) => res.writeHead((error as { status: number }).status).end(),
      )
    })
    await ask(server, '/')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await exchange((server.address() as AddressInfo).port, { ...sent, body: '{' })
    server.close()
    const event = { framework: 'node', method: 'POST', route: undefined, mediaType: json, files: 0, bytes: 7 }
    expect(ended).toMatchObject([
      { ...event, outcome: 'parsed' },
      { ...event, files: undefined, bytes: 1, outcome: 'refused', error: { code: 'MALFORMED_JSON' } },
    ])
  })
})
