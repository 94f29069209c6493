/** Parsers of other packages above Formgate, as in an app that moves over route by route: what they have read is adopted. */
import { createHmac } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { fastify } from 'fastify'
import rawBodyPlugin from 'fastify-raw-body'
import Koa, { type Context, type Middleware } from 'koa'
import oldBodyParser from 'koa-bodyparser'
import { describe, expect, test } from 'vitest'
import { isExpress5 } from '../adapters/frameworks.js'
import { z } from 'zod'
import type { Sent } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { bodyParser, koaBody } from './koa-parsers.js'
import { listen, portOf, whenDone } from './server.js'

type Delivery = (typeof deliveries)[number]
const [[, deliver], , , [, deliverInChunks]] = deliveries as readonly [Delivery, Delivery, Delivery, Delivery]

const Order = z.object({ id: z.number(), tags: z.array(z.string()), to: z.object({ city: z.string() }) })

/** A body that each kind of parser reads, its URL-encoded form with the names that qs puts into objects. */
const order = { id: 7, tags: ['a', 'b'], to: { city: 'Bern' } }
const json: Sent = { type: 'application/json', body: JSON.stringify(order) }
const urlencoded: Sent = {
  type: 'application/x-www-form-urlencoded',
  body: 'id=7&tags=a&tags=b&to[city]=Bern',
}
const multipart: Sent = {
  type: 'multipart/form-data; boundary=X',
  body: '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n',
}

const answerError: ErrorRequestHandler = (error: Partial<onExpress.BodyError>, _req, res, _next) => {
  res.status(error.status ?? 500).json({ code: error.code, message: error.message, hint: error.hint })
}

function expressApp(above: readonly RequestHandler[], mount: onExpress.MountOptions = {}): Promise<number> {
  const app = express()
  app.use(...above, onExpress.multipart(mount))
  app.post('/', (req, res) => {
    res.json({ data: req.data, body: req.body as unknown, isOne: req.data === req.body })
  })
  app.post('/typed', onExpress.body(Order), (req, res) => void res.json(req.data))
  app.post('/form', onExpress.form(Order), (req, res) => void res.json(req.data))
  app.use(answerError)
  return listen(app)
}

function koaApp(above: readonly Middleware[], mount: onKoa.MountOptions = {}): Promise<number> {
  const app = new Koa()
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      const { status, code, message } = error as Partial<onKoa.BodyError>
      ctx.status = status ?? 500
      ctx.body = { code, message }
    }
  })
  for (const each of above) app.use(each)
  app.use(onKoa.multipart(mount))
  const data = (ctx: Context): unknown => ctx.request.data
  const typed = { '/typed': onKoa.body(Order), '/form': onKoa.form(Order) } as Record<string, Middleware>
  app.use(async (ctx, next) => {
    const answer = async (): Promise<void> => {
      const { body } = ctx.request as { body?: unknown }
      ctx.body = ctx.path === '/' ? { data: data(ctx), body, isOne: data(ctx) === body } : data(ctx)
    }
    const route = typed[ctx.path]
    await (route === undefined ? answer() : route(ctx, answer))
    void next
  })
  return listen(app.callback())
}

/** What runs Express's parsers on Fastify, such as @fastify/express, leaves their result on the request of Node. */
async function fastifyApp(parser: RequestHandler): Promise<number> {
  const app = fastify()
  whenDone(() => app.close())
  app.addHook('onRequest', (request, reply, done) => {
    parser(request.raw as never, reply.raw as never, done)
  })
  await app.register(onFastify.multipart)
  app.post('/', async ({ data, body }) => ({ data, body, isOne: data === body }))
  app.post('/typed', onFastify.body(Order), async ({ data }) => data)
  app.post('/form', onFastify.form(Order), async ({ data }) => data)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return portOf(app.server)
}

