/** One request, every framework and every version of HTTP: the same status, Content-Type and body, byte for byte. */
import { connect, type ClientHttp2Session } from 'node:http2'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { FileUploadParser, FormParser, JSONParser, MultiPartParser, PlainTextParser } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenRequests } from '../../examples/playground/public/broken-requests.js'
import { sections } from '../conformance/cases.js'
import { exchange, field, file, form, multipartX, type Answer, type Cut, type Sent } from './client.js'
import { codeCases, everyCodeApp } from './every-code.js'
import { everyFramework, type App, type Description } from './frameworks.js'
import { exchangeHttp2 } from './http2-client.js'

/** What a client sees of an answer. */
interface Seen {
  readonly status: number
  readonly type: string | undefined
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  readonly body: string
}

type Send = (sent: Sent, cut?: Cut) => Promise<Answer>

function seen({ status, headers, body }: Answer): Seen {
  return {
    status,
    type: headers['content-type'],
    accept: headers['accept'],
    acceptEncoding: headers['accept-encoding'],
    body,
  }
}

/** The same app on every framework, over HTTP/1.1 and, where the framework speaks it, over HTTP/2. */
function everywhere(description: Description): (sent: Sent, cut?: Cut) => Promise<Seen> {
  const apps: App[] = []
  const sessions: ClientHttp2Session[] = []
  const senders = new Map<string, Send>()
  beforeAll(async () => {
    for (const { name, start } of everyFramework) {
      const app = await start(description)
      apps.push(app)
      senders.set(name, (sent, cut) => exchange(app.port, sent, cut))
      if (name === 'Express') continue
      const http2 = await start({ ...description, http2: true })
      apps.push(http2)
      const session = connect(`http://127.0.0.1:${http2.port}`)
      sessions.push(session)
      senders.set(`${name} over HTTP/2`, (sent, cut) => exchangeHttp2(session, sent, cut))
    }
  })
  afterAll(async () => {
    sessions.forEach((session) => session.destroy())
    await Promise.all(apps.map((app) => app.close()))
  })
  return async (sent, cut) => {
    const answers = await Promise.all(
      [...senders].map(async ([name, send]) => [name, seen(await send(sent, cut))] as const),
    )
    const [[, first]] = answers as [(typeof answers)[number]]
    for (const [name, answer] of answers) expect(answer, `${name} answers as Express does`).toEqual(first)
    return first
  }
}

describe('every code', () => {
  const ask = everywhere(everyCodeApp)

  test.each(codeCases)('$code is answered alike everywhere', async ({ code, status, sent }) => {
    for (const framing of sent.framing === undefined ? (['length', 'chunked'] as const) : [sent.framing]) {
      // This body is compared with its declared length.
      if (code === 'LENGTH_MISMATCH' && framing === 'chunked') continue
      const answer = await ask({ ...sent, framing })
      expect([answer.status, (JSON.parse(answer.body) as { code: string }).code]).toEqual([status, code])
    }
  })
})

describe('multipart bodies', () => {
  const all = [JSONParser, FormParser, MultiPartParser]
  const ask = everywhere({ mount: { parsers: all }, routes: [{ path: '/' }] })
  const cases = sections.flatMap((section) => section.cases.filter(({ limits }) => limits === undefined))

  test.each(cases)('$name: the answer is the same everywhere', async ({ contentType, body }) => {
    const sent: Sent = { type: contentType, body: Buffer.from(body, 'latin1') }
    const whole = await ask(sent)
    expect(await ask({ ...sent, framing: 'chunked' })).toEqual(whole)
    if (body.length <= 600) expect(await ask({ ...sent, framing: 'chunked' }, 'byte by byte')).toEqual(whole)
  })
})

