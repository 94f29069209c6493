import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import {
  BaseParser,
  FileUploadParser,
  FormParser,
  JSONParser,
  memory,
  MultiPartParser,
  PlainTextParser,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import express from 'express'
import { afterAll, describe, expect, test } from 'vitest'
import { Connection, exchange, field, form, head, multipartX, type Answer, type Sent } from './client.js'
import { frameworks, isExpress5, type App, type Description, type Handling } from './frameworks.js'

const json = 'application/json'
const urlencoded = 'application/x-www-form-urlencoded'
const aJson: Sent = { type: json, body: '{"a":1}' }
const aForm: Sent = { type: urlencoded, body: 'a=1' }
const aMultipart: Sent = { type: multipartX, body: form('X', [field('a'), '1']) }
const aText: Sent = { type: 'text/plain', body: 'hello' }

/** Reads any body of its media type and tells which parser did. */
class Named extends BaseParser {
  readonly mediaType: string
  readonly name: string
  constructor(mediaType: string, name = mediaType) {
    super()
    this.mediaType = mediaType
    this.name = name
  }
  async parse(stream: Readable): Promise<unknown> {
    return { by: this.name, bytes: await text(stream) }
  }
}

const running: App[] = []
afterAll(() => Promise.all(running.map((app) => app.close())))

describe.each(frameworks)('$name', ({ name: framework, start }) => {
  async function app(description: Description): Promise<(sent: Sent) => Promise<Answer>> {
    const started = await start(description)
    running.push(started)
    return (sent) => exchange(started.port, sent)
  }

  const reading = (...parsers: BaseParser[]): Description => ({ routes: [{ path: '/', parsers }] })

  describe('a parser', () => {
    test.each([
      ['application/json', 'application/json; charset=utf-8', true],
      ['application/json', 'APPLICATION/JSON', true],
      ['application/json', 'application/json;', true],
      ['application/json', undefined, false],
      ['application/json', '', false],
      ['application/json', 'application/vnd.api+json', false],
      ['application/json', 'application/json, text/html', false],
      ['application/json', 'application/jsonx', false],
      ['application/json', 'application', false],
      ['Application/JSON; charset=latin1', 'application/json', true],
      ['application/*+json', 'application/vnd.api+json', true],
      ['application/*+json', 'application/json', false],
      ['application/*+json', 'text/vnd.api+json', false],
      ['text/*', 'text/plain', true],
      ['text/*', 'application/text', false],
      ['*/json', 'application/json', true],
      ['*/json', 'application/xml', false],
      ['*/*', 'application/x-anything; a="b;c"', true],
      ['*/*', undefined, true],
      ['*/*', 'no media type', false],
      ['text/csv', '*/*', false],
      ['text/csv', 'text/*', false],
      ['*/*', '*/*', false],
      ['*/*', 'application/*+json', false],
    ])('for %s given a body of type %s reads it: %s', async (mediaType, type, reads) => {
      const send = await app(reading(new Named(mediaType)))
      const answer = await send({ type, body: 'x' })
      expect(answer.status).toBe(reads ? 200 : 415)
    })
  })

  test('one parser may read a list of media types', async () => {
    const parsers = [
      new JSONParser({ mediaType: ['application/json', 'application/*+json'] }),
      new PlainTextParser({ mediaType: ['application/xml', 'text/*'] }),
      new FileUploadParser({ mediaType: ['image/*', 'application/pdf'] }),
    ]
    const send = await app({ routes: [{ path: '/', parsers }] })
    for (const type of ['application/json', 'application/vnd.api+json', 'application/json-patch+json'])
      expect((await send({ type, body: '[{"op":"remove"}]' })).json.data).toEqual([{ op: 'remove' }])
    for (const type of ['application/xml', 'text/xml', 'text/plain'])
      expect((await send({ type, body: '<a/>' })).json.data).toBe('<a/>')
    const headers = { 'Content-Disposition': 'attachment; filename=a.pdf' }
    for (const type of ['image/png', 'application/pdf'])
      expect((await send({ type, headers, body: '%PDF' })).json.files.file).toMatchObject([{ type, size: 4 }])
    const answer = await send({ type: 'application/yaml', body: 'a: 1' })
    expect(answer.headers['accept']).toBe(
      'application/json, application/*+json, application/xml, text/*, image/*, application/pdf',
    )
  })

  test('a route takes a type that multipart() above has read with a parser of more types', async () => {
    const types = ['application/json', 'application/*+json']
    const parsers = [new JSONParser({ mediaType: types })]
    const own = [new JSONParser({ mediaType: 'application/vnd.api+json' })]
    const strict = [new JSONParser({ mediaType: types, strict: false })]
    const send = await app({
      mount: { parsers },
      routes: [
        { path: '/', parsers: own },
        { path: '/strict', parsers: strict },
      ],
    })
    const sent = { type: 'application/vnd.api+json', body: '{"data":[]}' }
    expect((await send(sent)).json.data).toEqual({ data: [] })
    expect((await send({ ...sent, type: json })).status).toBe(415)
    expect((await send({ ...sent, path: '/strict' })).status).toBe(500)
  })

  describe.each([
    ['without multipart()', {}],
    ['below multipart()', { mount: {} }],
    ['below multipart({ lazy: true })', { mount: { lazy: true } }],
  ])('an empty text %s', (_, above: Description) => {
    const echo = ({ data, files, request }: Handling): unknown => ({
      data,
      files,
      body: framework === 'Express' ? (request as { body?: unknown }).body : data,
    })
    class YamlParser extends PlainTextParser {
      override readonly mediaType = 'application/yaml'
    }

    test('is the text without a character, however it is framed', async () => {
      const parsers = [PlainTextParser, YamlParser, JSONParser]
      const send = await app({ ...above, routes: [{ path: '/', parsers, handler: echo }] })
      for (const framing of ['length', 'chunked'] as const) {
        for (const type of ['text/plain', 'text/plain; charset=utf-8', 'application/yaml'])
          expect((await send({ type, body: '', framing })).json).toEqual({ data: '', files: {}, body: '' })
        expect((await send({ type: json, body: '', framing })).json.data).toEqual({})
        expect((await send({ type: undefined, body: '', framing })).json.data).toEqual({})
      }
    })

    test('is no text for a route that takes none', async () => {
      const send = await app({ ...above, routes: [{ path: '/', parsers: [JSONParser] }] })
      expect((await send({ type: 'text/plain', body: '' })).json).toEqual({ data: {}, files: {} })
    })
  })

  test('the first parser in the list that matches reads the body, not the most specific', async () => {
    const send = await app(reading(new Named('text/*', 'first'), new Named('text/csv', 'second')))
    expect((await send({ type: 'text/csv', body: 'x' })).json.data).toEqual({ by: 'first', bytes: 'x' })
  })

  describe('a route with parsers()', () => {
    test.each([
      ['without multipart()', {}],
      ['below multipart()', { mount: {} }],
      ['below multipart({ lazy: true })', { mount: { lazy: true } }],
    ])(
      '%s refuses another media type with a 415 and an Accept header',
      async (_, description: Description) => {
        const send = await app({ ...description, routes: [{ path: '/', parsers: [JSONParser] }] })
        expect((await send(aJson)).json).toEqual({ data: { a: 1 }, files: {} })
        for (const sent of [aForm, aMultipart, aText]) {
          const answer = await send(sent)
          expect(answer.status).toBe(415)
          expect(answer.headers['accept']).toBe('application/json')
          expect(answer.headers['content-type']).toBe('application/problem+json')
          expect(answer.json).toEqual({
            type: 'about:blank',
            title: 'Unsupported Media Type',
            status: 415,
            code: 'UNSUPPORTED_MEDIA_TYPE',
            detail: `Unsupported media type "${sent.type}" in request.`,
            hint: expect.stringContaining('application/json'),
          })
        }
      },
    )

    test('names every media type that it accepts', async () => {
      const send = await app({ routes: [{ path: '/', parsers: [JSONParser, new Named('text/*')] }] })
      const answer = await send(aForm)
      expect(answer.headers['accept']).toBe('application/json, text/*')
      expect(answer.json.hint).toContain('application/json, text/*')
    })

    test('answers a body without Content-Type with a 415 and a hint', async () => {
      const send = await app({ routes: [{ path: '/', parsers: [JSONParser] }] })
      for (const type of [undefined, '']) {
        const answer = await send({ type, body: '{}' })
        expect([answer.status, answer.json.code]).toEqual([415, 'MISSING_CONTENT_TYPE'])
        expect(answer.headers['accept']).toBe('application/json')
        expect(answer.json.hint).toContain('application/json')
      }
    })

    test.each([
      ['without multipart()', {}],
      ['below multipart()', { mount: {} }],
      ['below multipart({ lazy: true })', { mount: { lazy: true } }],
    ])('%s reads what multipart() does not', async (_, description: Description) => {
      const send = await app({ ...description, routes: [{ path: '/', parsers: [PlainTextParser] }] })
      expect((await send(aText)).json).toEqual({ data: 'hello', files: {} })
      expect((await send({ ...aText, framing: 'chunked' })).json).toEqual({ data: 'hello', files: {} })
    })
  })

  describe('below multipart(), a body of a type that has no parser', () => {
    const all = async ({ request }: Handling): Promise<unknown> => ({ bytes: await text(request) })
    const byEvents = ({ request }: Handling): Promise<unknown> =>
      new Promise((resolve) => {
        const chunks: Buffer[] = []
        request
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => resolve({ bytes: Buffer.concat(chunks).toString() }))
      })
    const byIteration = async ({ request }: Handling): Promise<unknown> => {
      let bytes = ''
      for await (const chunk of request) bytes += String(chunk)
      return { bytes }
    }
    const byPipe = async ({ request }: Handling): Promise<unknown> => ({
      bytes: await text(request.pipe(new PassThrough())),
    })
    const handlers = { all, byEvents, byIteration, byPipe }

    test.each(Object.entries(handlers))('is left to the handler as a stream, %s', async (_, handler) => {
      const send = await app({ mount: {}, routes: [{ path: '/', handler }] })
      const large = 'x'.repeat(200_000)
      for (const type of ['application/x-webhook', 'text/plain', 'no media type', 'a, b/c', undefined]) {
        for (const framing of ['length', 'chunked'] as const) {
          expect((await send({ type, body: 'hello', framing })).json).toEqual({ bytes: 'hello' })
          expect((await send({ type, body: large, framing })).json).toEqual({ bytes: large })
        }
      }
    })

    test.each([
      ['data', ({ data }: Handling) => ({ data })],
      ['files', ({ files }: Handling) => ({ files })],
    ])('is a 415 when the handler reads req.%s', async (_, handler) => {
      const send = await app({ mount: {}, routes: [{ path: '/', handler }] })
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await send({ ...aText, framing })
        expect([answer.status, answer.json.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
        expect(answer.headers['content-type']).toBe('application/problem+json')
        expect(answer.headers['accept']).toBe(
          'application/json, application/x-www-form-urlencoded, multipart/form-data',
        )
        expect(answer.json.detail).toBe('Unsupported media type "text/plain" in request.')
      }
    })

    test('is a 415 even if the header names no media type', async () => {
      const send = await app({ mount: {}, routes: [{ path: '/' }, { path: '/query', method: 'QUERY' }] })
      for (const sent of [{}, { method: 'QUERY', path: '/query' }]) {
        const answer = await send({ ...sent, type: 'no media type', body: 'hello' })
        expect(answer.json).toMatchObject({
          status: 415,
          code: 'UNSUPPORTED_MEDIA_TYPE',
          detail: 'Unsupported media type "no media type" in request.',
        })
      }
    })

    test('without a Content-Type is a 415 with another code when the handler reads req.data', async () => {
      const send = await app({ mount: {}, routes: [{ path: '/' }] })
      const answer = await send({ body: 'hello' })
      expect([answer.status, answer.json.code]).toEqual([415, 'MISSING_CONTENT_TYPE'])
    })

    test.each([{ errors: 'next' as const }, {}])(
      'below multipart(%j) reaches the error handler of the app only where multipart() cannot catch it',
      async (mount) => {
        const send = await app({ mount, errorHandler: true, problems: false, routes: [{ path: '/' }] })
        const answer = await send(aText)
        expect(answer.status).toBe(415)
        const own = mount.errors === 'next' || (framework === 'Express' && isExpress5)
        if (own) expect(answer.json).toEqual({ handler: 'own', code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 })
        else expect(answer.json.detail).toContain('Unsupported media type')
      },
    )

    test('is the same 415 when the handler calls parse()', async () => {
      const send = await app({ mount: {}, routes: [{ path: '/', handler: ({ parse }) => parse() }] })
      const answer = await send(aText)
      expect([answer.status, answer.json.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    })
  })

  if (framework === 'Express') {
    test('without problems() a 415 in the handler still has the right status', async () => {
      const send = await app({ mount: {}, problems: false, routes: [{ path: '/' }] })
      const answer = await send(aText)
      expect(answer.status).toBe(415)
      expect(answer.headers['accept']).toContain('application/json')
      expect(answer.body).toContain('Unsupported media type')
    })
  }

  describe('below multipart(), which has read the body', () => {
    test('a route gets it if its list has the parser that read it', async () => {
      const send = await app({
        mount: {},
        routes: [{ path: '/', parsers: [JSONParser, PlainTextParser, FormParser] }],
      })
      expect((await send(aJson)).json.data).toEqual({ a: 1 })
      expect((await send(aForm)).json.data).toEqual({ a: '1' })
      expect((await send(aText)).json.data).toBe('hello')
      expect((await send(aMultipart)).status).toBe(415)
    })

    test('a raw upload of a type that multipart() reads is a 415 with a hint', async () => {
      const send = await app({ mount: {}, routes: [{ path: '/', parsers: [FileUploadParser] }] })
      const answer = await send(aJson)
      expect(answer.status).toBe(415)
      expect(answer.json.hint).toContain('application/json')
    })

    test.each([
      ['limits', { limits: { textSize: 10 } }],
      ['storage', { storage: memory() }],
    ])('the route option %s, which has no effect, is a 500 for the error handler', async (_, options) => {
      const send = await app({
        mount: {},
        errorHandler: true,
        routes: [{ path: '/', parsers: [JSONParser], options }],
      })
      const answer = await send(aJson)
      expect(answer.status).toBe(500)
      expect(answer.json).toEqual({ handler: 'own', code: 'BODY_ALREADY_READ', status: 500 })
      // Without a body there was nothing to read.
      expect((await send({})).status).toBe(200)
    })

    test('a parser with other options is a 500', async () => {
      const routes = [{ path: '/', parsers: [new JSONParser({ strict: false })] }]
      const send = await app({ mount: {}, errorHandler: true, routes })
      expect((await send(aJson)).json).toMatchObject({ code: 'BODY_ALREADY_READ' })
    })

    test('a parser with the same options gets the body', async () => {
      const parsers = [new JSONParser({ strict: false })]
      const routes = [
        { path: '/', parsers: [new JSONParser({ strict: false })] },
        { path: '/class', parsers: [JSONParser] },
      ]
      const send = await app({ mount: { parsers }, routes })
      expect((await send({ type: json, body: '1e999' })).json.data).toBe(null)
      expect((await send({ ...aJson, path: '/class' })).json.data).toEqual({ a: 1 })
    })
  })

  describe('below multipart({ lazy: true })', () => {
    const lazy = { lazy: true }

    test('parse() reads the body once, however often it is called', async () => {
      const handler = async (handling: Handling): Promise<unknown> => {
        const [first, second] = await Promise.all([handling.parse(), handling.parse()])
        const third = await handling.parse()
        return [first.data, second.data, third.data, handling.data]
      }
      const send = await app({ mount: lazy, routes: [{ path: '/', handler }] })
      expect((await send(aJson)).json).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }])
      expect((await send(aMultipart)).json[3]).toEqual({ a: '1' })
      expect((await send({})).json[3]).toEqual({})
    })

    test('reading data before it is parsed is a 500', async () => {
      const send = await app({ mount: lazy, errorHandler: true, routes: [{ path: '/' }] })
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await send({ ...aJson, framing })
        expect(answer.json).toEqual({ handler: 'own', code: 'BODY_NOT_PARSED', status: 500 })
      }
      expect((await send({})).json).toEqual({ data: {}, files: {} })
    })

    test('limits, storage and parsers of a route apply', async () => {
      const send = await app({
        mount: { ...lazy, limits: { fieldSize: 1 } },
        routes: [
          { path: '/json', parsers: [JSONParser], options: { limits: { textSize: 7 } } },
          { path: '/form', parsers: [FormParser], options: { limits: { textSize: 7 } } },
          { path: '/raw', parsers: [FileUploadParser], options: { storage: [] } },
        ],
      })
      expect((await send({ ...aJson, path: '/json' })).status).toBe(200)
      expect((await send({ ...aJson, body: '{"a":12}', path: '/json' })).json).toMatchObject({ limit: 7 })
      // The limits of the route are laid over those of the mount.
      expect((await send({ ...aForm, body: 'a=12', path: '/form' })).json).toMatchObject({
        code: 'LIMIT_FIELD_SIZE',
        limit: 1,
      })
      const headers = { 'Content-Disposition': 'attachment; filename=a' }
      expect((await send({ ...aText, headers, path: '/raw' })).json.code).toBe('UNHANDLED_FILE')
    })

    test('a body that the handler does not ask for stays unread, and the connection goes on', async () => {
      const send = await app({ mount: lazy, routes: [{ path: '/', handler: () => 'fine' }] })
      const large = { ...aJson, body: `"${'x'.repeat(500_000)}"` }
      expect((await send(large)).json).toBe('fine')
      expect((await send({ ...large, framing: 'chunked' })).json).toBe('fine')
    })
  })

  describe('a multipart() inside another', () => {
    test('reads the bodies that the outer one leaves', async () => {
      const send = await app({
        mount: [{ parsers: [JSONParser] }, { parsers: [PlainTextParser] }],
        errorHandler: true,
        routes: [{ path: '/' }],
      })
      expect((await send(aText)).json.data).toBe('hello')
      // The outer one has read this body without the options of the inner one.
      expect((await send(aJson)).json).toEqual({ handler: 'own', code: 'BODY_ALREADY_READ', status: 500 })
      expect((await send(aForm)).json).toMatchObject({ status: 415 })
    })

    test('without options changes nothing', async () => {
      const send = await app({ mount: [{}, {}], routes: [{ path: '/' }] })
      expect((await send(aJson)).json.data).toEqual({ a: 1 })
      expect((await send(aText)).status).toBe(415)
    })

    test('takes effect if the outer one is lazy', async () => {
      const send = await app({
        mount: [{ lazy: true }, { limits: { textSize: 7 } }],
        routes: [{ path: '/' }],
      })
      expect((await send(aJson)).json.data).toEqual({ a: 1 })
      expect((await send({ ...aJson, body: '{"a":12}' })).status).toBe(413)
    })
  })

  test('two apps in one process each have their own options', async () => {
    const routes = [{ path: '/' }]
    const strict = await app({ mount: { parsers: [JSONParser], limits: { textSize: 7 } }, routes })
    const loose = await app({ mount: { parsers: [MultiPartParser, PlainTextParser] }, routes })
    const usual = await app({ mount: {}, routes })
    expect((await strict(aJson)).json.data).toEqual({ a: 1 })
    expect((await strict({ ...aJson, body: '{"a":12}' })).status).toBe(413)
    expect((await strict(aText)).status).toBe(415)
    expect((await loose(aJson)).status).toBe(415)
    expect((await loose(aText)).json.data).toBe('hello')
    expect((await usual({ ...aJson, body: '{"a":12}' })).json.data).toEqual({ a: 12 })
    expect((await usual(aText)).status).toBe(415)
  })

  test('an unexpected error in a parser is a 500', async () => {
    class Broken extends BaseParser {
      readonly mediaType = 'text/plain'
      parse(): never {
        throw new TypeError('a bug')
      }
    }
    const send = await app({ ...reading(new Broken()), errorHandler: true })
    expect((await send(aText)).json).toEqual({ handler: 'own', status: 500 })
  })

  test('a parser that reads past a limit gets the 413 from the stream', async () => {
    const send = await app({
      routes: [{ path: '/', parsers: [new Named('text/csv')], options: { limits: { textSize: 5 } } }],
    })
    expect((await send({ type: 'text/csv', body: '12345' })).status).toBe(200)
    for (const framing of ['length', 'chunked'] as const) {
      const answer = await send({ type: 'text/csv', body: '123456', framing })
      expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 5 })
    }
  })

  test('a parser that reads nothing does not hang the connection', async () => {
    class Blind extends BaseParser {
      readonly mediaType = '*/*'
      parse(): string {
        return 'blind'
      }
    }
    const send = await app(reading(new Blind()))
    const large = { type: 'a/b', body: 'x'.repeat(300_000) }
    expect((await send(large)).json.data).toBe('blind')
    expect((await send({ ...large, framing: 'chunked' })).json.data).toBe('blind')
  })

  test('a parser gets the request, headers, route parameters, charset, limits and a signal', async () => {
    class Nosy extends BaseParser {
      readonly mediaType = 'text/plain'
      async parse(stream: Readable, mediaType: object, context: object): Promise<unknown> {
        await text(stream)
        const { headers, params, encoding, limits, signal } = context as Record<string, any>
        return {
          keys: Object.keys(context),
          mediaType,
          type: headers['content-type'],
          params,
          encoding,
          nesting: limits.nesting,
          aborted: signal.aborted,
        }
      }
    }
    const send = await app({ routes: [{ path: '/:id', parsers: [Nosy] }] })
    const type = 'text/plain; charset=latin1'
    const { data } = (await send({ ...aText, path: '/7', type })).json
    expect(data).toMatchObject({
      type,
      params: { id: '7' },
      encoding: 'latin1',
      nesting: 8,
      aborted: false,
      mediaType: { essence: 'text/plain' },
    })
    expect(data.keys).toEqual(
      expect.arrayContaining(['request', 'headers', 'limits', 'partParser', 'signal', 'storeFile']),
    )
    for (const name of ['req', 'ctx', 'response']) expect(data.keys).not.toContain(name)
  })
})

test('the empty data of multipart() stays what middleware has made of it, also below parsers()', async () => {
  const app = express()
  app.use(onExpress.multipart())
  app.use((req, _res, next) => {
    Object.assign(req.data as object, { tenant: 'a' })
    next()
  })
  app.post('/', onExpress.parsers([JSONParser]), (req, res) => {
    res.json(req.data)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = await Connection.open((server.address() as AddressInfo).port)
  expect((await connection.write(head({ type: json })).answer()).json).toEqual({ tenant: 'a' })
  connection.destroy()
  server.close()
})
