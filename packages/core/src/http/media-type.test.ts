import { describe, expect, it, test } from 'vitest'
import {
  findDecoder,
  isKnownCharset,
  isMediaRange,
  knownCharset,
  mediaTypeCovers,
  parameter,
  parseMediaType,
  type MediaType,
} from './media-type.js'
import { decodeWhole } from './charset.js'

const read = (header: string): MediaType => {
  const mediaType = parseMediaType(header)
  if (mediaType === undefined) throw new Error(`${header} was not read`)
  return mediaType
}

describe('a Content-Type header', () => {
  it.each([
    ['application/json', 'application/json'],
    ['APPLICATION/JSON', 'application/json'],
    [' application/json ', 'application/json'],
    ['application/json;', 'application/json'],
    ['application/json; ;', 'application/json'],
    ['application/json\t;a', 'application/json'],
    ['application/vnd.api+json;charset=utf-8', 'application/vnd.api+json'],
  ])('%j is read as %s', (header, essence) => {
    expect(read(header).essence).toBe(essence)
  })

  it('is parsed to the same value each time, which cannot be changed', () => {
    const header = 'application/json; charset=latin1'
    const first = read(header)
    expect(() => Object.assign(first, { subtype: 'xml' })).toThrow(TypeError)
    expect(() => Object.assign(first.parameters[0]!, { value: 'utf-8' })).toThrow(TypeError)
    for (let each = 0; each < 1000; each++) read(`application/vnd.${each}+json`)
    expect(read(header)).toEqual({
      essence: 'application/json',
      type: 'application',
      subtype: 'json',
      parameters: [{ name: 'charset', value: 'latin1' }],
      source: header,
    })
  })

  it.each([
    '',
    ' ',
    'json',
    '/json',
    'application/',
    'application/json, text/html',
    'application json',
    'a/b/c',
    'a/b c',
  ])('%j is none', (header) => {
    expect(parseMediaType(header)).toBeUndefined()
  })

  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['multipart/form-data; BOUNDARY=abc', 'abc'],
    ['multipart/form-data;boundary="abc"', 'abc'],
    ['multipart/form-data; boundary="a b"', 'a b'],
    ['multipart/form-data; boundary="a;b"', 'a;b'],
    ['multipart/form-data; boundary="a\\"b"', 'a"b'],
    ['multipart/form-data; boundary=a:b/c=d?', 'a:b/c=d?'],
    ["multipart/form-data; boundary='abc'", "'abc'"],
    ['multipart/form-data; charset=utf-8; boundary=abc ', 'abc'],
    ['multipart/form-data; boundary = abc', 'abc'],
    ['multipart/form-data; boundary=', ''],
    ['multipart/form-data; boundary=""', ''],
    ['multipart/form-data; boundary', ''],
    ['multipart/form-data; boundary="abc', '"abc'],
  ])('%j has the boundary %j', (header, boundary) => {
    expect(parameter(read(header), 'boundary')).toBe(boundary)
  })

  it('keeps all parameters in order, also two with the same name', () => {
    expect(read('multipart/form-data; boundary=a; Boundary="b"').parameters).toEqual([
      { name: 'boundary', value: 'a' },
      { name: 'boundary', value: 'b' },
    ])
  })
})

describe('the table of Django REST framework', () => {
  it.each([
    ['application/json', 'application/json; charset=utf-8', true],
    ['application/json', 'APPLICATION/JSON', true],
    ['application/json', 'application/json;', true],
    ['application/json', 'application/vnd.api+json', false],
    ['application/json', '*/*', true],
    ['application/json', 'application/*', true],
    ['application/*+json', 'application/vnd.api+json', true],
    ['application/*+json', 'application/json', false],
    ['application/*+json', 'application/+json', false],
    ['text/*', 'text/plain', true],
    ['text/*', 'image/png', false],
    ['*/json', 'application/json', true],
    ['*/*', 'image/png', true],
  ])('a parser for %s, given %s: %s', (range, header, covers) => {
    expect(mediaTypeCovers(read(range), read(header))).toBe(covers)
  })
})

test.each([
  ['*/*', true],
  ['text/*', true],
  ['*/json', true],
  ['application/*+json', true],
  ['application/json', false],
  ['application/vnd.a*b+json', false],
])('%s is a range: %s', (type, isRange) => {
  expect(isMediaRange(read(type))).toBe(isRange)
})

describe('a charset', () => {
  it('decodes each text independently of the one before', () => {
    const texts = [[0xff, 0xfe, 0x41], [0x81], [0x40], [0x1b, 0x24, 0x42], [0xef, 0xbb, 0xbf, 0x80], []]
    const labels = ['utf-16le', 'utf-16be', 'windows-1252', 'shift_jis', 'gb18030', 'iso-2022-jp', 'big5']
    for (const label of labels) {
      for (const text of [...texts, ...texts.toReversed()]) {
        const bytes = Uint8Array.from(text)
        const own = new TextDecoder(label)
        expect([label, text, decodeWhole(bytes, label)]).toEqual([
          label,
          text,
          own.decode(bytes, { stream: true }) + own.decode(),
        ])
      }
    }
  })

  it('keeps its decoder, however many other labels clients send', () => {
    const decoder = findDecoder('gbk')
    expect(findDecoder('gbk')).toBe(decoder)
    const spellings = Array.from({ length: 512 }, (_, bits) =>
      Array.from('shift_jis', (letter, at) => ((bits >> at) & 1 ? letter.toUpperCase() : letter)).join(''),
    )
    expect(spellings.every(isKnownCharset)).toBe(true)
    expect(decodeWhole(Uint8Array.of(0x81, 0x40), 'Shift_JIS')).toBe('\u3000')
  })

  it('is known if TextDecoder knows it', () => {
    expect(['utf-8', 'latin1', 'utf-16', 'Shift_JIS', 'bogus', 'utf-7', ''].filter(isKnownCharset)).toEqual([
      'utf-8',
      'latin1',
      'utf-16',
      'Shift_JIS',
    ])
  })

  it('is taken from the header only if it is known', () => {
    expect(knownCharset(read('text/plain; charset=latin1'))).toBe('latin1')
    expect(knownCharset(read('text/plain; charset=bogus'))).toBeUndefined()
    expect(knownCharset(read('text/plain'))).toBeUndefined()
  })
})
