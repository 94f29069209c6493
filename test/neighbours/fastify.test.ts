/** Formgate among other things of a Fastify app: content type parsers, validators, hooks, plugins and the options of register(). */
import { createServer } from 'node:http'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import formbody from '@fastify/formbody'
import httpProxy from '@fastify/http-proxy'
import { FileUploadParser, JSONParser } from '@formgate/core'
import { form, multipart, parsers } from '@formgate/fastify'
import { fastify, type FastifyBodyParser, type FastifyInstance, type FastifyRequest } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Answer, Sent } from '../adapters/client.js'
import { deliveries } from './delivery.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

function newApp(): FastifyInstance {
  const app = fastify({ forceCloseConnections: true })
  ends.push(() => app.close())
  return app
}

/** Starts an app. Returns a function that sends a request in each way, and expects one answer. */
async function listen(app: FastifyInstance): Promise<(sent: Sent) => Promise<Answer>> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return async (sent) => {
    const answers = await Promise.all(deliveries.map(([, deliver]) => deliver(port, sent)))
    const [first] = answers as [Answer]
    for (const { status, body } of answers) expect([status, body]).toEqual([first.status, first.body])
    return first
  }
}

const asBuffer = { parseAs: 'buffer' } as const
const toBytes: FastifyBodyParser<Buffer> = (_request, bytes, done) => done(null, { bytes: String(bytes) })
const toWords: FastifyBodyParser<Buffer> = (_request, text, done) => done(null, String(text).split(','))

const json: Sent = { type: 'application/json', body: '{"a":1}' }
const csv: Sent = { type: 'text/csv', body: 'a,b' }
const urlencoded: Sent = { type: 'application/x-www-form-urlencoded', body: 'a=1' }
const upload: Sent = {
  type: 'multipart/form-data; boundary=X',
  body: '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n',
}

const both = async ({ body, data }: FastifyRequest): Promise<object> => ({ body, same: body === data })