describe('the broken requests of the playground', () => {
  const tiny = { fileSize: 64 * 1024, files: 1, fieldSize: 256 }
  const ask = everywhere({
    mount: { lazy: true },
    routes: [
      { path: '/echo', parsers: [JSONParser, FormParser, MultiPartParser] },
      { path: '/tiny', parsers: [MultiPartParser], options: { limits: tiny } },
      { path: '/raw/:filename', method: 'PUT', parsers: [FileUploadParser] },
    ],
  })

  test.each(brokenRequests)(
    '“$title” is answered alike everywhere',
    async ({ method, path, headers, body, answer }) => {
      const { status, body: problem } = await ask({ method, path, headers, body })
      expect([status, JSON.parse(problem)]).toMatchObject([answer.status, answer])
    },
  )
})

describe('encodings', () => {
  const ask = everywhere({
    mount: {
      parsers: [JSONParser, FormParser, MultiPartParser, PlainTextParser],
      limits: { textSize: 1000 },
    },
    routes: [{ path: '/' }],
  })
  const json = 'application/json'
  const large = JSON.stringify('x'.repeat(5000))
  const encoded: readonly (readonly [string, string, Buffer])[] = [
    ['gzip', 'gzip', gzipSync('{"a":1}')],
    ['GZIP', 'GZIP', gzipSync('{"a":1}')],
    ['x-gzip', 'x-gzip', gzipSync('{"a":1}')],
    ['deflate', 'deflate', deflateSync('{"a":1}')],
    ['br', 'br', brotliCompressSync('{"a":1}')],
    ['gzip that decompresses to too much', 'gzip', gzipSync(large)],
    ['br that decompresses to too much', 'br', brotliCompressSync(large)],
    ['gzip that is cut', 'gzip', gzipSync('{"a":1}').subarray(0, -5)],
    ['gzip that is not gzip', 'gzip', Buffer.from('{"a":1}')],
    ['gzip with trailing bytes', 'gzip', Buffer.concat([gzipSync('{"a":1}'), Buffer.from('more')])],
    ['gzip of nothing', 'gzip', gzipSync('')],
    ['gzip twice', 'gzip, gzip', gzipSync(gzipSync('{"a":1}'))],
    ['identity', 'identity', Buffer.from('{"a":1}')],
    ['an unknown encoding', 'zstd', Buffer.from('{"a":1}')],
  ]

  test.each(encoded)('%s is answered alike everywhere', async (_, encoding, body) => {
    for (const type of [json, 'text/plain', 'application/x-www-form-urlencoded', multipartX]) {
      const sent: Sent = { type, headers: { 'Content-Encoding': encoding }, body }
      const whole = await ask(sent)
      expect(await ask({ ...sent, framing: 'chunked' })).toEqual(whole)
      expect(await ask({ ...sent, framing: 'chunked' }, 'byte by byte')).toEqual(whole)
    }
  })
})

describe('names', () => {
  const expectAlike = everywhere({
    mount: { lazy: true, parsers: [FormParser, MultiPartParser] },
    routes: [
      { path: '/', parsers: [FormParser, MultiPartParser] },
      { path: '/raw/:filename', parsers: [FileUploadParser] },
      { path: '/raw', parsers: [FileUploadParser] },
    ],
  })
  const names = [
    'a',
    'é',
    '写真',
    'a b',
    'a.b',
    'a[b]',
    'a[]',
    '__proto__',
    'constructor',
    'a%22b',
    '../../x',
    'C:\\x',
    'CON',
    ' ',
    "it's",
    'x'.repeat(180),
  ]

  test.each(names)('the name %j is answered alike everywhere', async (name) => {
    const multipart = form('X', [field(name), '1'], [file(name, name), 'hello'])
    await expectAlike({ type: multipartX, body: multipart })
    await expectAlike({
      type: 'application/x-www-form-urlencoded',
      body: `${encodeURIComponent(name)}=1&${name}=2`,
    })
    // Fastify limits the length of path parameters.
    const parameter = encodeURIComponent(name.slice(0, 100))
    await expectAlike({ path: `/raw/${parameter}`, type: 'image/png', body: 'PNG' })
    const star = `attachment; filename*=UTF-8''${encodeURIComponent(name)}`
    await expectAlike({
      path: '/raw',
      type: 'image/png',
      headers: { 'Content-Disposition': star },
      body: 'PNG',
    })
  })
})
