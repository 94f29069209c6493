/** Bodies with a Content-Encoding. */
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import {
  FileUploadParser,
  FormParser,
  JSONParser,
  MultiPartParser,
  PlainTextParser,
  type Limits,
  type MountOptions,
} from '@formgate/core'
import { afterEach, describe, expect, test } from 'vitest'
import {
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
import { frameworks, type App } from './frameworks.js'

const MiB = 1024 * 1024
const quickBrotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

const encoders: Readonly<Record<string, (bytes: string | Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, quickBrotli),
}
const encodings = Object.keys(encoders)

/** A body of so many bytes for each media type that may be encoded, and what it arrives as. */
const kinds: readonly (readonly [
  type: string,
  body: (size: number) => string,
  data: (body: string) => unknown,
])[] = [
  ['application/json', (size) => JSON.stringify('x'.repeat(size - 2)), (body) => JSON.parse(body) as unknown],
  [
    'application/x-www-form-urlencoded',
    (size) => `a=${'x'.repeat(size - 2)}`,
    (body) => ({ a: body.slice(2) }),
  ],
  ['text/plain', (size) => 'x'.repeat(size), (body) => body],
]

class CompressedForms extends MultiPartParser {
  override get inflates(): boolean {
    return true
  }
}

const parsers = [JSONParser, FormParser, MultiPartParser, PlainTextParser, FileUploadParser]

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

  async function app(limits: Partial<Limits>, rest: MountOptions = {}): Promise<App> {
    const started = await start({ mount: { parsers, limits, ...rest }, routes: [{ path: '/' }] })
    apps.push(started)
    return started
  }

  /** A body under a Content-Encoding. */
  const under = (encoding: string, body: Buffer, type = 'application/json'): Sent => ({
    type,
    headers: { 'Content-Encoding': encoding },
    body,
  })

  function expectRefused(
    answer: Answer,
    texts: { readonly detail?: string; readonly accepts?: string } = {},
  ): void {
    expect(answer.json).toMatchObject({ status: 415, code: 'UNSUPPORTED_ENCODING' })
    if (texts.detail !== undefined) expect(answer.json.detail).toContain(texts.detail)
    if (texts.accepts !== undefined) expect(answer.headers['accept-encoding']).toBe(texts.accepts)
  }

  function expectMalformed(answer: Answer): void {
    expect(answer.json).toMatchObject({ status: 400, code: 'MALFORMED_ENCODING' })
    expect(answer.json.detail).toContain('does not match its Content-Encoding header: ')
  }

  describe.each(encodings)('%s', (encoding) => {
    const encode = encoders[encoding]!

    test.each(kinds)(
      'of %s arrives up to the limit, and one byte more is a 413',
      async (type, body, data) => {
        const { port } = await app({ textSize: 1000 })
        for (const framing of ['length', 'chunked'] as const) {
          for (const cut of ['whole', 'byte by byte'] as const) {
            const fits = { ...under(encoding, encode(body(1000)), type), framing }
            expect((await exchange(port, fits, cut)).json.data).toEqual(data(body(1000)))
            const more = { ...under(encoding, encode(body(1001)), type), framing }
            const answer = await exchange(port, more, cut)
            expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 1000 })
          }
        }
      },
    )

    test.each(kinds)('of %s that grows when it is encoded is held to the limit too', async (type) => {
      const { port } = await app({ textSize: 300 })
      for (const framing of ['length', 'chunked'] as const) {
        const answer = await exchange(port, { ...under(encoding, encode(noise(300)), type), framing })
        expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 300 })
      }
    })

    test.each(kinds)('of %s that is cut is refused wherever it is cut', async (type, body) => {
      const { port, handled } = await app({})
      const whole = encode(body(100))
      for (let end = 1; end < whole.length; end += 3) {
        for (const framing of ['length', 'chunked'] as const)
          expectMalformed(await exchange(port, { ...under(encoding, whole.subarray(0, end), type), framing }))
      }
      expect(handled()).toBe(0)
    })

    test.each(['more', '\0\0\0\0', 'x'.repeat(200_000)])(
      'with something behind its end is refused, however it is cut: %j',
      async (more) => {
        const { port, handled } = await app({})
        const body = Buffer.concat([encode('{"a":1}'), Buffer.from(more)])
        expectMalformed(await exchange(port, under(encoding, body)))
        expectMalformed(await exchange(port, { ...under(encoding, body), framing: 'chunked' }))
        if (body.length < 100) expectMalformed(await exchange(port, under(encoding, body), 'byte by byte'))
        expect(handled()).toBe(0)
      },
    )

    test('of nothing is a body without a byte for a text, and no JSON', async () => {
      const { port } = await app({})
      expect((await exchange(port, under(encoding, encode(''), 'text/plain'))).json.data).toBe('')
      expect((await exchange(port, under(encoding, encode('')))).json.code).toBe('MALFORMED_JSON')
      // No byte at all is no body, whatever the header says.
      const nothing = under(encoding, Buffer.alloc(0))
      for (const framing of ['length', 'chunked'] as const)
        expect((await exchange(port, { ...nothing, framing })).json).toEqual({ data: {}, files: {} })
    })

    test('of a form with files or of a raw file is refused, and told to come as it is', async () => {
      const { port, handled } = await app({})
      const body = encode(form('X', [field('a'), '1'], [file('f', 'f'), 'hello']))
      expectRefused(await exchange(port, under(encoding, body, multipartX)), { accepts: 'identity' })
      const raw = under(encoding, encode('PNG'), 'image/png')
      expectRefused(await exchange(port, raw), { accepts: 'identity' })
      expect(handled()).toBe(0)
    })

    test('of a form with files arrives where the parser allows it, within the limits of both sizes', async () => {
      const body = form('X', [field('a'), '1'], [file('f', 'f'), 'x'.repeat(500)])
      const { port } = await app({ bodySize: body.length, fileSize: 500 }, { parsers: [CompressedForms] })
      for (const cut of ['whole', 'byte by byte'] as const) {
        const answer = await exchange(port, under(encoding, encode(body), multipartX), cut)
        expect(answer.json).toMatchObject({ data: { a: '1' }, files: { f: [{ size: 500 }] } })
      }
      const longer = under(encoding, encode(body.replace('x', 'xx')), multipartX)
      expect((await exchange(port, longer)).json).toMatchObject({
        code: 'LIMIT_BODY_SIZE',
        limit: body.length,
      })
      const larger = under(encoding, encode(noise(2000)), multipartX)
      expect((await exchange(port, larger)).json).toMatchObject({
        code: 'LIMIT_BODY_SIZE',
        limit: body.length,
      })
    })

    test.each([
      ['a megabyte that inflates to a gigabyte', bomb(encoding, encode)],
      ['a megabyte of members with nothing in them', filled(encode(''), MiB - 100)],
      ['a megabyte of one byte', Buffer.alloc(MiB - 100, 0x1f)],
    ])('%s costs little', async (_, body) => {
      const { port, handled } = await app({})
      const rss = process.memoryUsage.rss()
      const before = process.cpuUsage()
      for (const framing of ['length', 'chunked'] as const) {
        for (const [type] of kinds) {
          const answer = await exchange(port, { ...under(encoding, body, type), framing })
          expect([200, 400, 413, 415]).toContain(answer.status)
        }
      }
      const { user, system } = process.cpuUsage(before)
      // Of six bodies, each a megabyte, client and server together.
      expect(user + system).toBeLessThan(2_000_000)
      expect(process.memoryUsage.rss() - rss).toBeLessThan(128 * MiB)
      expect(handled()).toBeLessThanOrEqual(6)
    })
  })

  test.each([
    'gzip, gzip',
    'gzip,deflate',
    'identity, gzip',
    'zstd',
    'compress',
    '*',
    'gzip;q=1',
    'toString',
  ])('a Content-Encoding of %j is refused, with those that are taken', async (encoding) => {
    const { port, handled } = await app({})
    for (const [type] of kinds) {
      const answer = await exchange(port, under(encoding, gzipSync(gzipSync('{"a":1}')), type))
      expectRefused(answer, { detail: encoding.toLowerCase(), accepts: 'gzip, x-gzip, deflate, br' })
    }
    expect(handled()).toBe(0)
  })

  test('the header is read in any case, with white space around it; identity is none', async () => {
    const { port } = await app({})
    for (const encoding of ['GZIP', ' gzip ', 'Gzip'])
      expect((await exchange(port, under(encoding, gzipSync('{"a":1}')))).json.data).toEqual({ a: 1 })
    for (const encoding of ['identity', 'Identity', ''])
      expect((await exchange(port, under(encoding, Buffer.from('{"a":1}')))).json.data).toEqual({ a: 1 })
  })

  test('several members of gzip are one body (RFC 1952, 2.2)', async () => {
    const { port } = await app({})
    const body = Buffer.concat([gzipSync('{"a"'), gzipSync(''), gzipSync(':1}')])
    for (const cut of ['whole', 'byte by byte'] as const)
      expect((await exchange(port, under('gzip', body), cut)).json.data).toEqual({ a: 1 })
  })

  test('a body that waits for its turn is not decompressed once its client has gone', async () => {
    const { port, handled } = await app({})
    const sent = under('br', encoders['br']!(`[]${' '.repeat(MiB - 64)}`))
    const clients = await Promise.all(Array.from({ length: 60 }, () => Connection.open(port)))
    for (const client of clients) client.write(head(sent)).write(sent.body!)
    // The server reads them in less time than it decompresses a few of them.
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (const client of clients) client.destroy()
    expect((await exchange(port, under('br', encoders['br']!('[1]')))).status).toBe(200)
    expect(handled()).toBeLessThan(40)
  })

  test('a body that is not what its header says is refused', async () => {
    const { port } = await app({})
    const wrongSum = Buffer.concat([gzipSync('{"a":1}').subarray(0, -8), Buffer.alloc(8)])
    for (const [encoding, body] of [
      ['gzip', Buffer.from('{"a":1}')],
      ['br', Buffer.from('{"a":1}')],
      ['deflate', gzipSync('{"a":1}')],
      ['deflate', deflateRawSync('{"a":1}')],
      ['gzip', wrongSum],
    ] as const) {
      expectMalformed(await exchange(port, under(encoding, body)))
    }
  })
})

/** A gigabyte of zeros in a megabyte, or as near as the encoding comes to that. */
function bomb(encoding: string, encode: (bytes: Buffer) => Buffer): Buffer {
  // Only gzip may have members.
  if (encoding.endsWith('gzip')) return filled(encode(Buffer.alloc(10 * MiB)), MiB - 20_000)
  return encode(Buffer.alloc(256 * MiB))
}

/** Bytes that do not get smaller. */
function noise(size: number): Buffer {
  let state = 1
  return Buffer.from(Array.from({ length: size }, () => (state = (state * 48_271) % 0x7fffffff) >> 8))
}

/** As many times these bytes as fit. */
function filled(bytes: Buffer, size: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.floor(size / bytes.length) }, () => bytes))
}
