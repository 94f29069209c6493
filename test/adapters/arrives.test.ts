import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { BaseParser, FileUploadParser, JSONParser, MultiPartParser, PlainTextParser } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, field, file, form, multipartX, type Sent } from './client.js'
import { frameworks, type App } from './frameworks.js'

const json = 'application/json'
const urlencoded = 'application/x-www-form-urlencoded'
const nothing = { data: {}, files: {} }

class CsvParser extends BaseParser {
  readonly mediaType = 'text/csv'
  async parse(stream: Readable): Promise<string[][]> {
    return (await text(stream))
      .trim()
      .split('\n')
      .map((line) => line.split(','))
  }
}

class JsonApiParser extends JSONParser {
  override readonly mediaType = 'application/*+json'
}

class AnyJsonParser extends JSONParser {
  override readonly mediaType = '*/*+json'
}

class AnyTextParser extends PlainTextParser {
  override readonly mediaType = 'text/*'
}

describe.each(frameworks)('$name', ({ start }) => {
  let app: App

  beforeAll(async () => {
    const prototypes = ({ data, files }: { data: any; files: any }): unknown => ({
      data: Object.getPrototypeOf(data),
      files: Object.getPrototypeOf(files),
    })
    app = await start({
      mount: {},
      routes: [
        { path: '/' },
        { path: '/prototypes', handler: prototypes },
        { path: '/put', method: 'PUT' },
        { path: '/patch', method: 'PATCH' },
        { path: '/delete', method: 'DELETE' },
        { path: '/query', method: 'QUERY' },
        { path: '/get', method: 'GET' },
        { path: '/bytes', handler: ({ files }) => files['f']![0]!.createReadStream() },
        { path: '/contents', handler: async ({ files }) => text(files['f']![0]!.createReadStream()) },
        { path: '/csv', parsers: [CsvParser] },
        { path: '/text', parsers: [PlainTextParser] },
        { path: '/any-text', parsers: [AnyTextParser] },
        { path: '/json-api', parsers: [JsonApiParser] },
        { path: '/any-json', parsers: [AnyJsonParser] },
      ],
    })
  })
  afterAll(() => app.close())

  async function arrives(sent: Sent): Promise<any> {
    const answer = await exchange(app.port, sent)
    expect(answer).toMatchObject({ status: 200 })
    return answer.json
  }

  async function expectRefused(sent: Sent, status: number, code: string): Promise<any> {
    const answer = await exchange(app.port, sent)
    expect([answer.status, answer.json.code]).toEqual([status, code])
    return answer.json
  }

  describe('JSON', () => {
    test.each([
      ['{"a":1,"b":[true,null,"x"]}', { a: 1, b: [true, null, 'x'] }],
      ['[1,[2]]', [1, [2]]],
      ['"text"', 'text'],
      ['42', 42],
      ['0', 0],
      ['true', true],
      ['false', false],
      ['null', null],
      ['""', ''],
      ['{}', {}],
      ['[]', []],
      [' \r\n\t{"a": 1}\n ', { a: 1 }],
      ['{"a":1,"a":2}', { a: 2 }],
      ['{"é":"\u{1F600}"}', { é: '\u{1F600}' }],
    ])('%j arrives as the value that it is', async (body, data) => {
      expect(await arrives({ type: json, body })).toEqual({ data, files: {} })
      expect(await arrives({ type: json, body, framing: 'chunked' })).toEqual({ data, files: {} })
    })

    test.each([
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/json;',
      'application/json; charset="UTF-8"',
      'application/json\t;a',
      '  application/json',
      'application/json ; x=y',
    ])('%j is JSON', async (type) => {
      expect(await arrives({ type, body: '{"a":1}' })).toEqual({ data: { a: 1 }, files: {} })
    })

    test.each([
      ['utf-8', Buffer.from('\u{FEFF}{"a":"é"}')],
      ['latin1', Buffer.from('{"a":"é"}', 'latin1')],
      ['ISO-8859-1', Buffer.from('{"a":"é"}', 'latin1')],
      ['utf-16le', Buffer.from('{"a":"é"}', 'utf16le')],
      ['utf-16', Buffer.from('\u{FEFF}{"a":"é"}', 'utf16le')],
      ['utf-16', Buffer.from('\u{FEFF}{"a":"é"}', 'utf16le').swap16()],
      ['utf-16be', Buffer.from('{"a":"é"}', 'utf16le').swap16()],
    ])('a body in %s is read as such', async (charset, body) => {
      const type = `application/json; charset=${charset}`
      expect(await arrives({ type, body })).toEqual({ data: { a: 'é' }, files: {} })
    })

    test('an unknown charset is a 415 that names it', async () => {
      const type = 'application/json; charset=klingon'
      const problem = await expectRefused({ type, body: '{}' }, 415, 'UNSUPPORTED_MEDIA_TYPE')
      expect(problem.detail).toContain('"klingon"')
    })

    test.each([
      ['gzip', gzipSync],
      ['x-gzip', gzipSync],
      ['GZIP', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ['identity', (bytes: string) => Buffer.from(bytes)],
    ])('a body in Content-Encoding: %s is decompressed', async (encoding, compress) => {
      const body = compress(JSON.stringify({ a: 'x'.repeat(1000) }))
      const headers = { 'Content-Encoding': encoding }
      for (const framing of ['length', 'chunked'] as const) {
        const { data } = await arrives({ type: json, body, headers, framing })
        expect(data).toEqual({ a: 'x'.repeat(1000) })
      }
    })

    test('a gzip body that decompresses to nothing is malformed JSON', async () => {
      const headers = { 'Content-Encoding': 'gzip' }
      await expectRefused({ type: json, body: gzipSync(''), headers }, 400, 'MALFORMED_JSON')
    })

    test.each(['zstd', 'compress', 'gzip, gzip', 'toString'])(
      'Content-Encoding: %s is a 415 that lists the accepted encodings',
      async (encoding) => {
        const headers = { 'Content-Encoding': encoding }
        const answer = await exchange(app.port, { type: json, body: '{}', headers })
        expect([answer.status, answer.json.code]).toEqual([415, 'UNSUPPORTED_ENCODING'])
        expect(answer.headers['accept-encoding']).toBe('gzip, x-gzip, deflate, br')
      },
    )

    test.each([
      ['a body that is not gzip', Buffer.from('{"a":1}')],
      ['a gzip that is cut short', gzipSync('{"a":1}').subarray(0, -5)],
      [
        'a gzip whose checksum is wrong',
        Buffer.concat([gzipSync('{"a":1}').subarray(0, -8), Buffer.alloc(8)]),
      ],
    ])('%s under Content-Encoding: gzip is refused', async (_, body) => {
      const headers = { 'Content-Encoding': 'gzip' }
      await expectRefused({ type: json, body, headers }, 400, 'MALFORMED_ENCODING')
    })

    test.each([
      ['{"a":NaN}', 'line 1 column 6 (position 5)'],
      ['[Infinity]', 'line 1 column 2 (position 1)'],
      ['{"a":1,}', 'line 1 column 8 (position 7)'],
      ["{'a':1}", 'line 1 column 2 (position 1)'],
      ['[\n1\n2]', 'line 3 column 1 (position 4)'],
      ['{"a":', 'line 1 column 6 (position 5)'],
      ['{"a":1}x', 'line 1 column 8 (position 7)'],
      ['"a', 'line 1 column 3 (position 2)'],
      ['01', 'line 1 column 2 (position 1)'],
      ['"\t"', 'line 1 column 2 (position 1)'],
      ['   ', 'line 1 column 4 (position 3)'],
    ])('%j is a 400 with the position of the error', async (body, place) => {
      const problem = await expectRefused({ type: json, body }, 400, 'MALFORMED_JSON')
      expect(problem.detail).toMatch(/^JSON parse error - .+ at /)
      expect(problem.detail).toContain(` at ${place}`)
    })

    test.each([
      ['song=1&user=test', 'The body looks like a URL-encoded form'],
      ['data={"a":1}', 'The body looks like a URL-encoded form'],
      ['[object Object]', 'JSON.stringify(data)'],
      ['[object FormData]', 'JSON.stringify(data)'],
      ['undefined', 'a variable without a value'],
      ["{'a':1}", 'double quotes. Send json.dumps(data)'],
      ["'{a:1}'", 'cmd on Windows'],
      ['{"a":None}', 'JSON has null, true and false'],
      ['{"a":NaN}', 'JSON has no NaN'],
      ['{"a":undefined}', 'JSON has no undefined'],
      ['{a:1}', 'names of properties in double quotes'],
      ['{"a":1,}', 'no comma after the last item'],
      ['[1,\n]', 'no comma after the last item'],
      ['{"a":1 // one\n}', 'no comments'],
      ['{"a":1}\n{"a":2}', 'several values'],
      ['{"a":', 'ends in the middle of a value'],
      ['<html></html>', 'looks like XML or HTML'],
    ])('%j is a 400 whose hint names the cause', async (body, cause) => {
      const problem = await expectRefused({ type: json, body }, 400, 'MALFORMED_JSON')
      expect(problem.hint).toContain(cause)
    })

    test.each(['1e999', '[-1e999]', '{"a":{"b":1e400}}'])(
      'a number out of range is refused: %s',
      async (body) => {
        const problem = await expectRefused({ type: json, body }, 400, 'MALFORMED_JSON')
        expect(problem.detail).toBe('JSON parse error - a number is out of range')
      },
    )

    test('bytes that are not UTF-8 are refused, not replaced', async () => {
      const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
      await expectRefused({ type: json, body }, 400, 'MALFORMED_JSON')
    })

    test('100,000 levels are refused, and the server lives', async () => {
      await expectRefused({ type: json, body: '['.repeat(100_000) }, 400, 'MALFORMED_JSON')
      const body = '['.repeat(100_000) + ']'.repeat(100_000)
      await expectRefused({ type: json, body }, 413, 'LIMIT_NESTING')
    })
  })

  describe('a URL-encoded form', () => {
    test.each([
      ['a=1&b=2', { a: '1', b: '2' }],
      ['a=', { a: '' }],
      ['a', { a: '' }],
      ['=1', { '': '1' }],
      ['a=1&&b=2&', { a: '1', b: '2' }],
      ['&', {}],
      ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
      ['a=&a=', { a: ['', ''] }],
      ['a=1+2', { a: '1 2' }],
      ['a+b=1%2B2', { 'a b': '1+2' }],
      ['a=%zz', { a: '%zz' }],
      ['a=%', { a: '%' }],
      ['a=100%&b=%4', { a: '100%', b: '%4' }],
      ['a=1;b=2', { a: '1;b=2' }],
      ['a=b=c', { a: 'b=c' }],
      ['a=%26%3D', { a: '&=' }],
      ['a=%C3%A9&b=é', { a: 'é', b: 'é' }],
      ['a=%ff', { a: '\u{FFFD}' }],
      ['a=%F0%9F%98%80', { a: '\u{1F600}' }],
      ['a[b]=1&a[]=2', { 'a[b]': '1', 'a[]': '2' }],
      ['a.b=1', { 'a.b': '1' }],
    ])('%j arrives as its fields', async (body, data) => {
      expect(await arrives({ type: urlencoded, body })).toEqual({ data, files: {} })
      expect(await arrives({ type: urlencoded, body, framing: 'chunked' })).toEqual({ data, files: {} })
    })

    test('is read in the charset that the header declares', async () => {
      const type = `${urlencoded}; charset=iso-8859-1`
      expect(await arrives({ type, body: 'a=%E9' })).toMatchObject({ data: { a: 'é' } })
      await expectRefused(
        { type: `${urlencoded}; charset=klingon`, body: 'a=1' },
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      )
    })

    test('is decompressed', async () => {
      const headers = { 'Content-Encoding': 'gzip' }
      expect(await arrives({ type: urlencoded, body: gzipSync('a=1'), headers })).toMatchObject({
        data: { a: '1' },
      })
    })
  })

  describe('a multipart form', () => {
    const shown = (name: string, size: number, more: object = {}): object => ({
      field: 'f',
      name,
      type: 'text/plain',
      size,
      ...more,
    })

    test('gives its fields', async () => {
      const body = form('X', [field('a'), '1'], [field('b'), ''], [field('c d'), 'é\r\n\u{1F600}'])
      expect(await arrives({ type: multipartX, body })).toEqual({
        data: { a: '1', b: '', 'c d': 'é\r\n\u{1F600}' },
        files: {},
      })
    })

    test('gives its files in data and in files', async () => {
      const body = form('X', [file('f', 'a.txt'), 'hello'])
      expect(await arrives({ type: multipartX, body })).toEqual({
        data: { f: shown('a.txt', 5) },
        files: { f: [shown('a.txt', 5)] },
      })
      expect(await arrives({ type: multipartX, body, path: '/contents' })).toBe('hello')
    })

    test('makes an array of a repeated name, in the order of the body', async () => {
      const body = form('X', [field('a'), '2'], [field('b'), 'x'], [field('a'), '1'], [field('a'), '2'])
      expect(await arrives({ type: multipartX, body })).toEqual({
        data: { a: ['2', '1', '2'], b: 'x' },
        files: {},
      })
    })

    test('mixes fields and files of one name in the order of the body', async () => {
      const body = form('X', [file('f', 'a.txt'), 'a'], [field('f'), 'text'], [file('f', 'b.txt'), 'bb'])
      expect(await arrives({ type: multipartX, body })).toEqual({
        data: { f: [shown('a.txt', 1), 'text', shown('b.txt', 2)] },
        files: { f: [shown('a.txt', 1), shown('b.txt', 2)] },
      })
    })

    test('keeps the names in the order of the body', async () => {
      const body = form('X', [field('z'), '1'], [file('f', 'a.txt'), 'a'], [field('b'), '2'])
      const { data } = await arrives({ type: multipartX, body })
      expect(Object.keys(data)).toEqual(['z', 'f', 'b'])
    })

    test('has no file if none was chosen', async () => {
      const type = 'application/octet-stream'
      const body = form('X', [file('f', '', type), ''], [field('a'), '1'])
      expect(await arrives({ type: multipartX, body })).toEqual({ data: { a: '1' }, files: {} })
    })

    test('has an empty file if an empty one was chosen', async () => {
      const body = form('X', [file('f', 'empty.txt'), ''])
      expect(await arrives({ type: multipartX, body })).toMatchObject({
        files: { f: [shown('empty.txt', 0)] },
      })
    })

    test('without parts is empty', async () => {
      expect(await arrives({ type: multipartX, body: '--X--\r\n' })).toEqual(nothing)
    })

    test('parses a part of type application/json', async () => {
      const body = form('X', [`${field('meta')}\r\nContent-Type: application/json`, '{"a":[1]}'])
      expect(await arrives({ type: multipartX, body })).toEqual({ data: { meta: { a: [1] } }, files: {} })
    })

    test('names the field of a JSON part that is malformed', async () => {
      const body = form('X', [`${field('meta')}\r\nContent-Type: application/json`, '{"a":'])
      const problem = await expectRefused({ type: multipartX, body }, 400, 'MALFORMED_JSON')
      expect(problem).toMatchObject({
        field: 'meta',
        detail: expect.stringContaining('In the field "meta": '),
      })
    })

    test.each([
      [{ type: 'application/octet-stream' }, '\xff\0\xfe'],
      [{ type: 'image/png' }, 'x'.repeat(100_000)],
    ])('keeps each byte of a part without a file name: %j', async ({ type }, content) => {
      const text = form('X', [`${field('f')}\r\nContent-Type: ${type}`, content], [field('a'), '1'])
      const { bytes } = await exchange(app.port, {
        path: '/bytes',
        type: multipartX,
        body: Buffer.from(text, 'latin1'),
      })
      expect(bytes.equals(Buffer.from(content, 'latin1'))).toBe(true)
    })

    test('a type of which the list has a parser is no file', async () => {
      const body = form('X', [`${field('a')}\r\nContent-Type: application/x-www-form-urlencoded`, 'b=1'])
      expect(await arrives({ type: multipartX, body })).toEqual({ data: { a: { b: '1' } }, files: {} })
    })

    test('with a Content-Encoding is a 415', async () => {
      const headers = { 'Content-Encoding': 'gzip' }
      const answer = await exchange(app.port, { type: multipartX, body: gzipSync(form('X')), headers })
      expect([answer.status, answer.json.code]).toEqual([415, 'UNSUPPORTED_ENCODING'])
      expect(answer.headers['accept-encoding']).toBe('identity')
    })

    test('of 3 MiB arrives whole', async () => {
      const body = form('X', [file('f', 'big.txt'), 'x'.repeat(3 * 1024 * 1024)], [field('a'), 'after'])
      expect(await arrives({ type: multipartX, body })).toMatchObject({
        data: { a: 'after' },
        files: { f: [{ size: 3 * 1024 * 1024 }] },
      })
    })
  })

  describe('other parsers', () => {
    test('a custom parser reads its media type', async () => {
      expect(await arrives({ path: '/csv', type: 'text/csv', body: 'a,b\n1,2\n' })).toEqual({
        data: [
          ['a', 'b'],
          ['1', '2'],
        ],
        files: {},
      })
    })

    test.each([
      ['text/plain', Buffer.from('héllo\r\n'), 'héllo\r\n'],
      ['text/plain; charset=latin1', Buffer.from('héllo', 'latin1'), 'héllo'],
      ['text/plain', Buffer.from('\u{FEFF}x'), 'x'],
    ])('%s arrives as a string', async (type, body, data) => {
      expect(await arrives({ path: '/text', type, body })).toEqual({ data, files: {} })
    })

    test.each([
      ['/any-text', 'text/markdown', '# x', '# x'],
      ['/any-text', 'TEXT/x', '1', '1'],
      ['/json-api', 'application/vnd.api+json', '{"a":1}', { a: 1 }],
      ['/any-json', 'model/gltf+json; a=b', '[1]', [1]],
    ])('a parser at %s reads %s', async (path, type, body, data) => {
      expect(await arrives({ path, type, body })).toEqual({ data, files: {} })
    })

    test.each([
      ['/any-text', 'application/text'],
      ['/json-api', 'application/json'],
      ['/json-api', 'application/+json'],
      ['/json-api', 'text/x+json'],
      ['/any-json', 'application/xjson'],
    ])('a parser at %s does not read %s', async (path, type) => {
      await expectRefused({ path, type, body: '1' }, 415, 'UNSUPPORTED_MEDIA_TYPE')
    })
  })

  describe('a request without a body', () => {
    test.each(['/', '/csv', '/text', '/json-api'])('gives {} and {} at %s', async (path) => {
      expect(await arrives({ path })).toEqual(nothing)
      expect(await arrives({ path, framing: 'none' })).toEqual(nothing)
    })

    test.each([
      json,
      urlencoded,
      multipartX,
      'multipart/form-data',
      'text/csv',
      'image/png',
      'nonsense',
      undefined,
    ])('under Content-Type %s is no error, with a length of 0 and chunked', async (type) => {
      expect(await arrives({ type })).toEqual(nothing)
      expect(await arrives({ type, framing: 'chunked' })).toEqual(nothing)
      expect(await arrives({ type, path: '/text' })).toEqual(nothing)
      expect(await arrives({ type, path: '/text', framing: 'chunked' })).toEqual(nothing)
    })
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'QUERY', 'GET'])('the body of a %s is read', async (method) => {
    const sent = { method, path: `/${method.toLowerCase()}`, type: json, body: '{"a":1}' }
    expect(await arrives(sent)).toEqual({ data: { a: 1 }, files: {} })
    expect(await arrives({ ...sent, framing: 'chunked' })).toEqual({ data: { a: 1 }, files: {} })
    const upload = { ...sent, type: multipartX, body: form('X', [field('a'), '1']) }
    expect(await arrives(upload)).toEqual({ data: { a: '1' }, files: {} })
  })

  test.each([
    ['no body', {}],
    ['a URL-encoded form', { type: urlencoded, body: 'a=1' }],
    ['a multipart form', { type: multipartX, body: form('X', [file('f', 'a'), 'x']) }],
  ])('data and files of %s have no prototype', async (_, sent) => {
    expect(await arrives({ path: '/prototypes', ...sent })).toEqual({ data: null, files: null })
  })
})

describe.each(frameworks)('$name, a raw file', ({ start }) => {
  let app: App

  beforeAll(async () => {
    app = await start({
      routes: [
        { method: 'PUT', path: '/raw/:filename', parsers: [FileUploadParser] },
        { method: 'PUT', path: '/raw', parsers: [FileUploadParser] },
        { method: 'PUT', path: '/images', parsers: [new FileUploadParser({ mediaType: 'image/*' })] },
        {
          method: 'PUT',
          path: '/messages',
          parsers: [
            new FileUploadParser({ errorMessages: { no_filename: 'Name it!', unhandled: 'No room!' } }),
          ],
          options: { storage: [] },
        },
        { method: 'PUT', path: '/no-storage', parsers: [FileUploadParser], options: { storage: [] } },
        { method: 'POST', path: '/', parsers: [MultiPartParser] },
      ],
    })
  })
  afterAll(() => app.close())

  async function put(path: string, disposition?: string, more: Partial<Sent> = {}): Promise<any> {
    const headers = disposition === undefined ? {} : { 'Content-Disposition': disposition }
    return exchange(app.port, { method: 'PUT', path, type: 'image/png', body: 'PNG', headers, ...more })
  }

  test.each([
    ['/raw/a.png', undefined, 'a.png'],
    ['/raw/a.png', 'attachment; filename="b.png"', 'a.png'],
    ['/raw/%C3%A9%20x.png', undefined, 'é x.png'],
    ['/raw', 'attachment; filename="b.png"', 'b.png'],
    ['/raw', 'attachment; filename=b.png', 'b.png'],
    ['/raw', 'inline; filename="b;c.png"', 'b;c.png'],
    ['/raw', 'attachment; filename="a\\"b.png"', 'a"b.png'],
    ['/raw', "attachment; filename=b.png; filename*=utf-8''%e2%82%ac.png", '€.png'],
    ['/raw', "attachment; filename*=UTF-8'en'%e2%82%ac.png; filename=b.png", '€.png'],
    ['/raw', "attachment; filename*=iso-8859-1''%e9.png", 'é.png'],
    ['/raw', "attachment; filename*=UTF-8''it's.png", "it's.png"],
    ['/raw', `attachment; filename="it's.png"; filename*=utf-8''it's.png`, "it's.png"],
    ['/raw', `attachment; filename="a;b.png"; filename*=UTF-8''a;b.png`, 'a;b.png'],
    ['/raw', `attachment; filename="b.png"; filename*=bogus''x`, 'b.png'],
    ['/raw', 'attachment; filename="b.png"; filename*=x', 'b.png'],
    ['/raw', `attachment; filename*="UTF-8''a%20b.png"`, 'a b.png'],
  ])('at %s with Content-Disposition %j is called %j', async (path, disposition, name) => {
    const { json } = await put(path, disposition)
    const shown = { field: 'file', name, type: 'image/png', size: 3 }
    expect(json).toEqual({ data: { file: shown }, files: { file: [shown] } })
  })

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\x\\\\evil.exe', 'evil.exe'],
    ['CON', '_CON'],
  ])('sent as %j is called %j', async (sent, name) => {
    const { json } = await put('/raw', `attachment; filename="${sent}"`)
    expect(json.files.file[0]).toMatchObject({ name, size: 3 })
  })

  test('is stored without a Content-Type too', async () => {
    const { json } = await put('/raw/a', undefined, { type: undefined })
    expect(json.files).toEqual({ file: [{ field: 'file', name: 'a', type: '', size: 3 }] })
  })

  test.each([
    [undefined, 'MISSING_FILENAME'],
    ['attachment', 'MISSING_FILENAME'],
    ['attachment; filename=""', 'MISSING_FILENAME'],
    ['attachment; filename=".."', 'MISSING_FILENAME'],
    ["attachment; filename*=utf-8''%zz", 'MISSING_FILENAME'],
    ["attachment; filename*=utf-8''%FF", 'MISSING_FILENAME'],
    ["attachment; filename*=bogus''x", 'INVALID_CHARSET'],
  ])('with Content-Disposition %j is a 400', async (disposition, code) => {
    const { status, json } = await put('/raw', disposition)
    expect([status, json.code]).toEqual([400, code])
  })

  test('without a name is a 400 that says how to give one', async () => {
    const { json } = await put('/raw')
    expect(json).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      code: 'MISSING_FILENAME',
      detail:
        'Missing filename. Request should include a Content-Disposition header with a filename parameter.',
      hint: expect.stringContaining('Content-Disposition: attachment; filename='),
    })
  })

  test('can be refused with messages of the app', async () => {
    expect((await put('/messages')).json).toMatchObject({ code: 'MISSING_FILENAME', detail: 'Name it!' })
    const { status, json } = await put('/messages', 'attachment; filename=a')
    expect([status, json.code, json.detail, json.field]).toEqual([400, 'UNHANDLED_FILE', 'No room!', 'file'])
  })

  test('that no storage takes is a 400', async () => {
    const { status, json } = await put('/no-storage', 'attachment; filename=a')
    expect([status, json.code, json.field]).toEqual([400, 'UNHANDLED_FILE', 'file'])
  })

  test.each([multipartX, 'multipart/form-data', undefined])(
    'sent as a form of type %s is refused, and the hint says to send the file itself',
    async (type) => {
      const body = form('X', [file('f', 'a.png'), 'PNG'])
      const { status, json } = await put('/raw/a.png', undefined, { type, body })
      expect([status, json.hint]).toEqual([415, expect.stringContaining('Send the file itself as the body')])
    },
  )

  test('can be restricted to a media type', async () => {
    const disposition = 'attachment; filename=a'
    expect((await put('/images', disposition)).status).toBe(200)
    const other = await put('/images', disposition, { type: 'text/plain' })
    expect([other.status, other.headers['accept']]).toEqual([415, 'image/*'])
  })

  test('without a byte counts as no body', async () => {
    expect((await put('/raw/a', undefined, { body: '' })).json).toEqual(nothing)
  })
})
