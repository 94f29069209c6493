/** Code above Formgate that listens to a request, or pauses it, without consuming its body. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import express from 'express'
import { describe, expect, test } from 'vitest'
import * as onExpress from '@formgate/express'
import { Connection, head, type Sent } from '../adapters/client.js'
import { frameworks, type Description, type Handling } from '../adapters/frameworks.js'
import { JSONParser, MultiPartParser, PlainTextParser, type Storage } from '@formgate/core'
import { deliveries } from './delivery.js'
import { listen, whenDone } from './server.js'

/** Registers a middleware that calls back at once. */
function above(look: (request: IncomingMessage) => unknown): NonNullable<Description['above']> {
  return {
    express: (app) => app.use((req, _res, next) => (look(req), next())),
    koa: (app) => app.use((ctx, next) => (look(ctx.req), next())),
    fastify: (app) => {
      app.addHook('onRequest', (request, _reply, done) => {
        look(request.raw)
        done()
      })
    },
  }
}

async function untilEnd({ request }: Handling): Promise<object> {
  if (!request.readableEnded) await once(request, 'end')
  return { done: true }
}

const file = 'x'.repeat(300_000)
const bodies: readonly (readonly [kind: string, sent: Sent, data: unknown])[] = [
  ['JSON', { type: 'application/json', body: '{"a":"1"}' }, { a: '1' }],
  ['a URL-encoded form', { type: 'application/x-www-form-urlencoded', body: 'a=1' }, { a: '1' }],
  [
    'a file of 300 KB',
    {
      type: 'multipart/form-data; boundary=X',
      body: `--X\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n${file}\r\n--X--\r\n`,
    },
    { f: expect.objectContaining({ size: file.length }) as unknown },
  ],
]

const ways: readonly (readonly [how: string, description: Description])[] = [
  ['multipart()', { mount: {}, routes: [{ path: '/' }] }],
  ['parsers()', { routes: [{ path: '/', parsers: [JSONParser, MultiPartParser, onExpress.FormParser] }] }],
  [
    'parsers() below a lazy multipart()',
    {
      mount: { lazy: true },
      routes: [{ path: '/', parsers: [JSONParser, MultiPartParser, onExpress.FormParser] }],
    },
  ],
  ['parse()', { mount: { lazy: true }, routes: [{ path: '/', handler: ({ parse }: Handling) => parse() }] }],
]

