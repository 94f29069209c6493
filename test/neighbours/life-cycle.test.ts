/** What goes on around a request: timeouts above, log lines after the answer, responses of serverless hosts. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { readdir } from 'node:fs/promises'
import { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { createBodyParser, disk, type MountOptions } from '@formgate/core'
import * as onExpress from '@formgate/express'
import { form, multipart, problems } from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import timeout from 'connect-timeout'
import express, { type ErrorRequestHandler } from 'express'
import { body, validationResult } from 'express-validator'
import { fastify } from 'fastify'
import Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Connection, head } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { listen, newDirectory, portOf, whenDone } from './server.js'

const [[, deliver]] = deliveries as [(typeof deliveries)[0]]

const partHead = '--X\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n'
const type = 'multipart/form-data; boundary=X'

/** Apps in which something above answers 503 after 100 ms, while multipart() still reads. */
const timedApps: readonly (readonly [
  framework: string,
  start: (mount: MountOptions, onSettled: () => void) => Promise<number>,
])[] = [
  [
    'Express',
    (mount, onSettled) => {
      const app = express()
      app.use(timeout('100ms'))
      const reading = multipart(mount)
      app.use((req, res, next) => {
        void reading(req, res, next).finally(onSettled)
      })
      app.use(problems())
      const answer: ErrorRequestHandler = (_error, _req, res, _next) => {
        if (!res.headersSent) res.status(503).end('late')
      }
      app.use(answer)
      return listen(app)
    },
  ],
  [
    'Koa',
    (mount, onSettled) => {
      const app = new Koa()
      app.use(async (ctx, next) => {
        const rest = next().finally(onSettled)
        if (await Promise.race([rest, setTimeout(100, true)])) ctx.status = 503
      })
      app.use(onKoa.multipart(mount))
      return listen(app.callback())
    },
  ],
  [
    'Fastify',
    async (mount, onSettled) => {
      const app = fastify()
      whenDone(() => app.close())
      app.addHook('onRequest', async (request, reply) => {
        // Fastify tells an app of no error after the answer.
        void setTimeout(50).then(() => request.parse().then(onSettled, onSettled))
        void setTimeout(100).then(() => reply.code(503).send())
      })
      await app.register(onFastify.multipart, mount)
      app.post('/', async () => 'done')
      await app.listen({ port: 0, host: '127.0.0.1' })
      return portOf(app.server)
    },
  ],
]

describe.each(timedApps)('a timeout above that answers a stalled upload on %s', (_, start) => {
  test.each([
    ['a file', { type, body: partHead + 'x'.repeat(400_000) }],
    ['JSON', { type: 'application/json', body: `["${'x'.repeat(400_000)}` }],
    ['nothing yet, in chunks', { type: 'application/json', body: '' }],
  ])('lets everything of %s go when its client leaves', async (what, sent) => {
    const isChunked = what.endsWith('chunks')
    const directory = await newDirectory()
    let settled = 0
    const port = await start(
      { storage: disk({ directory }), limits: { idle: Infinity, storageTimeout: Infinity, total: Infinity } },
      () => (settled += 1),
    )
    const connection = await Connection.open(port)
    const length = isChunked ? {} : { 'Content-Length': '500000' }
    connection.write(head({ ...sent, headers: length, framing: isChunked ? 'chunked' : 'none' }) + sent.body)
    expect((await connection.answer()).status).toBe(503)
    connection.destroy()
    await expect.poll(() => settled).toBe(1)
    await expect.poll(() => readdir(directory)).toEqual([])
  })
})