describe('a content type parser of the app', () => {
  test.each([
    ['before register(multipart)', 'before', {}],
    ['after register(multipart)', 'after', {}],
    ['in a context below', 'below', {}],
    ['in a context below a lazy one', 'below', { lazy: true }],
  ])('%s reads its media type, and Formgate the others', async (_, place, options) => {
    const app = newApp()
    const add = (context: FastifyInstance): void => {
      context.addContentTypeParser('application/json', asBuffer, toBytes)
      context.addContentTypeParser(/^text\/csv/, asBuffer, toWords)
    }
    if (place === 'before') add(app)
    await app.register(multipart, options)
    if (place === 'after') add(app)
    await app.register(async (context) => {
      if (place === 'below') add(context)
      context.post('/', both)
      context.post('/parsed', async (request) => {
        await request.parse()
        return both(request)
      })
    })
    const send = await listen(app)
    expect((await send(json)).json).toEqual({ body: { bytes: '{"a":1}' }, same: true })
    expect((await send(csv)).json).toEqual({ body: ['a', 'b'], same: true })
    for (const sent of [urlencoded, upload])
      expect((await send({ ...sent, path: '/parsed' })).json).toEqual({ body: { a: '1' }, same: true })
  })

  test.each([
    ['before', 'before', { a: '1' }, { a: 1 }],
    ['after', 'after', 'theirs', 'theirs'],
    ['in a context below', 'below', 'theirs', 'theirs'],
  ])('for "*" that was added %s register(multipart) reads what no nearer one reads', async (...each) => {
    const [, place, ofForm, ofJson] = each
    const app = newApp()
    const add = (context: FastifyInstance): unknown =>
      context.addContentTypeParser('*', asBuffer, (_request, _bytes, done) => done(null, 'theirs'))
    if (place === 'before') add(app)
    await app.register(multipart)
    if (place === 'after') add(app)
    await app.register(async (context) => {
      if (place === 'below') add(context)
      context.post('/', both)
    })
    const send = await listen(app)
    expect((await send(csv)).json).toEqual({ body: 'theirs', same: true })
    expect((await send(upload)).json).toEqual({ body: ofForm, same: true })
    expect((await send(json)).json).toEqual({ body: ofJson, same: true })
  })

  test('does not read for a route with form() or parsers()', async () => {
    const app = newApp()
    app.addContentTypeParser(['application/json', 'multipart/form-data'], asBuffer, toBytes)
    await app.register(multipart)
    app.post('/json', parsers([JSONParser]), both)
    app.post('/form', form(z.object({ a: z.number() })), both)
    app.post('/short', parsers([JSONParser], { limits: { textSize: 6 } }), both)
    const send = await listen(app)
    expect((await send({ ...json, path: '/short' })).json.code).toBe('LIMIT_BODY_SIZE')
    expect((await send({ ...json, path: '/json' })).json).toEqual({ body: { a: 1 }, same: true })
    expect((await send({ ...upload, path: '/form' })).json).toEqual({ body: { a: 1 }, same: true })
  })

  test('of one context does not read in others, nor in contexts of other mounts', async () => {
    const app = newApp()
    await app.register(multipart)
    await app.register(async (hooks) => {
      hooks.addContentTypeParser('application/json', asBuffer, toBytes)
      hooks.post('/hook', both)
    })
    await app.register(async (inner) => {
      await inner.register(multipart, { parsers: [JSONParser, FileUploadParser] })
      inner.post('/inner', both)
    })
    app.post('/', both)
    const send = await listen(app)
    expect((await send({ ...json, path: '/hook' })).json.body).toEqual({ bytes: '{"a":1}' })
    expect((await send(json)).json).toEqual({ body: { a: 1 }, same: true })
    expect((await send({ ...json, path: '/inner' })).json.code).toBe('BODY_ALREADY_READ')
  })

  test('gets the stream that a preParsing hook has made, and the error that it throws stays its own', async () => {
    const app = newApp()
    await app.register(multipart)
    app.addContentTypeParser('text/csv', asBuffer, (_request, bytes, done) => {
      if (String(bytes) === 'bad') done(Object.assign(new Error('bad'), { statusCode: 400 }))
      else done(null, String(bytes))
    })
    app.post('/', both)
    const send = await listen(app)
    expect((await send(csv)).json).toEqual({ body: 'a,b', same: true })
    expect((await send({ ...csv, body: 'bad' })).json).toMatchObject({ statusCode: 400, message: 'bad' })
  })

  test('of @fastify/formbody reads URL-encoded forms', async () => {
    const app = newApp()
    await app.register(formbody)
    await app.register(multipart)
    app.post('/', both)
    const send = await listen(app)
    expect((await send(urlencoded)).json).toEqual({ body: { a: '1' }, same: true })
    expect((await send(upload)).json).toEqual({ body: { a: '1' }, same: true })
  })

  test('of @fastify/http-proxy passes every body on, byte for byte', async () => {
    const upstream = createServer((req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () =>
        res.end(JSON.stringify([req.headers['content-type'], Buffer.concat(chunks).toString()])),
      )
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    ends.push(() => upstream.close())
    const app = newApp()
    await app.register(multipart)
    await app.register(httpProxy, {
      upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
      prefix: '/proxied',
    })
    app.post('/', both)
    const send = await listen(app)
    for (const sent of [json, csv, urlencoded, upload]) {
      const answer = await send({ ...sent, path: '/proxied/a' })
      expect([answer.status, JSON.parse(answer.body)]).toEqual([200, [sent.type, sent.body]])
    }
    expect((await send(upload)).json).toEqual({ body: { a: '1' }, same: true })
  })
})

test('a media type that nobody reads is the stream in request.body, and a 415 in request.data', async () => {
  const app = newApp()
  await app.register(multipart)
  app.post('/body', async ({ body }) => ({ isStream: typeof (body as { pipe?: unknown }).pipe }))
  app.post('/data', async ({ data }) => data)
  const send = await listen(app)
  expect((await send({ ...csv, path: '/body' })).json).toEqual({ isStream: 'function' })
  expect((await send({ ...csv, path: '/data' })).json.code).toBe('UNSUPPORTED_MEDIA_TYPE')
})

describe('request.data and request.body are one value', () => {
  const schema = { body: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } }

  test('after a validator returned another one', async () => {
    const app = newApp()
    app.setValidatorCompiler(validatorCompiler)
    await app.register(multipart)
    const body = z.object({ a: z.coerce.number(), role: z.string().default('user') })
    app.post('/', { schema: { body } }, both)
    const send = await listen(app)
    for (const sent of [json, urlencoded, upload])
      expect((await send(sent)).json).toEqual({ body: { a: 1, role: 'user' }, same: true })
  })

  test.each(['preValidation', 'preHandler'] as const)('after a %s hook assigned either', async (name) => {
    const app = newApp()
    await app.register(multipart)
    app.addHook(name, async (request) => {
      request.body = { ...(request.data as object), tenant: 7 }
    })
    app.addHook(name, async (request) => {
      request.data = { ...(request.body as object), user: 8 }
    })
    app.post('/', both)
    app.post('/own', parsers([JSONParser]), both)
    const send = await listen(app)
    const answer = { body: { a: 1, tenant: 7, user: 8 }, same: true }
    expect((await send(json)).json).toEqual(answer)
    expect((await send({ ...json, path: '/own' })).json).toEqual(answer)
  })

  test('after parse() below a lazy register(multipart)', async () => {
    const app = newApp()
    await app.register(multipart, { lazy: true })
    app.post('/', async (request) => {
      const { data } = await request.parse()
      return { ...(await both(request)), isReturned: data === request.body }
    })
    const send = await listen(app)
    for (const sent of [urlencoded, upload])
      expect((await send(sent)).json).toEqual({ body: { a: '1' }, same: true, isReturned: true })
    expect((await send({})).json).toEqual({ body: {}, same: true, isReturned: true })
  })

  test.each([{}, { lazy: true }])('before a schema of Fastify validates it, with %j', async (options) => {
    const app = newApp()
    await app.register(multipart, options)
    app.post('/', { schema }, both)
    const send = await listen(app)
    for (const sent of [json, urlencoded, upload])
      expect((await send(sent)).json).toEqual({ body: { a: 1 }, same: true })
    expect((await send({ ...json, body: '{"b":1}' })).json).toMatchObject({
      statusCode: 400,
      message: "body must have required property 'a'",
    })
    expect((await send({})).json.message).toBe("body must have required property 'a'")
    // Without Formgate it is a 415 too.
    expect((await send(csv)).json).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
  })

  test('for a request without a body', async () => {
    const app = newApp()
    await app.register(multipart)
    app.post('/', both)
    app.get('/', both)
    const send = await listen(app)
    for (const method of ['GET', 'POST'])
      expect((await send({ method })).json).toEqual({ body: {}, same: true })
  })
})

