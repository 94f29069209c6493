import { Transform, type Readable } from 'node:stream'
import { createGunzip, gzipSync } from 'node:zlib'
import fastifyMultipart from '@fastify/multipart'
import { disk, FileUploadParser, JSONParser, MultiPartParser, PlainTextParser } from '@formgate/core'
import { multipart, parsers } from '@formgate/fastify'
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import {
  chunk,
  Connection,
  exchange,
  field,
  file,
  form,
  head,
  multipartX,
  type Answer,
  type Sent,
} from './client.js'

const json = 'application/json'
const aJson: Sent = { type: json, body: '{"a":1}' }
const echo = async ({ data, files }: FastifyRequest): Promise<object> => ({ data, files })

const apps: FastifyInstance[] = []
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

function newApp(): FastifyInstance {
  const app = fastify({ forceCloseConnections: true })
  app.get('/alive', async () => 'alive')
  apps.push(app)
  return app
}

async function listen(app: FastifyInstance): Promise<(sent: Sent) => Promise<Answer>> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (sent) => exchange((app.server.address() as AddressInfo).port, sent)
}

describe('a hook that replaces the stream of the body', () => {
  const gunzip = async (request: FastifyRequest, _reply: unknown, payload: Readable): Promise<Readable> =>
    request.headers['x-packed'] === undefined ? payload : payload.pipe(createGunzip())
  const packed = (bytes: string | Buffer): Sent => ({
    type: json,
    headers: { 'X-Packed': 'gzip' },
    body: gzipSync(bytes),
  })
  /** Passes on the body byte by byte. */
  const slow = async (_request: unknown, _reply: unknown, payload: Readable): Promise<Readable> =>
    payload.pipe(
      new Transform({
        transform(bytes: Buffer, _encoding, done) {
          for (const byte of bytes) this.push(Buffer.of(byte))
          setImmediate(done)
        },
      }),
    )

  const setups: Record<string, (app: FastifyInstance, hook: typeof gunzip) => Promise<unknown>> = {
    async 'above register(multipart)'(app, hook) {
      app.addHook('preParsing', hook)
      await app.register(multipart)
      app.post('/', echo)
    },
    async 'above a route with parsers()'(app, hook) {
      app.addHook('preParsing', hook)
      app.post('/', parsers([JSONParser, MultiPartParser]), echo)
    },
    async 'between register(multipart, { lazy: true }) and a route with parsers()'(app, hook) {
      await app.register(multipart, { lazy: true })
      app.addHook('preParsing', hook)
      app.post('/', parsers([JSONParser, MultiPartParser]), echo)
    },
    async 'between register(multipart, { lazy: true }) and a handler that calls parse()'(app, hook) {
      await app.register(multipart, { lazy: true })
      app.addHook('preParsing', hook)
      app.post('/', async (request) => {
        await request.parse()
        return echo(request)
      })
    },
  }

  describe.each(Object.entries(setups))('%s', (_, setUp) => {
    test('supplies the body', async () => {
      const app = newApp()
      await setUp(app, gunzip)
      const send = await listen(app)
      for (const framing of ['length', 'chunked'] as const) {
        expect((await send({ ...packed('{"a":1}'), framing })).json).toEqual({ data: { a: 1 }, files: {} })
        const upload = { ...packed(form('X', [file('f', 'f'), 'x'])), type: multipartX, framing }
        expect((await send(upload)).json.files.f).toHaveLength(1)
        expect((await send({ ...aJson, framing })).json.data).toEqual({ a: 1 })
        expect((await send({ ...packed('{'), framing })).json.code).toBe('MALFORMED_JSON')
      }
    })

    test('by an empty stream makes the body empty', async () => {
      const app = newApp()
      await setUp(app, gunzip)
      const send = await listen(app)
      for (const framing of ['length', 'chunked'] as const) {
        expect((await send({ ...packed(''), framing })).json).toEqual({ data: {}, files: {} })
      }
    })

    test('by one that fails is answered with that error', async () => {
      const app = newApp()
      await setUp(app, gunzip)
      const send = await listen(app)
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await send({ ...packed(''), body: 'this is no gzip', framing })
        expect(answer.status).toBe(500)
        expect(answer.json.code).toBe('Z_DATA_ERROR')
      }
    })

    test('by one whose bytes come late is awaited', async () => {
      const app = newApp()
      await setUp(app, slow)
      const send = await listen(app)
      for (const framing of ['length', 'chunked'] as const) {
        expect((await send({ ...aJson, framing })).json).toEqual({ data: { a: 1 }, files: {} })
        const upload = {
          type: multipartX,
          body: form('X', [field('a'), '1'], [file('f', 'f'), 'x']),
          framing,
        }
        expect((await send(upload)).json.data.a).toBe('1')
      }
      expect((await send({ framing: 'none' })).json).toEqual({ data: {}, files: {} })
    })

    test('does not hide that the client has disconnected', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'fastify-'))
      const app = newApp()
      let runs = 0
      app.addHook('preParsing', slow)
      app.post('/', parsers([MultiPartParser], { storage: disk({ directory }) }), async () => (runs += 1))
      const send = await listen(app)
      const connection = await Connection.open((app.server.address() as AddressInfo).port)
      connection.write(head({ type: multipartX, framing: 'chunked' }))
      connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\nabc`))
      await expect.poll(() => readdir(directory)).toHaveLength(1)
      connection.destroy()
      await expect.poll(() => readdir(directory)).toEqual([])
      expect(runs).toBe(0)
      expect((await send({})).json).toBe(1)
      await rm(directory, { recursive: true })
    })
  })
})

describe('a hook below register(multipart)', () => {
  test('sees the headers of the request', async () => {
    const app = newApp()
    const seen: unknown[] = []
    await app.register(multipart)
    app.addHook('preParsing', async ({ headers }, _reply, payload) => {
      if (headers.authorization !== undefined) seen.push(['preParsing', headers.authorization])
      return payload
    })
    app.addHook('preValidation', async ({ headers }) => {
      if (headers.authorization !== undefined)
        seen.push(['preValidation', headers.authorization, headers['content-type']])
    })
    app.post('/', async ({ data, body, headers }) => [data, body, headers['content-type']])
    const send = await listen(app)
    const headers = { Authorization: 'me' }
    expect((await send({ ...aJson, headers })).json).toEqual([{ a: 1 }, { a: 1 }, json])
    expect(seen).toEqual([
      ['preParsing', 'me'],
      ['preValidation', 'me', json],
    ])
  })

  test('sees the parsed body in preValidation, and a schema of Fastify validates it', async () => {
    const app = newApp()
    await app.register(multipart)
    const schema = { body: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } }
    app.post('/', { schema }, async ({ body }) => body)
    const send = await listen(app)
    expect((await send({ type: 'application/x-www-form-urlencoded', body: 'a=42' })).json).toEqual({ a: 42 })
    expect((await send({ type: 'application/x-www-form-urlencoded', body: 'b=42' })).status).toBe(400)
  })
})

describe('parsers() of one route', () => {
  test('can be spread into the route options', async () => {
    const app = newApp()
    let asked = 0
    const onRequest = async (request: FastifyRequest): Promise<void> => {
      asked += 1
      if (request.headers.authorization === undefined)
        throw Object.assign(new Error('no'), { statusCode: 401 })
    }
    app.post('/', { ...parsers([JSONParser]), onRequest }, echo)
    const send = await listen(app)
    expect((await send(aJson)).status).toBe(401)
    expect((await send({ ...aJson, headers: { Authorization: 'me' } })).json.data).toEqual({ a: 1 })
    expect(asked).toBe(2)
  })

  test('does not change other routes', async () => {
    const app = newApp()
    app.post('/', parsers([PlainTextParser]), echo)
    app.post('/plain', async ({ body, data, files }) => ({
      body,
      data: data === undefined,
      files: files === undefined,
    }))
    const send = await listen(app)
    expect((await send({ type: 'text/plain', body: 'x' })).json.data).toBe('x')
    expect((await send({ ...aJson, path: '/plain' })).json).toEqual({
      body: { a: 1 },
      data: true,
      files: true,
    })
    expect((await send({ type: 'a/b', body: 'x', path: '/plain' })).status).toBe(415)
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS', 'QUERY'])(
    'reads the body of a %s',
    async (method) => {
      const app = newApp()
      app.addHttpMethod('QUERY', { hasBody: true, overrideExisting: true })
      app.route({
        method,
        url: '/',
        ...parsers([JSONParser, MultiPartParser, FileUploadParser]),
        handler: echo,
      })
      const send = await listen(app)
      const disposition = { 'Content-Disposition': 'attachment; filename=a' }
      for (const framing of ['length', 'chunked'] as const) {
        expect((await send({ ...aJson, method, framing })).json).toEqual({ data: { a: 1 }, files: {} })
        const upload = { type: multipartX, body: form('X', [file('f', 'f'), 'x']), method, framing }
        expect((await send(upload)).json.files.f).toHaveLength(1)
        const raw = { type: 'image/png', body: 'PNG', headers: disposition, method, framing }
        expect((await send(raw)).json.files.file).toHaveLength(1)
        expect((await send({ type: json, body: 'null', method, framing })).json.data).toBe(null)
        expect((await send({ type: json, method, framing })).json).toEqual({ data: {}, files: {} })
      }
    },
  )

  test.each(['POST', 'QUERY'])('sets request.body of a %s to the value of request.data', async (method) => {
    const app = newApp()
    app.addHttpMethod('QUERY', { hasBody: true, overrideExisting: true })
    const handler = async ({ body, data }: FastifyRequest): Promise<object> => ({ same: body === data, body })
    app.route({ method, url: '/alone', ...parsers([JSONParser]), handler })
    const twice = [parsers([JSONParser]).preParsing, parsers([JSONParser]).preParsing]
    app.route({ method, url: '/twice', preParsing: twice, handler })
    await app.register(async (inner) => {
      await inner.register(multipart)
      inner.route({ method, url: '/mounted', handler })
    })
    const send = await listen(app)
    for (const path of ['/alone', '/twice', '/mounted']) {
      for (const value of [{ a: 1 }, null, 0, '']) {
        const answer = await send({ type: json, body: JSON.stringify(value), method, path })
        expect(answer.json).toEqual({ same: true, body: value })
      }
    }
  })

  test('accepts more than the bodyLimit of Fastify', async () => {
    const app = newApp()
    app.post('/', parsers([MultiPartParser]), echo)
    const send = await listen(app)
    const body = form('X', [file('f', 'f'), 'x'.repeat(2_000_000)])
    expect((await send({ type: multipartX, body })).json.files.f[0].size).toBe(2_000_000)
  })
})

describe('register(multipart)', () => {
  test('applies to its own context and those below, and to no other', async () => {
    const app = newApp()
    await app.register(async (inner) => {
      await inner.register(multipart)
      inner.post('/inner', echo)
      await inner.register(async (deeper) => {
        deeper.post('/deeper', echo)
      })
    })
    app.post('/outer', async ({ body, data }) => ({ body, data: data === undefined }))
    const send = await listen(app)
    for (const path of ['/inner', '/deeper']) {
      expect((await send({ ...aJson, path })).json).toEqual({ data: { a: 1 }, files: {} })
      expect((await send({ type: multipartX, body: form('X', [field('a'), '1']), path })).json.data).toEqual({
        a: '1',
      })
    }
    expect((await send({ ...aJson, path: '/outer' })).json).toEqual({ body: { a: 1 }, data: true })
    expect((await send({ type: multipartX, body: form('X'), path: '/outer' })).status).toBe(415)
  })

  test('sets data of a request without a body, also where the app has a parser for every type', async () => {
    const app = newApp()
    await app.register(multipart)
    app.addContentTypeParser('*', async () => 'theirs')
    app.post('/', echo)
    const send = await listen(app)
    expect((await send({ framing: 'none' })).json).toEqual({ data: {}, files: {} })
    expect((await send({ ...aJson })).json.data).toBe('theirs')
  })

  test('reads the body of a GET, which Fastify never parses, and leaves its headers as they are', async () => {
    const app = newApp()
    await app.register(multipart)
    app.addContentTypeParser(json, async () => 'theirs')
    app.get('/', async ({ headers, data }) => [headers['content-type'], data])
    const send = await listen(app)
    expect((await send({ ...aJson, method: 'GET' })).json).toEqual([json, { a: 1 }])
  })

  test('sets request.body to the value of request.data', async () => {
    const app = newApp()
    await app.register(multipart)
    app.post('/', async ({ body, data }) => ({ same: body === data, body }))
    const send = await listen(app)
    expect((await send(aJson)).json).toEqual({ same: true, body: { a: 1 } })
    expect((await send({ type: json, body: 'null' })).json).toEqual({ same: true, body: null })
    expect((await send({ type: json, body: '0', framing: 'chunked' })).json).toEqual({ same: true, body: 0 })
  })

  test('calls no error handler of the app for a client that went away while the handler parsed', async () => {
    const app = newApp()
    const told: string[] = []
    app.setErrorHandler((error, _request, reply) => {
      told.push('the error handler')
      void reply.send(error)
    })
    await app.register(multipart, { lazy: true, onError: () => void told.push('onError') })
    app.post('/', async (request) => {
      told.push('the handler')
      return request.parse()
    })
    await listen(app)
    const connection = await Connection.open((app.server.address() as AddressInfo).port)
    connection.write(head({ type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\nabc`))
    await expect.poll(() => told).toEqual(['the handler'])
    connection.destroy()
    await expect.poll(() => told).toEqual(['the handler', 'onError'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(told).toEqual(['the handler', 'onError'])
  })

  test('works with inject()', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fastify-'))
    const app = newApp()
    await app.register(multipart, { storage: disk({ directory }) })
    app.post('/', echo)
    app.get('/', echo)
    const headers = { 'content-type': multipartX }
    const upload = await app.inject({
      method: 'POST',
      url: '/',
      headers,
      payload: form('X', [field('a'), '1'], [file('f', 'f'), 'x']),
    })
    expect(upload.json()).toMatchObject({ data: { a: '1' }, files: { f: [{ size: 1 }] } })
    await expect.poll(() => readdir(directory)).toEqual([])
    expect((await app.inject({ method: 'POST', url: '/', payload: { a: 1 } })).json().data).toEqual({ a: 1 })
    expect((await app.inject({ method: 'POST', url: '/' })).json()).toEqual({ data: {}, files: {} })
    expect((await app.inject({ method: 'GET', url: '/' })).json()).toEqual({ data: {}, files: {} })
    const bad = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': json },
      payload: '{',
    })
    expect([bad.statusCode, bad.headers['content-type'], bad.json().code]).toEqual([
      400,
      'application/problem+json',
      'MALFORMED_JSON',
    ])
    const other = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'a/b' },
      payload: 'x',
    })
    expect([other.statusCode, other.json().code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    await rm(directory, { recursive: true })
  })
})