describe.each(frameworks)('$name', ({ start }) => {
  const port = async (description: Description): Promise<number> => {
    const app = await start(description)
    whenDone(() => app.close())
    return app.port
  }

  describe.each(ways)('%s', (_, description) => {
    /** Sends each body in each way to an app with this code above. */
    async function expectAllRead(
      look: (request: IncomingMessage) => unknown,
      check: (sent: Sent) => Promise<void> = async () => undefined,
    ): Promise<void> {
      const app = await port({ ...description, above: above(look) })
      for (const [way, send] of deliveries) {
        for (const [kind, sent, data] of bodies) {
          const answer = await send(app, sent)
          expect([answer.status, answer.json.data], `${kind} ${way}`).toEqual([200, data])
          await check(sent)
        }
      }
    }

    test('a body is read whenever it comes, and a listener above hears every byte and the end', async () => {
      let heard = ''
      let hasEnded = false
      const look = (request: IncomingMessage): void => {
        heard = ''
        hasEnded = false
        request.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')))
        request.on('end', () => (hasEnded = true))
      }
      await expectAllRead(look, async ({ body }) => {
        await expect.poll(() => hasEnded).toBe(true)
        expect(heard === body).toBe(true)
      })
    })

    test('a body is read of a request that was paused above, or paused and resumed', async () => {
      await expectAllRead((request) => request.pause())
      await expectAllRead((request) => request.pause().resume())
    })

    test('a body is read of a request that is piped elsewhere above, and arrives there too', async () => {
      let chunks: Buffer[] = []
      let log = new Writable()
      const look = (request: IncomingMessage): unknown => {
        chunks = []
        log = new Writable({
          write(chunk: Buffer, _encoding, callback) {
            chunks.push(chunk)
            setImmediate(callback)
          },
        })
        return request.pipe(log)
      }
      await expectAllRead(look, async ({ body }) => {
        await expect.poll(() => log.writableFinished).toBe(true)
        expect(Buffer.concat(chunks).equals(Buffer.from(body as string))).toBe(true)
      })
    })

    test('an empty body in chunks is empty beside a listener above, which hears its end', async () => {
      let hasEnded = false
      const look = (request: IncomingMessage): unknown =>
        request.on('data', () => undefined).on('end', () => (hasEnded = true))
      const app = await port({ ...description, above: above(look) })
      for (const [, send] of deliveries.slice(3)) {
        const answer = await send(app, { type: 'application/json', body: '' })
        expect([answer.status, answer.json.data]).toEqual([200, {}])
        await expect.poll(() => hasEnded).toBe(true)
      }
    })

    test('setEncoding() above is a 500 that says so', async () => {
      const messages: string[] = []
      const app = await port({
        ...description,
        errorHandler: true,
        onError: (error) => messages.push(error.message),
        above: above((request) => request.setEncoding('utf8')),
      })
      for (const [, send] of deliveries) {
        for (const [, sent] of bodies.slice(0, 2)) {
          const answer = await send(app, sent)
          expect([answer.status, answer.json.code]).toEqual([500, 'BODY_ALREADY_READ'])
          expect(messages.splice(0)).toEqual([expect.stringMatching(/middleware called setEncoding\(\)/)])
        }
      }
    })
  })

  test('a listener above hears a body that no parser reads', async () => {
    let heard = ''
    const look = (request: IncomingMessage): void => {
      request.on('data', (chunk: Buffer) => (heard += chunk.toString()))
    }
    for (const [, send] of deliveries) {
      heard = ''
      const app = await port({
        mount: {},
        above: above(look),
        routes: [{ path: '/', handler: untilEnd }],
      })
      const answer = await send(app, { type: 'application/yaml', body: 'a: 1' })
      expect([answer.status, answer.json]).toEqual([200, { done: true }])
      await expect.poll(() => heard).toBe('a: 1')
    }
  })

  test('a slow storage holds the client back, also beside a listener above', async () => {
    let most = 0
    let heard = 0
    let stored = 0
    const storage: Storage = {
      async store(stream) {
        for await (const chunk of stream) {
          stored += (chunk as Buffer).length
          most = Math.max(most, heard - stored)
          await setTimeout(1)
        }
        return { size: stored, createReadStream: () => Readable.from([]), remove: async () => undefined }
      },
    }
    const look = (request: IncomingMessage): void => {
      request.on('data', (chunk: Buffer) => (heard += chunk.length))
    }
    const app = await port({
      mount: {
        storage,
        limits: { fileSize: 10_000_000 },
      },
      above: above(look),
      routes: [{ path: '/' }],
    })
    const connection = await Connection.open(app)
    const body = `--X\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n${'x'.repeat(5_000_000)}\r\n--X--\r\n`
    connection.write(head({ type: 'multipart/form-data; boundary=X', body }) + body)
    await connection.answer()
    connection.destroy()
    expect(most).toBeLessThan(1_000_000)
  })
})

test('a request whose bytes went to a listener while other middleware waited is a 500', async () => {
  const app = express()
  app.use(async (req, _res, next) => {
    req.on('data', () => undefined)
    await setTimeout(20)
    next()
  })
  app.use(onExpress.multipart({ parsers: [JSONParser, PlainTextParser] }))
  app.post('/', (req, res) => void res.json(req.data))
  app.use(onExpress.problems())
  const [[, send]] = deliveries as [(typeof deliveries)[0]]
  const answer = await send(await listen(app.set('env', 'test')), {
    type: 'application/json',
    body: '{"a":1}',
  })
  expect(answer.status).toBe(500)
})
