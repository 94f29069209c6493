/** The option `rawBody`, which keeps the bytes of a body for the signatures of webhooks. */
import { createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { gzipSync } from 'node:zlib'
import {
  bytes,
  FormParser,
  JSONParser,
  MultiPartParser,
  PlainTextParser,
  type MountOptions,
  type RouteOptions,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Sent } from '../adapters/client.js'
import { frameworks, type Description } from '../adapters/frameworks.js'
import { deliveries } from './delivery.js'
import { listen, portOf, whenDone } from './server.js'

const [[, deliver]] = deliveries as [(typeof deliveries)[0]]

const secret = 'secret'
const sign = (body: string | Buffer | undefined): string =>
  body === undefined ? 'no bytes' : createHmac('sha256', secret).update(body).digest('hex')

// No parser and serializer would give these bytes back.
const json: Sent = { type: 'application/json', body: '{ "b" : 1.0,\r\n"a":"\\u00e9 ü" }' }
const form: Sent = { type: 'application/x-www-form-urlencoded', body: 'b=%7e~&a=x+%20y&&' }
const text: Sent = { type: 'text/plain', body: '\uFEFFa\r\nü' }
const multipart: Sent = {
  type: 'multipart/form-data; boundary=X',
  body: '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n',
}

const parsers = [JSONParser, FormParser, PlainTextParser, MultiPartParser]
type Answering = { rawBody?: Buffer | string }

/** One app for each framework, which signs what it finds where users look. */
const places: Readonly<Record<string, (mount: MountOptions) => Promise<number>>> = {
  'Express, req': (mount) => {
    const app = express()
    app.use(onExpress.multipart(mount))
    app.post('/', (req, res) => void res.json(sign(req.rawBody)))
    return listen(app)
  },
  'Koa, ctx.request': async (mount) => {
    const app = new Koa().use(onKoa.multipart(mount))
    app.use((ctx) => (ctx.body = JSON.stringify(sign((ctx.request as unknown as Answering).rawBody))))
    return listen(app.callback())
  },
  'Koa, ctx.req': async (mount) => {
    const app = new Koa().use(onKoa.multipart(mount))
    app.use((ctx) => (ctx.body = JSON.stringify(sign((ctx.req as Answering).rawBody))))
    return listen(app.callback())
  },
  'Fastify, request': (mount) => fastifyApp(mount, (request) => request.rawBody),
  'Fastify, request.raw': (mount) => fastifyApp(mount, ({ raw }) => (raw as Answering).rawBody),
}

async function fastifyApp(
  mount: MountOptions,
  find: (request: { raw: IncomingMessage; rawBody?: string | Buffer }) => string | Buffer | undefined,
): Promise<number> {
  const app = fastify()
  whenDone(() => app.close())
  await app.register(onFastify.multipart, mount)
  app.post('/', async (request) => JSON.stringify(sign(find(request))))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return portOf(app.server)
}

describe.each(Object.entries(places))('%s', (_, start) => {
  test.each(deliveries)('has the bytes of a JSON body, a form or a text that comes %s', async (_, send) => {
    const port = await start({ rawBody: true, parsers })
    for (const sent of [json, form, text]) {
      const answer = await send(port, sent)
      expect([answer.status, answer.json]).toEqual([200, sign(sent.body as string)])
    }
  })

  test('has the bytes of a compressed body after decompression', async () => {
    const port = await start({ rawBody: true, parsers })
    const body = gzipSync(json.body as string)
    const answer = await deliver(port, { ...json, headers: { 'Content-Encoding': 'gzip' }, body })
    expect([answer.status, answer.json]).toEqual([200, sign(json.body as string)])
  })

  test('has no bytes of a multipart form, and none without the option', async () => {
    const kept = await deliver(await start({ rawBody: true, parsers }), multipart)
    expect([kept.status, kept.json]).toEqual([200, 'no bytes'])
    const without = await deliver(await start({ parsers }), json)
    expect([without.status, without.json]).toEqual([200, 'no bytes'])
  })

  test('has an empty Buffer for an empty body', async () => {
    const answer = await deliver(await start({ rawBody: true, parsers }), { ...json, body: '' })
    expect([answer.status, answer.json]).toEqual([200, sign('')])
  })
})

const keeps: RouteOptions = { rawBody: true }
const answerRaw = ({ data, request }: { data: unknown; request: IncomingMessage }): unknown => ({
  data,
  signature: sign((request as Answering).rawBody),
})

describe.each(frameworks)('on a route of $name', ({ start }) => {
  const port = async (description: Description): Promise<number> => {
    const app = await start({ errorHandler: true, ...description })
    whenDone(() => app.close())
    return app.port
  }
  const list = [...parsers]

  test.each([
    ['without a multipart()', {}],
    ['below a lazy multipart()', { mount: { lazy: true } }],
    ['below an eager multipart() that keeps them too', { mount: { rawBody: true } }],
  ])('the bytes are kept %s', async (_, description) => {
    const app = await port({
      ...description,
      routes: [
        { path: '/', parsers: list, options: keeps, handler: answerRaw },
        { path: '/form', typed: ({ form }) => form(z.object({ a: z.string() }), keeps), handler: answerRaw },
      ],
    })
    const read = await deliver(app, json)
    expect(read.json).toEqual({ data: { b: 1, a: 'é ü' }, signature: sign(json.body as string) })
    const typed = await deliver(app, { ...form, path: '/form' })
    expect(typed.json).toEqual({ data: { a: 'x  y' }, signature: sign(form.body as string) })
  })

  test('they cannot be kept below an eager multipart(), which is a 500', async () => {
    const app = await port({ mount: {}, routes: [{ path: '/', parsers: list, options: keeps }] })
    const answer = await deliver(app, json)
    expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
  })

  test('a route may leave them out below a multipart() that keeps them', async () => {
    const app = await port({
      mount: { lazy: true, rawBody: true },
      routes: [{ path: '/', parsers: list, options: { rawBody: false }, handler: answerRaw }],
    })
    expect((await deliver(app, json)).json.signature).toBe('no bytes')
  })

  test('a body over the limit is a 413, and broken JSON a 400', async () => {
    const app = await port({
      routes: [{ path: '/', parsers: list, options: { ...keeps, limits: { textSize: 10 } } }],
    })
    for (const [, send] of deliveries) {
      const large = await send(app, json)
      expect([large.status, large.json.code]).toEqual([413, 'LIMIT_BODY_SIZE'])
      const broken = await send(app, { ...json, body: '{"a":' })
      expect([broken.status, broken.json.code]).toEqual([400, 'MALFORMED_JSON'])
    }
  })
})

test('the bytes of a body that express.json() has read are a 500, unless verify has kept them', async () => {
  const start = (above: express.RequestHandler): Promise<number> => {
    const app = express().set('env', 'test')
    app.use(above, onExpress.multipart({ rawBody: true }), onExpress.problems())
    app.post('/', (req, res) => void res.json({ data: req.data, signature: sign(req.rawBody) }))
    return listen(app)
  }
  expect((await deliver(await start(express.json()), json)).status).toBe(500)
  const verify = (req: object, _res: unknown, rawBody: Buffer): void => void Object.assign(req, { rawBody })
  const kept = await deliver(await start(express.json({ verify })), json)
  expect(kept.json).toEqual({ data: { b: 1, a: 'é ü' }, signature: sign(json.body as string) })
})

test('rawBody is true or false, and has no place beside bytes()', () => {
  expect(() => onExpress.multipart({ rawBody: 'yes' as never })).toThrow('rawBody must be true or false')
  expect(() => onExpress.body(bytes(), { rawBody: true })).toThrow('`rawBody` has no effect on bytes()')
})
