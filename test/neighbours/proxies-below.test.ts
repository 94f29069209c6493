/** Proxies below an eager multipart(), whose body has gone: nothing hangs, and an error says why. */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import * as onExpress from '@formgate/express'
import * as onKoa from '@formgate/koa'
import express, { type RequestHandler } from 'express'
import { createProxyMiddleware, fixRequestBody } from 'http-proxy-middleware'
import Koa from 'koa'
import koaProxy from 'koa-proxies'
import { describe, expect, test } from 'vitest'
import type { Sent } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { listen } from './server.js'

const bodies: readonly Sent[] = [
  { type: 'application/json', body: '{"a":1}' },
  { type: 'application/x-www-form-urlencoded', body: 'a=1' },
  {
    type: 'multipart/form-data; boundary=X',
    body: '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n',
  },
]

async function upstream(): Promise<string> {
  const port = await listen(
    createServer(
      (req, res) =>
        void buffer(req).then(
          (bytes) => res.end(JSON.stringify({ got: bytes.length })),
          () => undefined,
        ),
    ),
  )
  return `http://127.0.0.1:${port}`
}

function expressApp(lazy: boolean, below: RequestHandler): Promise<number> {
  const app = express().set('env', 'test')
  app.use(onExpress.multipart({ lazy }), below)
  app.use(
    ((error: Error, _req, res, _next) =>
      void res.status(502).json({ message: error.message })) as express.ErrorRequestHandler,
  )
  return listen(app)
}

/** A proxy by hand, as in the documentation of Node. */
function handMade(
  target: string,
  send: (req: IncomingMessage, proxied: ReturnType<typeof httpRequest>) => unknown,
): RequestHandler {
  return (req, res, next) => {
    const proxied = httpRequest(target, { method: req.method, headers: req.headers }, (answer) =>
      answer.pipe(res),
    )
    proxied.on('error', next)
    send(req, proxied)
  }
}

const proxies: readonly (readonly [name: string, start: (lazy: boolean) => Promise<number>])[] = [
  [
    'http-proxy-middleware',
    async (lazy) => expressApp(lazy, createProxyMiddleware({ target: await upstream() })),
  ],
  [
    'req.pipe()',
    async (lazy) =>
      expressApp(
        lazy,
        handMade(await upstream(), (req, proxied) => req.pipe(proxied)),
      ),
  ],
  [
    'pipeline()',
    async (lazy) =>
      expressApp(
        lazy,
        handMade(await upstream(), (req, proxied) => void pipeline(req, proxied).catch(() => undefined)),
      ),
  ],
  [
    'koa-proxies',
    async (lazy) => {
      const app = new Koa()
      app.silent = true
      app.use(onKoa.multipart({ lazy })).use(koaProxy('/', { target: await upstream() }))
      return listen(app.callback())
    },
  ],
]

describe.each(proxies)('%s', (_, start) => {
  test.each(deliveries)('fails at once below an eager multipart(), when a body comes %s', async (_, send) => {
    const port = await start(false)
    for (const sent of bodies) expect((await send(port, sent)).status).toBeGreaterThanOrEqual(500)
  })

  test.each(deliveries)('passes a body on below a lazy multipart(), when it comes %s', async (_, send) => {
    const port = await start(true)
    for (const sent of bodies) {
      const answer = await send(port, sent)
      expect([answer.status, answer.json]).toEqual([200, { got: (sent.body as string).length }])
    }
  })

  test('passes on a request without a body, below both', async () => {
    const [[, send]] = deliveries as [(typeof deliveries)[0]]
    for (const lazy of [false, true]) {
      const answer = await send(await start(lazy), { method: 'GET', framing: 'none' })
      expect([answer.status, answer.json]).toEqual([200, { got: 0 }])
    }
  })
})

test('the error of a proxy says that the body was read', async () => {
  const [[, send]] = deliveries as [(typeof deliveries)[0]]
  const port = await expressApp(
    false,
    handMade(await upstream(), (req, proxied) => req.pipe(proxied)),
  )
  expect((await send(port, bodies[0]!)).json.message).toMatch(/^Cannot pass on the body .* already read/)
})

// In chunks it fails below express.json() too: fixRequestBody() sends a length beside Transfer-Encoding.
test.each(deliveries.slice(0, 3))(
  'fixRequestBody() writes anew what comes %s below an eager multipart()',
  async (_, send) => {
    const proxy = createProxyMiddleware({ target: await upstream(), on: { proxyReq: fixRequestBody } })
    const port = await expressApp(false, proxy)
    for (const sent of bodies.slice(0, 2)) {
      const answer = await send(port, sent)
      expect([answer.status, answer.json]).toEqual([200, { got: (sent.body as string).length }])
    }
  },
)

test('a request that was read still pipes to what is no proxy', async () => {
  const app = express()
  app.use(onExpress.multipart())
  app.post('/', (req, res) => void req.pipe(res.status(201)))
  const [[, send]] = deliveries as [(typeof deliveries)[0]]
  expect((await send(await listen(app), bodies[0]!)).status).toBe(201)
})
