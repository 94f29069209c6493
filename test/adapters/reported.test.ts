/** `onError` is told of every error once, and Formgate's own 4xx are answered alike on every framework. */
import {
  BodyError,
  JSONParser,
  type ErrorListener,
  type MountOptions,
  type RouteOptions,
  type Storage,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express, { type Request } from 'express'
import type { FastifyRequest } from 'fastify'
import type Koa from 'koa'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { chunk, Connection, exchange, file, head, multipartX, type Sent } from './client.js'
import { frameworks, startForEach, type Description, type Handling } from './frameworks.js'

const json = 'application/json'
const aJson: Sent = { type: json, body: '{"a":1}' }
const badJson: Sent = { type: json, body: '{"a":' }
const csv: Sent = { type: 'text/csv', body: 'a,b' }
const broken: Storage = {
  store: async () => {
    throw new Error('the disk is broken')
  },
}
const truncated: Sent = { type: multipartX, body: `--X\r\n${file('f', 'f')}\r\n\r\nabc` }

describe.each(frameworks)('$name', ({ name, start }) => {
  const app = startForEach(start)

  const ways: Record<string, Sent & { mount: MountOptions; handler: (handling: Handling) => unknown }> = {
    'req.data': { ...csv, mount: {}, handler: ({ data }) => data },
    'req.files': { ...csv, mount: {}, handler: ({ files }) => files },
    'req.parse()': { ...badJson, mount: { lazy: true }, handler: ({ parse }) => parse() },
    'the loop over req.parts()': {
      ...truncated,
      mount: { lazy: true },
      handler: async ({ parts }) => {
        for await (const part of parts()) if (part.kind === 'file') await buffer(part.stream)
      },
    },
    'the handler itself': {
      ...aJson,
      mount: {},
      handler: () => {
        throw new BodyError('FILE_REFUSED', { detail: 'This photo is not wanted.' })
      },
    },
  }

  describe.each(Object.entries(ways))('a 4xx that %s throws', (way, { mount, handler, ...sent }) => {
    const routes = [{ path: '/', handler }]

    test('is answered by Formgate, whatever error handler the app has', async () => {
      const onError = vi.fn<ErrorListener>()
      const own = vi.fn()
      const description = { mount: { ...mount, onError }, routes, errorHandler: true, onError: own }
      const { port } = await app(description)
      for (const framing of ['length', 'chunked'] as const) {
        onError.mockClear()
        const answer = await exchange(port, { ...sent, framing })
        expect(answer.headers['content-type']).toBe('application/problem+json')
        expect(answer.json).toMatchObject({ status: answer.status, type: 'about:blank' })
        expect(onError.mock.calls.map(([error]) => (error as BodyError).code)).toEqual([answer.json.code])
      }
      expect(own).not.toHaveBeenCalled()
    })

    test('goes to the error handler of the app with errors: "next"', async () => {
      const onError = vi.fn<ErrorListener>()
      const { port } = await app({
        mount: { ...mount, errors: 'next', onError },
        routes,
        errorHandler: true,
        problems: false,
      })
      const answer = await exchange(port, sent)
      expect(answer.json).toMatchObject({ handler: 'own', status: answer.status })
      // On Express nothing brings an error of the handler's own to multipart(); problems() would.
      const isSeen = name !== 'Express' || way !== 'the handler itself'
      expect(onError).toHaveBeenCalledTimes(isSeen ? 1 : 0)
    })
  })

  test('an error of a handler that is none of Formgate goes to the error handler of the app alone', async () => {
    const onError = vi.fn<ErrorListener>()
    for (const thrown of [new Error('a bug'), Object.assign(new Error('no'), { status: 403 })]) {
      const handler = (): never => {
        throw thrown
      }
      const { port } = await app({ mount: { onError }, routes: [{ path: '/', handler }], errorHandler: true })
      expect((await exchange(port, aJson)).json.handler).toBe('own')
    }
    expect(onError).not.toHaveBeenCalled()
  })

  describe('onError', () => {
    const schema = z.object({ a: z.number() })
    const throwing = z.object({ a: z.number().refine(() => { throw new Error('a bug of the schema') }) }) // prettier-ignore

    const setups: readonly (readonly [
      what: string,
      place: (options: RouteOptions) => Description,
      sent: Sent,
      error: object,
    ])[] = [
      ['a 400 of multipart()', (mount) => ({ mount }), badJson, { code: 'MALFORMED_JSON' }],
      [
        'a 400 of parsers()',
        (options) => ({ routes: [{ path: '/', parsers: [JSONParser], options }] }),
        badJson,
        { code: 'MALFORMED_JSON' },
      ],
      [
        'a 415 of parsers()',
        (options) => ({ routes: [{ path: '/', parsers: [JSONParser], options }] }),
        csv,
        { code: 'UNSUPPORTED_MEDIA_TYPE' },
      ],
      [
        'a 415 of a route below an eager multipart()',
        (options) => ({ mount: {}, routes: [{ path: '/', typed: ({ form }) => form(schema, options) }] }),
        aJson,
        { code: 'UNSUPPORTED_MEDIA_TYPE' },
      ],
      [
        'a 422 of body() below multipart()',
        (mount) => ({ mount, routes: [{ path: '/', typed: ({ body }) => body(schema) }] }),
        { type: json, body: '{"a":"x"}' },
        { code: 'VALIDATION_FAILED' },
      ],
      [
        'a 500, an option that came too late',
        (mount) => ({ mount, routes: [{ path: '/', parsers: [JSONParser], options: { limits: {} } }] }),
        aJson,
        { code: 'BODY_ALREADY_READ' },
      ],
      [
        'an error of a schema that throws',
        (options) => ({ routes: [{ path: '/', typed: ({ body }) => body(throwing, options) }] }),
        aJson,
        { message: 'a bug of the schema' },
      ],
      [
        'an error of a storage',
        (mount) => ({ mount: { ...mount, storage: broken } }),
        { ...truncated, body: `${truncated.body as string}${'x'.repeat(300_000)}\r\n--X--\r\n` },
        { code: 'STORAGE_FAILED' },
      ],
    ]

    test.each(setups)('is told of %s once, answered or passed on', async (_what, place, sent, error) => {
      for (const errors of ['respond', 'next'] as const) {
        const onError = vi.fn<ErrorListener>()
        const { routes = [{ path: '/' }], ...rest } = place({ onError, errors })
        const { port } = await app({ ...rest, routes, errorHandler: true })
        const { status } = await exchange(port, { ...sent, headers: { 'X-Id': '7' } })
        expect(status).toBeGreaterThanOrEqual(400)
        expect(onError.mock.calls).toEqual([[expect.objectContaining(error), expect.anything()]])
        expect(onError.mock.calls[0]![1].headers['x-id']).toBe('7')
      }
    })

    test('of a route replaces that of the mount', async () => {
      const [ofMount, ofRoute] = [vi.fn<ErrorListener>(), vi.fn<ErrorListener>()]
      const { port } = await app({
        mount: { lazy: true, onError: ofMount },
        routes: [{ path: '/', parsers: [JSONParser], options: { onError: ofRoute } }],
      })
      await exchange(port, badJson)
      expect([ofMount.mock.calls.length, ofRoute.mock.calls.length]).toEqual([0, 1])
    })

    test('is told of a client that goes away', async () => {
      const onError = vi.fn<ErrorListener>()
      const { port, handled } = await app({ mount: { onError }, routes: [{ path: '/' }] })
      const connection = await Connection.open(port)
      connection.write(head({ type: multipartX, framing: 'chunked' }))
      connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\nabc`))
      await expect.poll(() => exchange(port, aJson).then(({ status }) => status)).toBe(200)
      connection.destroy()
      await expect
        .poll(() => onError.mock.calls.map(([error]) => error))
        .toEqual([expect.objectContaining({ code: 'CLIENT_ABORTED' })])
      expect(handled()).toBe(1)
    })

    test.each([
      [
        'throws',
        () => {
          throw new Error('the log is down')
        },
      ],
      [
        'rejects',
        async () => {
          throw new Error('the log is down')
        },
      ],
      [
        'throws a text',
        () => {
          // oxlint-disable-next-line typescript/only-throw-error -- JavaScript allows it.
          throw 'the log is down'
        },
      ],
    ] as const)('that %s leaves the answer as it is, with a process warning', async (_how, onError) => {
      // prettier-ignore
      const warnings: (Error & { code?: string })[] = []
      const note = (warning: Error): void => void warnings.push(warning)
      process.on('warning', note)
      const { port } = await app({ mount: { onError }, routes: [{ path: '/' }] })
      expect((await exchange(port, badJson)).json).toMatchObject({ status: 400, code: 'MALFORMED_JSON' })
      await expect.poll(() => warnings.map(({ code }) => code)).toContain('FORMGATE_ON_ERROR')
      process.off('warning', note)
    })

    test('must be a function', async () => {
      const options = { onError: true } as object
      expect(() => onExpress.multipart(options)).toThrow('onError must be a function.')
      expect(() => onKoa.form(schema, options)).toThrow('onError must be a function.')
      expect(() => onFastify.parsers([JSONParser], options)).toThrow('onError must be a function.')
    })
  })
})

describe('problems()', () => {
  const servers: { close: () => unknown }[] = []
  afterEach(() => servers.splice(0).forEach((server) => server.close()))

  async function listen(app: express.Express): Promise<number> {
    const server = createServer(app)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  test.each([
    ['a small body', badJson],
    ['a body that is still arriving', { type: json, body: `"${'x'.repeat(300_000)}"` }],
    ['the same in chunks', { type: json, body: `"${'x'.repeat(300_000)}"`, framing: 'chunked' as const }],
  ])('answers below a handler that logs, with errors: "next": %s', async (_, sent) => {
    const logged: unknown[] = []
    const app = express()
    app.get('/alive', (_req, res) => void res.send('alive'))
    app.use(onExpress.multipart({ errors: 'next', limits: { textSize: 10 } }))
    const log: express.ErrorRequestHandler = (error: BodyError, _req, _res, next) => {
      logged.push(error.code)
      next(error)
    }
    app.use(log, onExpress.problems())
    const answer = await exchange(await listen(app), sent)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(logged).toEqual([answer.json.code])
    expect(answer.status).toBe(answer.json.status)
  })

  test('passes on a 5xx, whose cause is for the log of the app', async () => {
    const app = express()
    app.get('/alive', (_req, res) => void res.send('alive'))
    app.set('env', 'test')
    app.use(onExpress.multipart({ lazy: true }))
    app.post('/', (req, res) => {
      res.json(req.data)
    })
    const own: express.ErrorRequestHandler = (error: BodyError, _req, res, _next) => {
      res.status(error.status).json({ own: error.code })
    }
    app.use(onExpress.problems(), own)
    const answer = await exchange(await listen(app), aJson)
    expect([answer.status, answer.json]).toEqual([500, { own: 'BODY_NOT_PARSED' }])
  })
})

test('onError and limits get the request of the framework', () => {
  // The compiler checks that each may use what only its own request has.
  const define = (): void => {
    onExpress.multipart({
      onError: (_error, req: Request) => void req.route,
      limits: (req) => ({ files: req.ips.length }),
    })
    onExpress.form(z.object({}), { onError: (_error, req) => void req.originalUrl })
    onKoa.multipart({
      onError: (_error, request: Koa.Request) => void request.ctx,
      limits: ({ ctx }) => ({ files: ctx.status }),
    })
    onKoa.body(z.object({}), { limits: (request) => ({ files: request.charset.length }) })
    onFastify.parsers([JSONParser], { onError: (_error, request: FastifyRequest) => request.log.warn('x') })
    onFastify.form(z.object({}), { limits: (request) => ({ files: request.id.length }) })
  }
  expect(define).not.toThrow()
})