const parsers: readonly (readonly [above: string, start: () => Promise<number>, nests: boolean])[] = [
  [
    'express.json() and urlencoded()',
    () => expressApp([express.json(), express.urlencoded({ extended: false })]),
    false,
  ],
  [
    'urlencoded({ extended: true }) and json()',
    () => expressApp([express.urlencoded({ extended: true }), express.json()]),
    true,
  ],
  ['koa-bodyparser', () => koaApp([oldBodyParser()]), true],
  ['@koa/bodyparser', () => koaApp([bodyParser()]), true],
  ['koa-body', () => koaApp([koaBody()]), true],
  [
    'an Express parser on Fastify',
    () =>
      fastifyApp((req, res, next) =>
        express.json()(req, res, () => express.urlencoded({ extended: false })(req, res, next)),
      ),
    false,
  ],
]

describe.each(parsers)('%s above multipart()', (_, start, nests) => {
  const form = nests
    ? { id: '7', tags: ['a', 'b'], to: { city: 'Bern' } }
    : { id: '7', tags: ['a', 'b'], 'to[city]': 'Bern' }

  for (const [kind, sent, data] of [
    ['JSON', json, order],
    ['a URL-encoded form', urlencoded, form],
    ['a multipart form', multipart, { a: '1' }],
  ] as const) {
    test.each(deliveries)(`${kind} that comes %s is data and body`, async (_, send) => {
      const answer = await send(await start(), sent)
      expect([answer.status, answer.json]).toEqual([200, { data, body: data, isOne: true }])
    })
  }

  test.each(deliveries)('a route with a schema validates what comes %s', async (_, send) => {
    const port = await start()
    for (const [sent, path] of [
      [json, '/typed'],
      [urlencoded, '/typed'],
      [urlencoded, '/form'],
    ] as const) {
      const answer = await send(port, { ...sent, path })
      expect([answer.status, answer.json]).toEqual([200, order])
    }
    const refused = await send(port, { ...json, path: '/typed', body: '{"id":7}' })
    expect([refused.status, refused.json.code]).toEqual([422, 'VALIDATION_FAILED'])
    const media = await send(port, { ...json, path: '/form' })
    expect([media.status, media.json.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
  })

  test('a request without a body has empty data', async () => {
    const answer = await deliver(await start(), { type: 'application/json', body: '' })
    expect([answer.status, answer.json.data]).toEqual([200, {}])
  })
})

describe('a value that express.json() has read', () => {
  const start = (mount?: onExpress.MountOptions): Promise<number> =>
    expressApp([express.json({ strict: false, limit: '10mb' })], mount)

  test.each([
    ['a list', '[1,2]', [1, 2]],
    ['null', 'null', null],
    ['false', 'false', false],
    ['an empty object', '{}', {}],
  ])('is data if it is %s', async (_, body, data) => {
    const answer = await deliver(await start(), { ...json, body })
    expect([answer.status, answer.json.data]).toEqual([200, data])
  })

  test.each([
    ['a key called __proto__', '{"__proto__":{"admin":true}}', 400, 'MALFORMED_JSON'],
    ['a number out of range', '{"a":1e999}', 400, 'MALFORMED_JSON'],
    ['nested too deeply', '['.repeat(5000) + ']'.repeat(5000), 413, 'LIMIT_NESTING'],
  ])('is refused with %s, as if Formgate had read it', async (_, body, status, code) => {
    const answer = await deliver(await start(), { ...json, body })
    expect([answer.status, answer.json.code]).toEqual([status, code])
  })

  test('is a 500 if it is a text, which may also be the body itself', async () => {
    const answer = await deliver(await start(), { ...json, body: '"a"' })
    expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
  })

  test('is not taken over by a parser that overrides parse', async () => {
    class Revived extends onExpress.JSONParser {
      override async parse(): Promise<unknown> {
        return 'revived'
      }
    }
    const answer = await deliver(await start({ parsers: [Revived] }), json)
    expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
  })

  test('is taken over by a parser that defines adopt', async () => {
    class Revived extends onExpress.JSONParser {
      override async parse(): Promise<unknown> {
        return 'revived'
      }
      override adopt(value: unknown): unknown {
        return { revived: value }
      }
    }
    const answer = await deliver(await start({ parsers: [Revived] }), json)
    expect([answer.status, answer.json.data]).toEqual([200, { revived: order }])
  })
})

test('a URL-encoded form that another parser has read keeps within the limits of fields', async () => {
  const app = (limits: Partial<onExpress.Limits>): Promise<number> =>
    expressApp([express.urlencoded({ extended: true })], { limits })
  for (const [limits, code] of [
    [{ fields: 3 }, 'LIMIT_FIELDS'],
    [{ fieldNameSize: 7 }, 'LIMIT_FIELD_NAME'],
    [{ fieldSize: 3 }, 'LIMIT_FIELD_SIZE'],
  ] as const) {
    const answer = await deliver(await app(limits), urlencoded)
    expect([answer.status, answer.json.code]).toEqual([413, code])
  }
  const exact = await deliver(await app({ fields: 4, fieldNameSize: 8, fieldSize: 4 }), urlencoded)
  expect(exact.status).toBe(200)
})

test('express.raw() above leaves the bytes in req.body, which are parsed', async () => {
  const port = await expressApp([express.raw({ type: '*/*' })])
  for (const [sent, data] of [
    [json, order],
    [multipart, { a: '1' }],
  ] as const) {
    const answer = await deliver(port, sent)
    expect([answer.status, answer.json]).toEqual([200, { data, body: data, isOne: true }])
  }
})

test('express.text() above leaves a text that may be a value, which is a 500 whose hint names the ways out', async () => {
  const answer = await deliver(await expressApp([express.text({ type: '*/*' })]), json)
  expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
  expect(answer.json.hint).toMatch(/^Place Formgate above .* req\.rawBody/)
})

describe('rawBody of a body that was read above', () => {
  const text = '{"name":"Zoë"}'
  const latin = Buffer.from(text, 'latin1')
  const encodings = {
    'no encoding': (bytes: Buffer) => ({ bytes, headers: {} }),
    gzip: (bytes: Buffer) => ({ bytes: gzipSync(bytes), headers: { 'Content-Encoding': 'gzip' } }),
    deflate: (bytes: Buffer) => ({ bytes: deflateSync(bytes), headers: { 'Content-Encoding': 'deflate' } }),
    br: (bytes: Buffer) => ({ bytes: brotliCompressSync(bytes), headers: { 'Content-Encoding': 'br' } }),
  }
  type Encoding = keyof typeof encodings

  const places: Readonly<
    Record<string, (keep: (request: object, bytes: Buffer) => void) => Promise<number>>
  > = {
    'Express: req': (keep) =>
      expressApp([
        async (req, _res, next) => {
          keep(req, await buffer(req))
          next()
        },
      ]),
    'Koa: ctx.req': (keep) =>
      koaApp([
        async (ctx, next) => {
          keep(ctx.req, await buffer(ctx.req))
          await next()
        },
      ]),
    'Koa: ctx.request': (keep) =>
      koaApp([
        async (ctx, next) => {
          keep(ctx.request, await buffer(ctx.req))
          await next()
        },
      ]),
    'Fastify: request': (keep) => fastifyKeeping((request) => request, keep),
    'Fastify: request.raw': (keep) => fastifyKeeping((request) => request.raw, keep),
  }

  async function fastifyKeeping(
    place: (request: onFastify.ParsingRoute extends never ? never : { raw: object }) => object,
    keep: (request: object, bytes: Buffer) => void,
  ): Promise<number> {
    const app = fastify()
    whenDone(() => app.close())
    app.addHook('preParsing', async (request, _reply, payload) => {
      keep(place(request), await buffer(payload))
      return payload
    })
    app.post('/', onFastify.parsers([onFastify.JSONParser]), async ({ data }) => ({ data }))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return portOf(app.server)
  }

  const inflate = (bytes: Buffer, encoding: Encoding): Buffer =>
    encoding === 'no encoding' ? bytes : Buffer.from(text)

  describe.each(Object.entries(places))('%s', (_, start) => {
    test.each(Object.keys(encodings) as Encoding[])('is read as it was sent, with %s', async (encoding) => {
      const port = await start((request, bytes) => Object.assign(request, { rawBody: bytes }))
      const { bytes, headers } = encodings[encoding](Buffer.from(text))
      for (const send of [deliver, deliverInChunks]) {
        const answer = await send(port, { type: 'application/json', headers, body: bytes })
        expect([answer.status, answer.json.data]).toEqual([200, { name: 'Zoë' }])
      }
    })

    test.each(Object.keys(encodings) as Encoding[])(
      'is read when it is inflated already, with %s',
      async (encoding) => {
        const port = await start((request, bytes) =>
          Object.assign(request, { rawBody: inflate(bytes, encoding) }),
        )
        const { bytes, headers } = encodings[encoding](Buffer.from(text))
        for (const send of [deliver, deliverInChunks]) {
          const answer = await send(port, { type: 'application/json', headers, body: bytes })
          expect([answer.status, answer.json.data]).toEqual([200, { name: 'Zoë' }])
        }
      },
    )

    test('may be a Uint8Array', async () => {
      const port = await start((request, bytes) => Object.assign(request, { rawBody: new Uint8Array(bytes) }))
      expect((await deliver(port, { type: 'application/json', body: text })).json.data).toEqual({
        name: 'Zoë',
      })
    })

    test('may be a text whose bytes are certain by its length or its characters', async () => {
      for (const [decode, body] of [
        ['utf8', Buffer.from(text)],
        ['latin1', Buffer.from(text)],
        ['utf8', Buffer.from('{"name":"\u20ac"}')],
        ['ascii', Buffer.from('{"name":"Zoe"}')],
      ] as const) {
        const port = await start((request, bytes) =>
          Object.assign(request, { rawBody: bytes.toString(decode) }),
        )
        const answer = await deliver(port, { type: 'application/json', body })
        expect([answer.status, answer.json.data]).toEqual([200, JSON.parse(body.toString())])
      }
    })

    test('is a 500 as a text whose bytes are not certain', async () => {
      for (const [rawBody, send] of [
        // Without a length, this may be one or two characters of the client.
        ['{"name":"Zo\u00c3\u00ab"}', deliverInChunks],
        // Bytes that were no UTF-8 are gone.
        [latin.toString(), deliver],
        [Buffer.from(text).toString('base64'), deliver],
        ['{"name":"\ud800"}', deliver],
      ] as const) {
        const port = await start((request) => Object.assign(request, { rawBody }))
        const answer = await send(port, { type: 'application/json', body: text })
        expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
        expect(answer.json.message).toMatch(/is a text, from which the bytes/)
      }
    })
  })

  test.each(['Buffer', 'string'])(
    'is left by express.json({ verify }) as a %s, beside a body of any encoding',
    async (kind) => {
      const verify = (req: object, _res: unknown, bytes: Buffer): void => {
        Object.assign(req, { rawBody: kind === 'Buffer' ? bytes : bytes.toString() })
      }
      const port = await expressApp([express.json({ verify })])
      for (const [name, encoding] of Object.entries(encodings)) {
        // The parser of Express 4 does not read it.
        if (name === 'br' && !isExpress5) continue
        const { bytes, headers } = encoding(Buffer.from(text))
        const answer = await deliver(port, { type: 'application/json', headers, body: bytes })
        expect([answer.status, answer.json.data]).toEqual([200, { name: 'Zoë' }])
      }
    },
  )

  test('is left by a host for a multipart form, as Cloud Functions do', async () => {
    const port = await expressApp([
      express.raw({ type: '*/*', verify: (req, _res, rawBody) => void Object.assign(req, { rawBody }) }),
    ])
    for (const encoding of ['no encoding', 'gzip'] as const) {
      const { bytes, headers } = encodings[encoding](Buffer.from(multipart.body as string))
      const answer = await deliver(port, { type: multipart.type!, headers, body: bytes })
      expect([answer.status, answer.json.data]).toEqual([200, { a: '1' }])
    }
  })

  test.each(deliveries)('of fastify-raw-body stands beside data that comes %s', async (_, send) => {
    const app = fastify()
    whenDone(() => app.close())
    await app.register(rawBodyPlugin, { global: true, encoding: false, runFirst: true })
    await app.register(onFastify.multipart)
    app.post('/', async (request) => {
      const hmac = createHmac('sha256', 'secret').update(request.rawBody ?? '')
      return { data: request.data, signature: hmac.digest('hex') }
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await send(portOf(app.server), json)
    const signature = createHmac('sha256', 'secret')
      .update(json.body as string)
      .digest('hex')
    expect([answer.status, answer.json]).toEqual([200, { data: order, signature }])
  })
})
