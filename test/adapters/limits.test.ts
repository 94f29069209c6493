import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import {
  disk,
  FileUploadParser,
  FormParser,
  JSONParser,
  MultiPartParser,
  PlainTextParser,
  type Limits,
} from '@formgate/core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  chunk,
  Connection,
  exchange,
  expectInStep,
  field,
  file,
  form,
  head,
  lastChunk,
  multipartX,
  type Sent,
} from './client.js'
import { frameworks, type App } from './frameworks.js'

const urlencoded = 'application/x-www-form-urlencoded'
const gzip = { 'Content-Encoding': 'gzip' }

class YamlParser extends PlainTextParser {
  override readonly mediaType = 'application/yaml'
}

const texts = new PlainTextParser({ mediaType: ['text/plain', 'application/xml'] })
const all = [JSONParser, FormParser, MultiPartParser, texts, YamlParser, FileUploadParser]

interface Limited {
  readonly of: string
  readonly limits: Partial<Limits>
  readonly passes: Sent
  readonly fails: Sent
  readonly code: string
  readonly limit: number
  readonly field?: string
}

const fields = (count: number, value = ''): Sent => ({
  type: urlencoded,
  body: Array.from({ length: count }, (_, at) => `${at}=${value}`).join('&'),
})
const parts = (...list: readonly (readonly [string, string])[]): Sent => ({
  type: multipartX,
  body: form('X', ...list),
})
const raw = (size: number): Sent => ({
  type: 'image/png',
  body: 'x'.repeat(size),
  headers: { 'Content-Disposition': 'attachment; filename=a' },
})
const f = file('f', 'f')
const jsonPart = (name: string): string => `${field(name)}\r\nContent-Type: application/json`