describe('a log line after the answer', () => {
  const yaml = { type: 'application/yaml', body: 'a: 1' }

  test.each([
    ['an eager multipart()', {}],
    ['a lazy multipart()', { lazy: true }],
  ])('reads data, files and body below %s on Express, and nothing throws', async (_, options) => {
    const seen: unknown[] = []
    const app = express()
    app.use(multipart(options))
    app.use((req, res, next) => {
      res.on('finish', () => seen.push([req.data, req.files, req.body]))
      next()
    })
    app.post('/', (_req, res) => {
      res.json('done')
    })
    expect((await deliver(await listen(app), yaml)).status).toBe(200)
    expect(seen).toEqual([[{}, {}, undefined]])
  })

  test('reads them on Koa too', async () => {
    const seen: unknown[] = []
    const app = new Koa()
    app.use(onKoa.multipart({ lazy: true }))
    app.use((ctx) => {
      ctx.res.on('finish', () => seen.push([ctx.request.data, ctx.request.files]))
      ctx.body = 'done'
    })
    expect((await deliver(await listen(app.callback()), yaml)).status).toBe(200)
    expect(seen).toEqual([[{}, {}]])
  })

  test('reads them on Fastify too', async () => {
    const seen: unknown[] = []
    const app = fastify()
    whenDone(() => app.close())
    await app.register(onFastify.multipart, { lazy: true })
    app.addHook('onResponse', async (request) => {
      seen.push([request.data, request.files])
    })
    app.post('/', async () => 'done')
    await app.listen({ port: 0, host: '127.0.0.1' })
    expect((await deliver(portOf(app.server), yaml)).status).toBe(200)
    expect(seen).toEqual([[{}, {}]])
  })
})

test('a response that emits "finish" and never "close" removes the files of its request', async () => {
  const directory = await newDirectory()
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  // As adapters of serverless hosts make them: neither is ever closed.
  const request = new IncomingMessage(socket as never)
  const sent = `${partHead}hello\r\n--X--\r\n`
  Object.assign(request, { method: 'POST', url: '/', complete: true })
  Object.assign(request.headers, { 'content-type': type, 'content-length': String(sent.length) })
  request.push(sent)
  request.push(null)
  const response = new ServerResponse(request)
  const { files } = await createBodyParser({ storage: disk({ directory }) })(request, response)
  expect([files['f']?.[0]?.size, (await readdir(directory)).length]).toEqual([5, 1])
  response.emit('finish')
  await expect.poll(() => readdir(directory)).toEqual([])
})

describe('req.body', () => {
  test('is what express-validator finds', async () => {
    const app = express()
    app.use(multipart())
    app.post('/', body('email').isEmail(), (req, res) => {
      res.json(validationResult(req).array().length)
    })
    const port = await listen(app)
    const send = (text: string) =>
      deliver(port, { type: 'application/x-www-form-urlencoded', body: `email=${text}` })
    expect((await send('a%40example.com')).json).toBe(0)
    expect((await send('here')).json).toBe(1)
  })

  test('is the output of the schema below form()', async () => {
    const app = express()
    app.post('/', form(z.object({ age: z.number() })), (req, res) => {
      res.json([req.body === req.data, req.body as unknown])
    })
    const answer = await deliver(await listen(app), {
      type: 'application/x-www-form-urlencoded',
      body: 'age=42',
    })
    expect(answer.json).toEqual([true, { age: 42 }])
  })

  test('stays what other middleware has set', async () => {
    const app = express()
    app.use((req, _res, next) => {
      req.body = 'mine'
      next()
    })
    app.use(onExpress.multipart())
    app.post('/', (req, res) => {
      res.json([req.body, req.data])
    })
    const answer = await deliver(await listen(app), { type: 'application/json', body: '[1]' })
    expect(answer.json).toEqual(['mine', [1]])
  })

  test('of a type that is not read stays undefined, and assigning it works', async () => {
    const app = express()
    app.use(multipart())
    app.post('/', (req, res) => {
      const before = typeof req.body
      req.body = 'raw'
      res.json([before, req.body])
    })
    const answer = await deliver(await listen(app), { type: 'application/yaml', body: 'a: 1' })
    expect(answer.json).toEqual(['undefined', 'raw'])
  })
})
