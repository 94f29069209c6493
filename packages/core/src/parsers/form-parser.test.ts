import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../limits.js'
import { parseMediaType } from '../http/media-type.js'
import type { ParserContext } from './base-parser.js'
import { FormParser } from './form-parser.js'

const context = { limits: defaultLimits } as ParserContext

const read = async (
  parser: FormParser,
  body: string,
  header = 'application/x-www-form-urlencoded',
): Promise<unknown> =>
  (await parser.parse(Readable.from([Buffer.from(body)]), parseMediaType(header)!, context)).data

/** Bodies that are hard to decode, the same at each run. */
function* hardBodies(count: number): Generator<string> {
  const chunks = [
    '%',
    '%c3',
    '%BC',
    '%E2%82%AC',
    '%ef%bb%bf',
    '%00',
    '%2',
    '%g1',
    '+',
    '&',
    '=',
    'a',
    'ü',
    '€',
    '%ff',
    '%41',
  ]
  let state = 1
  for (let each = 0; each < count; each++) {
    let body = ''
    for (let length = 1 + (each % 24); length > 0; length--) {
      state = (state * 48_271) % 0x7fff_ffff
      body += chunks[state % chunks.length]
    }
    yield body
  }
}

describe('a URL-encoded form', () => {
  it('is what URLSearchParams makes of the same bytes', async () => {
    for (const body of hardBodies(5000)) {
      const expected: Record<string, string | string[]> = {}
      // Node's own misreads malformed escapes that stand beside characters outside of ASCII.
      const escaped = body.replaceAll(/[ü€]/g, encodeURIComponent)
      for (const [name, value] of new URLSearchParams(escaped)) {
        expected[name] = name in expected ? [expected[name]!, value].flat() : value
      }
      expect({ body, data: await read(new FormParser(), body) }).toEqual({ body, data: expected })
    }
  })

  it('is decoded in the charset of its header, else in UTF-8', async () => {
    expect(await read(new FormParser(), 'a=%C3%BC')).toEqual({ a: 'ü' })
    const header = 'application/x-www-form-urlencoded; charset=windows-1252'
    expect(await read(new FormParser(), 'a=%FC', header)).toEqual({ a: 'ü' })
  })

  it('is decoded in the charset that its field _charset_ names, if that is enabled', async () => {
    const body = 'a=%FC&_charset_=windows-1252'
    expect(await read(new FormParser(), body)).toEqual({ a: '\uFFFD', _charset_: 'windows-1252' })
    expect(await read(new FormParser({ charsetField: true }), body)).toEqual({
      a: 'ü',
      _charset_: 'windows-1252',
    })
    expect(await read(new FormParser({ charsetField: true }), 'a=%C3%BC&_charset_=bogus')).toMatchObject({
      a: 'ü',
    })
  })
})

describe('a short name or value that an app keeps', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = (): number => {
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const rest = 'x'.repeat(2 ** 20 - 200)
  const forms: readonly (readonly [
    what: string,
    body: (id: string) => string,
    kept: (data: object) => string,
  ])[] = [
    ['value', (id) => `user=${id}&rest=${rest}`, (data) => (data as { user: string }).user],
    ['value beside escapes', (id) => `user=${id}&rest=%41${rest}`, (data) => (data as { user: string }).user],
    ['value with a plus', (id) => `user=${id}+x&rest=${rest}`, (data) => (data as { user: string }).user],
    ['name', (id) => `${id}=1&rest=${rest}`, (data) => Object.keys(data)[0]!],
    ['name without a value', (id) => `${id}&rest=${rest}`, (data) => Object.keys(data)[0]!],
  ]

  it.each(forms)('does not keep the body in memory: %s', (_, body, kept) => {
    const parser = new FormParser()
    const mediaType = parseMediaType(parser.mediaType)!
    const values: string[] = []
    const before = held()
    for (let at = 0; at < 40; at += 1) {
      const bytes = Buffer.from(body(String(at).padStart(20, 'u')))
      values.push(kept(parser.parseBytes(bytes, mediaType, context).data as object))
    }
    expect(held() - before).toBeLessThan(10 * 2 ** 20)
    expect(values[39]).toContain('uu39')
  })
})