const limited: readonly Limited[] = [
  {
    of: 'the size of a JSON body',
    limits: { textSize: 7 },
    passes: { type: 'application/json', body: '{"a":1}' },
    fails: { type: 'application/json', body: '{"a":12}' },
    code: 'LIMIT_BODY_SIZE',
    limit: 7,
  },
  {
    of: 'the number of JSON values in a body',
    limits: { jsonValues: 6 },
    passes: { type: 'application/json', body: '[1,{"a":2,"b":[]},"[,,]"]' },
    fails: { type: 'application/json', body: '[1,{"a":2,"b":[3]},"[,,]"]' },
    code: 'LIMIT_JSON_VALUES',
    limit: 6,
  },
  {
    of: 'the number of JSON values in all parts of a form',
    limits: { jsonValues: 4 },
    passes: parts([jsonPart('a'), '[1]'], [jsonPart('b'), '[1]']),
    fails: parts([jsonPart('a'), '[1]'], [jsonPart('b'), '[1,2]']),
    code: 'LIMIT_JSON_VALUES',
    limit: 4,
    field: 'b',
  },
  {
    of: 'the size of a URL-encoded body',
    limits: { textSize: 3 },
    passes: { type: urlencoded, body: 'a=1' },
    fails: { type: urlencoded, body: 'a=12' },
    code: 'LIMIT_BODY_SIZE',
    limit: 3,
  },
  {
    of: 'the size of a text body',
    limits: { textSize: 3 },
    passes: { type: 'text/plain', body: 'abc' },
    fails: { type: 'text/plain', body: 'abcd' },
    code: 'LIMIT_BODY_SIZE',
    limit: 3,
  },
  {
    of: 'the size of a text body of another type',
    limits: { textSize: 3 },
    passes: { type: 'application/xml', body: '<a>' },
    fails: { type: 'application/xml', body: '<ab>' },
    code: 'LIMIT_BODY_SIZE',
    limit: 3,
  },
  {
    of: 'the size of a text body of the type of a subclass, once it is decompressed',
    limits: { textSize: 50 },
    passes: { type: 'application/yaml', headers: gzip, body: gzipSync('x'.repeat(50)) },
    fails: { type: 'application/yaml', headers: gzip, body: gzipSync('x'.repeat(51)) },
    code: 'LIMIT_BODY_SIZE',
    limit: 50,
  },
  {
    of: 'the size of a multipart body',
    limits: { bodySize: form('X', [f, 'abc']).length },
    passes: parts([f, 'abc']),
    fails: parts([f, 'abcd']),
    code: 'LIMIT_BODY_SIZE',
    limit: form('X', [f, 'abc']).length,
  },
  {
    of: 'the size of a raw file as a body',
    limits: { bodySize: 5 },
    passes: raw(5),
    fails: raw(6),
    code: 'LIMIT_BODY_SIZE',
    limit: 5,
  },
  {
    of: 'the size of a raw file',
    limits: { fileSize: 5 },
    passes: raw(5),
    fails: raw(6),
    code: 'LIMIT_FILE_SIZE',
    limit: 5,
  },
  {
    of: 'the size of a file in a form',
    limits: { fileSize: 5 },
    passes: parts([f, '12345'], [file('g', 'g'), '12345']),
    fails: parts([file('g', 'g'), '12345'], [f, '123456']),
    code: 'LIMIT_FILE_SIZE',
    limit: 5,
    field: 'f',
  },
  {
    of: 'the size of a large file in a form',
    limits: { fileSize: 300_000 },
    passes: parts([f, 'x'.repeat(300_000)]),
    fails: parts([f, 'x'.repeat(300_001)]),
    code: 'LIMIT_FILE_SIZE',
    limit: 300_000,
    field: 'f',
  },
  {
    of: 'the size of a file, at 0',
    limits: { fileSize: 0 },
    passes: parts([f, '']),
    fails: parts([f, '1']),
    code: 'LIMIT_FILE_SIZE',
    limit: 0,
    field: 'f',
  },
  {
    of: 'the number of files',
    limits: { files: 2 },
    passes: parts([f, '1'], [f, '2'], [field('a'), ''], [file('f', ''), '']),
    fails: parts([f, '1'], [f, '2'], [f, '3']),
    code: 'LIMIT_FILES',
    limit: 2,
    field: 'f',
  },
  {
    of: 'the number of files, at 0',
    limits: { files: 0 },
    passes: parts([field('a'), ''], [file('f', ''), '']),
    fails: parts([f, '']),
    code: 'LIMIT_FILES',
    limit: 0,
    field: 'f',
  },
  {
    of: 'the value of a multipart field',
    limits: { fieldSize: 5 },
    passes: parts([field('a'), '12345'], [field('b'), 'é€'], [f, '123456']),
    fails: parts([f, '123456'], [field('a'), '123456']),
    code: 'LIMIT_FIELD_SIZE',
    limit: 5,
    field: 'a',
  },
  {
    of: 'the bytes, not characters, of the value of a multipart field',
    limits: { fieldSize: 3 },
    passes: parts([field('a'), '€']),
    fails: parts([field('a'), '€1']),
    code: 'LIMIT_FIELD_SIZE',
    limit: 3,
    field: 'a',
  },
  {
    of: 'the value of a JSON part',
    limits: { fieldSize: 3 },
    passes: parts([`${field('a')}\r\nContent-Type: application/json`, '[1]']),
    fails: parts([`${field('a')}\r\nContent-Type: application/json`, '[12]']),
    code: 'LIMIT_FIELD_SIZE',
    limit: 3,
    field: 'a',
  },
  {
    of: 'the value of a URL-encoded field',
    limits: { fieldSize: 3 },
    passes: { type: urlencoded, body: 'a=%E2%82%AC&b=123' },
    fails: { type: urlencoded, body: 'b=123&a=1234' },
    code: 'LIMIT_FIELD_SIZE',
    limit: 3,
    field: 'a',
  },
  {
    of: 'the name of a multipart field',
    limits: { fieldNameSize: 3 },
    passes: parts([field('abc'), ''], [field('€'), '']),
    fails: parts([field('€a'), '']),
    code: 'LIMIT_FIELD_NAME',
    limit: 3,
  },
  {
    of: 'the name of a file',
    limits: { fieldNameSize: 3 },
    passes: parts([file('abc', 'long-name.txt'), '']),
    fails: parts([file('abcd', 'a'), '']),
    code: 'LIMIT_FIELD_NAME',
    limit: 3,
  },
  {
    of: 'the name of a URL-encoded field',
    limits: { fieldNameSize: 3 },
    passes: { type: urlencoded, body: 'abc=1&%E2%82%AC=1' },
    fails: { type: urlencoded, body: 'abcd=1' },
    code: 'LIMIT_FIELD_NAME',
    limit: 3,
  },
  {
    of: 'the fields of a multipart form',
    limits: { fields: 2 },
    passes: parts([field('a'), ''], [field('a'), ''], [f, '']),
    fails: parts([field('a'), ''], [field('a'), ''], [field('a'), '']),
    code: 'LIMIT_FIELDS',
    limit: 2,
  },
  {
    of: 'the fields of a URL-encoded form',
    limits: { fields: 2 },
    passes: { type: urlencoded, body: 'a=1&&a=2&' },
    fails: { type: urlencoded, body: 'a=1&a=2&b' },
    code: 'LIMIT_FIELDS',
    limit: 2,
  },
  {
    of: 'the fields of a form by default',
    limits: {},
    passes: fields(1000),
    fails: fields(1001),
    code: 'LIMIT_FIELDS',
    limit: 1000,
  },
  {
    of: 'the parts of a form',
    limits: { parts: 3 },
    passes: parts([field('a'), ''], [f, ''], [file('f', ''), '']),
    fails: parts([field('a'), ''], [f, ''], [file('f', ''), ''], [file('f', ''), '']),
    code: 'LIMIT_PARTS',
    limit: 3,
  },
  {
    of: 'the header of a part',
    limits: { headerSize: field('a').length },
    passes: parts([field('a'), '']),
    fails: parts([field('ab'), '']),
    code: 'LIMIT_HEADER_SIZE',
    limit: field('a').length,
  },
  {
    of: 'the header of a part by default',
    limits: {},
    passes: parts([`${field('a')}\r\nX-Y: `.padEnd(16 * 1024, 'y'), '']),
    fails: parts([`${field('a')}\r\nX-Y: `.padEnd(16 * 1024 + 1, 'y'), '']),
    code: 'LIMIT_HEADER_SIZE',
    limit: 16 * 1024,
  },
  {
    of: 'the header lines of a part',
    limits: { headerLines: 2 },
    passes: parts([`${field('a')}\r\nX-Y: 1`, ''], [f, '']),
    fails: parts([f, ''], [`${field('a')}\r\nX-Y: 1\r\nX-Z: 2`, '']),
    code: 'LIMIT_HEADER_SIZE',
    limit: 2,
  },
  {
    of: 'the header lines of a file',
    limits: { headerLines: 1 },
    passes: parts([field('a'), ''], [`${field('f')}; filename="f"`, '']),
    fails: parts([field('a'), ''], [f, '']),
    code: 'LIMIT_HEADER_SIZE',
    limit: 1,
  },
  {
    of: 'the header lines of a part by default',
    limits: {},
    passes: parts([`${field('a')}${'\r\nX:'.repeat(63)}`, '']),
    fails: parts([`${field('a')}${'\r\nX:'.repeat(64)}`, '']),
    code: 'LIMIT_HEADER_SIZE',
    limit: 64,
  },
  {
    of: 'all fields of a multipart form together',
    limits: { fieldsSize: 8 },
    passes: parts([field('a'), '123'], [field('b'), '123'], [f, '12345678901']),
    fails: parts([field('a'), '123'], [field('b'), '1234']),
    code: 'LIMIT_FIELD_SIZE',
    limit: 8,
  },
  {
    of: 'all fields of a URL-encoded form together',
    limits: { fieldsSize: 8 },
    passes: { type: urlencoded, body: 'a=123&b=123' },
    fails: { type: urlencoded, body: 'a=123&b=1234' },
    code: 'LIMIT_FIELD_SIZE',
    limit: 8,
  },
  {
    of: 'the levels of JSON',
    limits: { jsonDepth: 2 },
    passes: { type: 'application/json', body: '{"a":[1,"x"]}' },
    fails: { type: 'application/json', body: '{"a":[{}]}' },
    code: 'LIMIT_NESTING',
    limit: 2,
  },
  {
    of: 'the levels of JSON by default',
    limits: {},
    passes: { type: 'application/json', body: `${'['.repeat(64)}${']'.repeat(64)}` },
    fails: { type: 'application/json', body: `${'['.repeat(65)}${']'.repeat(65)}` },
    code: 'LIMIT_NESTING',
    limit: 64,
  },
  {
    of: 'the levels of JSON in a part',
    limits: { nesting: 1 },
    passes: parts([jsonPart('a'), `${'['.repeat(64)}${']'.repeat(64)}`]),
    fails: parts([jsonPart('a'), `${'['.repeat(65)}${']'.repeat(65)}`]),
    code: 'LIMIT_NESTING',
    limit: 64,
    field: 'a',
  },
  {
    of: 'the levels of JSON without a limit',
    limits: { jsonDepth: Infinity },
    passes: { type: 'application/json', body: `${'['.repeat(1000)}${']'.repeat(1000)}` },
    fails: { type: 'application/json', body: `${'['.repeat(1001)}${']'.repeat(1001)}` },
    code: 'LIMIT_NESTING',
    limit: 1000,
  },
  {
    of: 'the levels of JSON, at 0',
    limits: { jsonDepth: 0 },
    passes: { type: 'application/json', body: '1' },
    fails: { type: 'application/json', body: '[]' },
    code: 'LIMIT_NESTING',
    limit: 0,
  },
]

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'limits-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** Files are removed at the latest when their response has ended. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => readdir(directory)).toEqual([])
}

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
    await expectNothingLeft()
  })

  async function app(limits: Partial<Limits>): Promise<App> {
    const started = await start({
      mount: { parsers: all, limits, storage: disk({ directory }) },
      routes: [{ path: '/' }],
    })
    apps.push(started)
    return started
  }

  describe.each(limited)('the limit on $of', ({ limits, passes, fails, code, limit, field: name }) => {
    test.each(['length', 'chunked'] as const)(
      'admits what reaches it and refuses more with a 413: %s',
      async (framing) => {
        const { port, handled } = await app(limits)
        for (const cut of ['whole', 'byte by byte'] as const) {
          const cutHere = passes.body!.length > 500 ? 'whole' : cut
          const fine = await exchange(port, { ...passes, framing }, cutHere)
          expect(fine).toMatchObject({ status: 200 })
          const runs = handled()
          const answer = await exchange(port, { ...fails, framing }, cutHere)
          expect(answer.json).toEqual({
            type: 'about:blank',
            title: 'Payload Too Large',
            status: 413,
            code,
            detail: expect.stringContaining(code === 'LIMIT_FIELD_NAME' ? 'name' : String(limit)),
            hint: expect.any(String),
            limit,
            ...(name !== undefined && { field: name }),
          })
          expect(answer.status).toBe(413)
          expect(handled()).toBe(runs)
        }
      },
    )

    test('holds if the declared length is too long', async () => {
      const { port, handled } = await app({ ...limits, bodySize: Infinity, textSize: Infinity, ...limits })
      const body = fails.body as string
      const declared = { 'Content-Length': String(body.length + 1000) }
      const tell = async (end: 'end' | 'reset'): Promise<void> => {
        const connection = await Connection.open(port)
        connection.write(head({ ...fails, framing: 'none', headers: { ...fails.headers, ...declared } }))
        connection.write(body)
        // Either these bytes are over the limit already, or the server waits for more.
        const answer = await Promise.race([connection.answer().catch(() => undefined), silence()])
        if (answer !== undefined) expect([answer.status, answer.json.code]).toEqual([413, code])
        connection[end]()
        if (end === 'end') await connection.closed()
      }
      await Promise.all([tell('end'), tell('reset')])
      expect(handled()).toBe(0)
    })

    test('holds if the declared length is too short', async () => {
      const { port, handled } = await app(limits)
      const body = fails.body as string
      for (const less of [1, Math.ceil(body.length / 2)]) {
        const declared = { 'Content-Length': String(body.length - less) }
        const connection = await Connection.open(port)
        connection.write(head({ ...fails, framing: 'none', headers: { ...fails.headers, ...declared } }))
        const runs = handled()
        connection.write(body.slice(0, -less))
        const answer = await connection.answer()
        // Cut there, the body may be within the limit: valid, or malformed.
        expect([200, 400, 413]).toContain(answer.status)
        expect(handled()).toBe(answer.status === 200 ? runs + 1 : runs)
        // The rest belongs neither to this body nor to a body of the next request.
        connection.write(`${body.slice(-less)}\r\n\r\nGET /alive HTTP/1.1\r\nHost: test\r\n\r\n`)
        const next = await connection.answer().catch(() => undefined)
        expect([200, 400, undefined]).toContain(next?.status)
        if (next?.status === 200) expect(next.body).toBe('alive')
        connection.destroy()
        expect(handled()).toBe(answer.status === 200 ? runs + 1 : runs)
      }
    })
  })

  test('a declared length over the limit is refused before the body arrives', async () => {
    const { port } = await app({ textSize: 10 })
    const connection = await Connection.open(port)
    connection.write(
      head({ type: 'application/json', framing: 'none', headers: { 'Content-Length': '1000000' } }),
    )
    const answer = await connection.answer()
    expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 10 })
    expect(answer.headers['connection']).toBe('close')
    connection.destroy()
  })

  test('a client that goes on sending reads the 413 and is then cut off', async () => {
    const { port } = await app({ fileSize: 1000 })
    const connection = await Connection.open(port)
    connection.write(head({ type: multipartX, framing: 'chunked' })).write(chunk(`--X\r\n${f}\r\n\r\n`))
    const piece = chunk('x'.repeat(64 * 1024))
    const sending = setInterval(() => connection.write(piece), 1)
    try {
      const answer = await connection.answer()
      expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE' })
      expect(answer.headers['connection']).toBe('close')
      await connection.closed()
    } finally {
      clearInterval(sending)
      connection.destroy()
    }
  })

  test('bytes after the declared length are not part of the body', async () => {
    const { port } = await app({})
    const connection = await Connection.open(port)
    const body = form('X', [field('a'), '1'])
    connection.write(head({ type: multipartX, framing: 'none', headers: { 'Content-Length': '30' } }))
    connection.write(body.slice(0, 30))
    const answer = await connection.answer()
    expect([answer.status, answer.json.code]).toEqual([400, 'TRUNCATED_BODY'])
    connection.write(body.slice(30))
    expect((await connection.answer()).status).toBe(400)
    await connection.closed()
  })

  test('no handler runs for a body that ends before its declared length', async () => {
    const { port, handled } = await app({})
    const connection = await Connection.open(port)
    const body = form('X', [f, 'x'.repeat(1000)])
    connection.write(head({ type: multipartX, framing: 'none', headers: { 'Content-Length': '5000' } }))
    connection.write(body)
    await expect.poll(() => readdir(directory)).not.toEqual([])
    connection.end()
    await connection.closed()
    await expectNothingLeft()
    expect(handled()).toBe(0)
  })

  test('textSize holds for a body both before and after it is decompressed', async () => {
    const { port } = await app({ textSize: 100 })
    const headers = { 'Content-Encoding': 'gzip' }
    const zipped = (size: number): Sent => ({
      type: 'application/json',
      headers,
      body: gzipSync(JSON.stringify('x'.repeat(size - 2))),
    })
    for (const framing of ['length', 'chunked'] as const) {
      expect(await exchange(port, { ...zipped(100), framing })).toMatchObject({ status: 200 })
      for (const size of [101, 5_000_000]) {
        const answer = await exchange(port, { ...zipped(size), framing })
        expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 100 })
      }
      // Noise cannot be compressed.
      const noise = gzipSync(Buffer.from(Array.from({ length: 200 }, (_, at) => (at * 7919) % 251)))
      const answer = await exchange(port, { type: 'application/json', headers, body: noise, framing })
      expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 100 })
    }
  })

  test('Infinity switches a limit off', async () => {
    const { port } = await app({ textSize: Infinity, fields: Infinity, fieldNameSize: Infinity })
    expect((await exchange(port, fields(3000))).status).toBe(200)
    expect((await exchange(port, { type: urlencoded, body: `${'n'.repeat(2_000_000)}=1` })).status).toBe(200)
  })

  test('a file over the limit removes the files before it', async () => {
    const { port } = await app({ fileSize: 300_000 })
    const big = 'x'.repeat(300_000)
    const answer = await exchange(port, parts([f, big], [f, big], [f, `${big}1`]))
    expect(answer.json).toMatchObject({ code: 'LIMIT_FILE_SIZE' })
    await expectNothingLeft()
  })

  describe('a client that stops sending', () => {
    test.each([
      ['in a chunked JSON body', head({ type: 'application/json', framing: 'chunked' }), chunk('{"a":')],
      ['before a chunked body', head({ type: 'application/json', framing: 'chunked' }), ''],
      ['in a file', head({ type: multipartX, framing: 'chunked' }), chunk(`--X\r\n${f}\r\n\r\nabc`)],
      [
        'in a body with a length',
        head({ type: 'application/json', framing: 'none', headers: { 'Content-Length': '100' } }),
        '{',
      ],
      [
        'before a body with a length',
        head({ type: multipartX, framing: 'none', headers: { 'Content-Length': '100' } }),
        '',
      ],
    ])('%s gets a 408 after the idle time', async (_, start, rest) => {
      const { port, handled } = await app({ idle: 100 })
      const connection = await Connection.open(port)
      connection.write(start).write(rest)
      const answer = await connection.answer()
      expect(answer.json).toMatchObject({ status: 408, code: 'IDLE_TIMEOUT', limit: 100 })
      expect(answer.headers['connection']).toBe('close')
      expect(handled()).toBe(0)
      connection.destroy()
      await expectNothingLeft()
    })
  })

  describe('a client that sends a byte now and then', () => {
    const withLength = (type: string): string =>
      head({ type, framing: 'none', headers: { 'Content-Length': '1000000' } })
    const gzipped = gzipSync(JSON.stringify({ a: Array.from({ length: 2000 }, (_, at) => at) }))

    test.each([
      ['a JSON body', withLength('application/json'), (at: number) => (at === 0 ? '{' : ' ')],
      [
        'a chunked JSON body',
        head({ type: 'application/json', framing: 'chunked' }),
        (at: number) => chunk(at === 0 ? '{' : ' '),
      ],
      ['a form', withLength(urlencoded), () => 'a'],
      [
        'a compressed body',
        head({
          type: 'application/json',
          framing: 'none',
          headers: { 'Content-Encoding': 'gzip', 'Content-Length': `${gzipped.length}` },
        }),
        (at: number) => gzipped.subarray(at, at + 1),
      ],
      ['a file of a form', withLength(multipartX), (at: number) => (at === 0 ? `--X\r\n${f}\r\n\r\n` : 'x')],
      [
        'a raw file',
        head({
          type: 'image/png',
          framing: 'none',
          headers: { 'Content-Length': '1000000', 'Content-Disposition': 'attachment; filename=a' },
        }),
        () => 'x',
      ],
    ])('of %s gets a 408 after the total time', async (_, start, next) => {
      const { port, handled } = await app({ total: 300, idle: 5000 })
      const connection = await Connection.open(port)
      connection.write(start)
      let at = 0
      const dripping = setInterval(() => connection.write(next(at++)), 20)
      const answer = await connection.answer()
      clearInterval(dripping)
      expect(answer.json).toMatchObject({
        status: 408,
        code: 'TOTAL_TIMEOUT',
        detail: 'The body took longer than 300 milliseconds to arrive.',
        hint: 'Send the body faster, or send less in one request.',
        limit: 300,
      })
      expect(answer.headers['connection']).toBe('close')
      expect(handled()).toBe(0)
      connection.destroy()
      await expectNothingLeft()
    })

    test('gets that 408 also if it falls silent, where total is the shorter limit', async () => {
      const { port } = await app({ total: 100, idle: 5000 })
      for (const framing of ['chunked', 'none'] as const) {
        for (const first of ['', '{']) {
          const connection = await Connection.open(port)
          const headers = framing === 'none' ? { 'Content-Length': '10' } : {}
          connection.write(head({ type: 'application/json', framing, headers }))
          if (first !== '') connection.write(framing === 'none' ? first : chunk(first))
          expect((await connection.answer()).json).toMatchObject({ code: 'TOTAL_TIMEOUT', limit: 100 })
          connection.destroy()
        }
      }
    })

    test('is served if the limit is Infinity', async () => {
      const { port } = await app({ total: Infinity, idle: Infinity })
      const connection = await Connection.open(port)
      connection.write(head({ type: 'application/json', framing: 'chunked' }))
      for (const byte of '"12"') {
        connection.write(chunk(byte))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      connection.write(lastChunk)
      expect((await connection.answer()).json).toEqual({ data: '12', files: {} })
      connection.destroy()
    })
  })

  test('a client that sends slowly is served if no pause exceeds the idle time', async () => {
    const { port } = await app({ idle: 2000 })
    const connection = await Connection.open(port)
    connection.write(head({ type: 'application/json', framing: 'chunked' }))
    // In all longer than the idle time, of which each pause is a twentieth.
    const text = 'abcdefghijklmnopqrstu'
    for (const byte of JSON.stringify(text)) {
      connection.write(chunk(byte))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    connection.write(lastChunk)
    const answer = await connection.answer()
    expect(answer.json).toEqual({ data: text, files: {} })
    await expectInStep(connection, answer)
    connection.destroy()
  })

  test.each([
    ['form fields', parts(...Array.from({ length: 20_000 }, () => [field('a'), ''] as const)), 'LIMIT_PARTS'],
    ['a preamble', { type: multipartX, body: `${'x'.repeat(70_000)}\r\n${form('X')}` }, 'NOT_MULTIPART'],
    ['a header line', parts([`${field('a')}\r\nX: ${'y'.repeat(200_000)}`, '']), 'LIMIT_HEADER_SIZE'],
    [
      'white space after a delimiter',
      { type: multipartX, body: `--X${' '.repeat(70_000)}\r\n` },
      'LIMIT_HEADER_SIZE',
    ],
    ['nested names', { type: urlencoded, body: `a${'[b]'.repeat(10_000)}=1` }, 'LIMIT_FIELD_NAME'],
    ['a[] 100,000 times', { type: urlencoded, body: 'a[]=&'.repeat(100_000) }, 'LIMIT_FIELDS'],
    ['spaces in a part header', parts([`${field('a')}; x=${' '.repeat(16_000)}"`, '']), 'MALFORMED_PART'],
    ['quotes in a part header', parts([`${field('a')}${';filename="1'.repeat(1300)}`, '']), 'MALFORMED_PART'],
  ] as const)('too much of %s is refused at once', async (_, sent, code) => {
    const { port } = await app({})
    const before = process.cpuUsage()
    const answer = await exchange(port, sent)
    const { user } = process.cpuUsage(before)
    expect(answer.json.code).toBe(code)
    // Client and server share the process; quadratic work would take seconds.
    expect(user).toBeLessThan(1_500_000)
  })
})

/** Time enough for an answer that does not wait for the end of the body. */
function silence(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, 100, undefined))
}