describe('register(multipart)', () => {
  test.each([{ prefix: '/x' }, { logLevel: 'warn' as const }, { logSerializers: {} }])(
    'takes the option %j of register()',
    async (option) => {
      const app = newApp()
      await app.register(multipart, option)
      app.post('/', both)
      expect((await (await listen(app))(upload)).json).toEqual({ body: { a: '1' }, same: true })
    },
  )

  test('still refuses an option that it does not know', async () => {
    await expect(async () =>
      newApp().register(multipart, { prefix: '/x', limit: {} } as object),
    ).rejects.toThrow('Unknown option `limit`.')
  })

  test('reads no body of a request that no route takes', async () => {
    const app = newApp()
    await app.register(multipart)
    app.post('/', both)
    const send = await listen(app)
    expect((await send({ ...json, body: '{', path: '/nowhere' })).status).toBe(404)
  })

  test.each(['POST', 'QUERY'])('keeps the headers that a hook has assigned to a %s', async (method) => {
    const app = newApp()
    app.addHttpMethod('QUERY', { hasBody: true, overrideExisting: true })
    app.addHook('onRequest', async (request) => {
      Reflect.set(request, 'headers', { 'x-tenant': '7' })
    })
    await app.register(multipart)
    const handler = async ({ headers, data }: FastifyRequest): Promise<unknown> => [headers['x-tenant'], data]
    app.route({ method, url: '/', handler })
    expect((await (await listen(app))({ ...json, method })).json).toEqual(['7', { a: 1 }])
  })

  test('leaves what a handler throws and is no Error to the error handler of the app', async () => {
    const app = newApp()
    app.setErrorHandler((error, _request, reply) => void reply.code(418).send({ handled: error }))
    await app.register(multipart)
    app.post('/', async () => {
      // oxlint-disable-next-line typescript/only-throw-error -- JavaScript allows it.
      throw 'a text'
    })
    const answer = await (await listen(app))(upload)
    expect([answer.status, answer.json]).toEqual([418, { handled: 'a text' }])
  })

  test('is loaded by @fastify/autoload, with a prefix for its folder', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'autoload-'))
    ends.push(() => rm(directory, { recursive: true }))
    await mkdir(join(directory, 'uploads'))
    // The plugin of this process: the file cannot import the sources.
    Reflect.set(globalThis, 'formgatePlugin', multipart)
    ends.push(() => Reflect.deleteProperty(globalThis, 'formgatePlugin'))
    await writeFile(join(directory, 'uploads', 'index.mjs'), 'export default globalThis.formgatePlugin\n')
    const app = newApp()
    await app.register(autoload, { dir: directory })
    app.post('/', both)
    expect((await (await listen(app))(upload)).json).toEqual({ body: { a: '1' }, same: true })
  })

  test('that is not awaited reads the bodies of routes which were defined before', async () => {
    const app = newApp()
    void app.register(multipart)
    app.post('/', both)
    const send = await listen(app)
    for (const sent of [urlencoded, upload]) expect((await send(sent)).json.body).toEqual({ a: '1' })
    const answer = await send(csv)
    expect([answer.headers['content-type'], answer.json.code]).toEqual([
      'application/problem+json',
      'UNSUPPORTED_MEDIA_TYPE',
    ])
  })
})

describe('a route in which a later option replaces the hook of form()', () => {
  const typed = form(z.object({ a: z.number() }))
  const own = async (): Promise<void> => undefined
  const ownHook: unknown = own

  test.each([
    ['a hook of its own', { ...typed, preParsing: ownHook }],
    ['a list of hooks', { ...typed, preParsing: [ownHook] }],
    ['parsers()', { ...typed, ...parsers([JSONParser]) }],
  ])('is an error at definition: %s', async (_, options) => {
    const app = newApp()
    await app.register(multipart)
    expect(() => app.post('/', options as object, both)).toThrow(
      'The route / has form(), body() or parsers(), but a later option `preParsing` replaces it',
    )
  })

  test('is fine if a list holds both', async () => {
    const app = newApp()
    await app.register(multipart)
    const options = { ...typed, preParsing: [own, typed.preParsing], onRequest: own }
    app.post('/', options as object, both)
    expect((await (await listen(app))(upload)).json).toEqual({ body: { a: 1 }, same: true })
  })
})
