import { MultiPartParser, type MultiPartParserOptions } from '@formgate/core'
import { afterAll, describe, expect, test } from 'vitest'
import { exchange, field, form, multipartX, type Sent } from './client.js'
import { frameworks, type App } from './frameworks.js'

/** A form of parts: the header and the bytes of each, one character each. */
const sent = (...parts: readonly (readonly [string, string])[]): Sent => ({
  type: multipartX,
  body: Buffer.from(form('X', ...parts), 'latin1'),
})
const cyrillic = '\xcf\xf0\xe8\xe2\xe5\xf2'

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  afterAll(() => Promise.all(apps.map((app) => app.close())))

  async function reading(options: MultiPartParserOptions): Promise<(request: Sent) => Promise<any>> {
    const app = await start({ mount: { parsers: [new MultiPartParser(options)] }, routes: [{ path: '/' }] })
    apps.push(app)
    return async (request) => {
      const { json } = await exchange(app.port, request)
      const cut = await exchange(app.port, { ...request, framing: 'chunked' }, 'byte by byte')
      expect(cut.json).toEqual(json)
      return json.data ?? [json.code, json.field]
    }
  }

  test('text is read in the charset of the parser, unless the header or the part names another', async () => {
    const read = await reading({ charset: 'windows-1251' })
    expect(await read(sent([field(cyrillic), cyrillic]))).toEqual({ Привет: 'Привет' })
    const latin = `${field('a')}\r\nContent-Type: text/plain; charset=latin1`
    expect(await read(sent([latin, '\xe9']))).toEqual({ a: 'é' })
    const type = `${multipartX}; charset=iso-8859-1`
    expect(await read({ ...sent([field('a'), '\xe9']), type })).toEqual({ a: 'é' })
  })

  test('_charset_ names the charset of all text, wherever it is', async () => {
    const read = await reading({ charsetField: true })
    expect(await read(sent([field('a'), cyrillic], [field('_charset_'), 'windows-1251']))).toEqual({
      a: 'Привет',
      _charset_: 'windows-1251',
    })
    expect(await read(sent([field('_charset_'), 'bogus'], [field('a'), '\xe9']))).toEqual([
      'INVALID_CHARSET',
      'a',
    ])
    const type = `${multipartX}; charset=utf-16le`
    expect(await read({ ...sent([field('a'), 'é\0'], [field('_charset_'), 'latin1']), type })).toMatchObject({
      a: 'é\0',
    })
  })

  test('a field of JSON names the charset of each field, as that of SendGrid does', async () => {
    const read = await reading({ charsetsField: 'charsets' })
    const charsets = '{"text":"iso-8859-1","subject":"UTF-8","html":"x-none","to":7}'
    const latin = sent(
      [field('text'), 'd\xe9j\xe0 vu'],
      [field('charsets'), charsets],
      [field('subject'), '\xc3\xa9'],
    )
    expect(await read(latin)).toEqual({ text: 'déjà vu', charsets, subject: 'é' })
    expect(await read(sent([field('charsets'), charsets], [field('html'), '\xe9']))).toEqual([
      'INVALID_CHARSET',
      'html',
    ])
    expect(await read(sent([field('to'), '\xc3\xa9'], [field('charsets'), charsets]))).toMatchObject({
      to: 'é',
    })
    for (const broken of ['{', 'null', '[]', '7', '{"text":"iso-8859-1"', `{"a":"${'a'.repeat(20_000)}"}`])
      expect(await read(sent([field('charsets'), broken], [field('text'), 'ok']))).toMatchObject({
        text: 'ok',
      })
  })

  test('text that is not valid in its charset is refused, and a U+FFFD that was sent is not', async () => {
    const read = await reading({})
    expect(await read(sent([field('a'), '\xef\xbf\xbd']))).toEqual({ a: '\uFFFD' })
    expect(await read(sent([field('a'), 'ok'], [field('b'), '\xff']))).toEqual(['INVALID_CHARSET', 'b'])
    const utf16 = `${field('a')}\r\nContent-Type: text/plain; charset=utf-16`
    expect(await read(sent([utf16, '\xfe\xff\0a']))).toEqual({ a: 'a' })
    expect(await read(sent([utf16, 'a']))).toEqual(['INVALID_CHARSET', 'a'])
  })
})

test('a charset that is not known is refused when the parser is made', () => {
  expect(() => new MultiPartParser({ charset: 'klingon' })).toThrow(
    new TypeError('Unknown charset "klingon".'),
  )
})