describe('a hook of a route that reads the headers', () => {
  test.each([1, 2, 3])('%i times after the plugin has read the body changes nothing', async (looks) => {
    const app = newApp()
    await app.register(multipart)
    const seen: unknown[] = []
    const look = async (request: FastifyRequest): Promise<void> => {
      for (let count = 0; count < looks; count += 1) seen.push(request.headers.host)
    }
    app.post('/', { preParsing: look }, async (request) => {
      return { ...(await echo(request)), type: request.headers['content-type'] }
    })
    const send = await listen(app)
    expect((await send(aJson)).json).toEqual({ data: { a: 1 }, files: {}, type: json })
    expect(seen).toEqual(Array.from({ length: looks }, () => 'test'))
  })

  test('before the parsers of the route read the body changes nothing', async () => {
    const app = newApp()
    const seen: unknown[] = []
    const look = async (request: FastifyRequest): Promise<void> => void seen.push(request.headers.host)
    app.post('/', { preParsing: [look, parsers([JSONParser]).preParsing] }, echo)
    const send = await listen(app)
    expect((await send(aJson)).json).toEqual({ data: { a: 1 }, files: {} })
    expect(seen).toEqual(['test'])
  })
})

describe('@fastify/multipart beside register(multipart)', () => {
  const message = /@formgate\/fastify and @fastify\/multipart/

  test('is a clear error if it is registered first', async () => {
    const app = newApp()
    await app.register(fastifyMultipart)
    await expect(async () => app.register(multipart)).rejects.toThrow(message)
  })

  test('is a clear error if it is registered second', async () => {
    const app = newApp()
    await app.register(multipart)
    await expect(async () => {
      await app.register(fastifyMultipart)
      await app.ready()
    }).rejects.toThrow(message)
  })

  test('is a clear error if it is registered second in a context below', async () => {
    const app = newApp()
    await app.register(multipart)
    app.register(async (inner) => {
      await inner.register(fastifyMultipart)
    })
    await expect(async () => app.ready()).rejects.toThrow(message)
  })

  test('works in a context of its own', async () => {
    const app = newApp()
    await app.register(async (inner) => {
      await inner.register(fastifyMultipart)
      inner.post('/theirs', async (request) => {
        const part = await request.file()
        return { name: part?.filename, bytes: String(await part?.toBuffer()) }
      })
    })
    await app.register(async (inner) => {
      await inner.register(multipart)
      inner.post('/ours', echo)
    })
    const send = await listen(app)
    const upload = { type: multipartX, body: form('X', [file('f', 'a.txt'), 'x']) }
    expect((await send({ ...upload, path: '/theirs' })).json).toEqual({ name: 'a.txt', bytes: 'x' })
    expect((await send({ ...upload, path: '/ours' })).json.files.f).toHaveLength(1)
  })
})
