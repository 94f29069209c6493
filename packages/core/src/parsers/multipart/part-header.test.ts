import { expect, test } from 'vitest'
import { BodyError } from '../../errors.js'
import { parsePartHeader, partCharset, type PartHeader } from './part-header.js'

/** A header as it arrives: one character for each byte of UTF-8. */
function read(header: string): PartHeader {
  return parsePartHeader(Buffer.from(header).toString('latin1'), 3)
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof BodyError) return `${error.code}: ${error.detail}`
    throw error
  }
  return 'not refused'
}

const a = 'Content-Disposition: form-data; name="a"'

const names: readonly [header: string, name: string, filename: string | undefined][] = [
  [a, 'a', undefined],
  [`${a}; filename="b.txt"`, 'a', 'b.txt'],
  [`${a}; filename=""`, 'a', ''],
  ['content-disposition:form-data;name=a', 'a', undefined],
  ['CONTENT-DISPOSITION: \t FORM-DATA; NAME="a" \t', 'a', undefined],
  [`Content-Type: text/plain\r\n${a}`, 'a', undefined],
  [`${a}\r\nX-Empty:\r\nContent-Type: text/plain`, 'a', undefined],
  ['Content-Disposition: form-data; name="a[b].c-d_1"', 'a[b].c-d_1', undefined],
  ['Content-Disposition: form-data; name="__proto__"', '__proto__', undefined],
  ['Content-Disposition: form-data; name="名前"', '名前', undefined],
  ['Content-Disposition: form-data; name=voilà', 'voilà', undefined],
  [`${a}; filename="a\\"`, 'a', 'a\\'],
  [`${a}; filename="a\0b\x01"`, 'a', 'a\0b\x01'],
]

test.each(names)('%j has the name %j and the file name %j', (header, name, filename) => {
  expect(read(header)).toMatchObject({ number: 3, name, filename })
})

test('the fast way for plain fields gives the same as the general one', () => {
  const short = read('Content-Disposition: form-data; name="a"')
  const general = read('Content-Disposition: form-data;  name="a"')
  expect({ ...short, fields: undefined }).toEqual({ ...general, fields: undefined })
  expect(short.fields['content-disposition']).toBe('form-data; name="a"')
})

test.each([
  'Content-Disposition: form-data; name="a"; x="b"',
  'Content-Disposition: form-data; name="a\\"b"',
  'Content-Disposition: form-data; name="%22"',
])('%j is not read as a plain field', (header) => {
  expect(read(header).name).not.toBe(header.slice('Content-Disposition: form-data; name="'.length, -1))
})

test('the fields of a header are complete, without white space around their values', () => {
  const { fields } = read(`${a}\r\nX-Custom: \t b c \t\r\nContent-Transfer-Encoding: base64\r\n__proto__: d`)
  expect(Object.entries(fields)).toEqual([
    ['content-disposition', 'form-data; name="a"'],
    ['x-custom', 'b c'],
    ['content-transfer-encoding', 'base64'],
    ['__proto__', 'd'],
  ])
})

test('the media type of a part is read like that of a request', () => {
  expect(read(`${a}\r\nContent-Type: Text/Plain; Charset="UTF-8"`).mediaType).toMatchObject({
    essence: 'text/plain',
    parameters: [{ name: 'charset', value: 'UTF-8' }],
  })
  expect(read(`${a}\r\nContent-Type: nonsense`).mediaType).toBeUndefined()
  expect(read(a).mediaType).toBeUndefined()
})

test('a header of many lines has all its fields, the same each time', () => {
  const lines = Array.from({ length: 40 }, (_, at) => `X-${at}: ${at}`)
  const header = read(`${a}; filename="b.txt"\r\nContent-Type: text/plain\r\n${lines.join('\r\n')}`)
  expect(header).toMatchObject({ number: 3, name: 'a', filename: 'b.txt' })
  expect(header.mediaType?.essence).toBe('text/plain')
  for (let twice = 0; twice < 2; twice += 1) {
    expect(Object.keys(header.fields)).toHaveLength(42)
    expect(header.fields).toMatchObject({ 'content-type': 'text/plain', 'x-0': '0', 'x-39': '39' })
  }
})

test('a header may have as many lines as the limit', () => {
  expect(refusal(() => parsePartHeader(a, 3, 1))).toBe('not refused')
  expect(refusal(() => parsePartHeader(a, 3, 0))).toMatch(/^LIMIT_HEADER_SIZE: .*part 3 .* more than 0 lines/)
  const two = `${a}; filename="b.txt"\r\nContent-Type: text/plain`
  expect(refusal(() => parsePartHeader(two, 3, 2))).toBe('not refused')
  expect(refusal(() => parsePartHeader(two, 3, 1))).toMatch(/^LIMIT_HEADER_SIZE: .*more than 1 line\./)
})

const malformed: readonly [header: string, reason: RegExp][] = [
  ['', /header is empty/],
  ['no colon', /no colon/],
  [`${a}\r\nno colon`, /no colon/],
  [`${a}\r\n folded`, /begins with white space/],
  [`${a}\r\n\tfolded`, /begins with white space/],
  [` ${a}`, /begins with white space/],
  [': b', /a name in its header is not valid/],
  ['A b: c', /a name in its header is not valid/],
  ['Content-Disposition : form-data; name="a"', /a name in its header is not valid/],
  ['Ä: b', /a name in its header is not valid/],
  [`${a}\r\nX: b\rc`, /its x has a CR without LF/],
  ['Content-Disposition: form-data; name="a\rb"', /content-disposition has a CR without LF/],
  [`${a}\r\n${a}`, /two content-disposition lines/],
  [`${a}\r\nContent-Type: a/b\r\ncontent-type: a/b`, /two content-type lines/],
  ['Content-Type: text/plain', /no Content-Disposition/],
  ['Content-Disposition:', /no type/],
  ['Content-Disposition: attachment; name="a"', /is "attachment", not form-data/],
  ['Content-Disposition: form-data; name="a"; name="b"', /two "name" parameters/],
  [`${a}; filename="b"c"`, /"filename" has a quote that is not escaped/],
  [`${a}; filename*=b`, /"filename\*" is not in the form/],
]

test.each(malformed)('%j is malformed: %s', (header, reason) => {
  const answer = refusal(() => read(header))
  expect(answer).toMatch(/^MALFORMED_PART: Part 3 of the multipart body is malformed: /)
  expect(answer).toMatch(reason)
})

test.each([`${a}\nX: b`, `X: b\n${a}`, `${a}\r\nX: b\nc`, 'a\nb'])('%j has LF line ends', (header) => {
  expect(refusal(() => read(header))).toMatch(/^LF_LINE_ENDINGS/)
})

test.each([
  'Content-Disposition: form-data',
  'Content-Disposition: form-data; name=""',
  'Content-Disposition: form-data; name=',
  'Content-Disposition: form-data; filename="b.txt"',
])('%j has no name', (header) => {
  expect(refusal(() => read(header))).toMatch(/^MISSING_PART_NAME: Part 3 /)
})

test('a file name in an unknown charset is refused with INVALID_CHARSET', () => {
  expect(refusal(() => read(`${a}; filename*=bogus''b`))).toMatch(/^INVALID_CHARSET: Part 3 .*"bogus"/)
})

test.each([
  [undefined, undefined],
  ['text/plain', undefined],
  ['text/plain; charset=utf-8', 'utf-8'],
  ['text/plain; charset="ISO-8859-1"', 'ISO-8859-1'],
  ['text/plain; Charset=shift_jis', 'shift_jis'],
  ['nonsense; charset=utf-8', undefined],
])('the charset of a part of type %j is %j', (type, charset) => {
  expect(partCharset(read(type === undefined ? a : `${a}\r\nContent-Type: ${type}`))).toBe(charset)
})

test.each(['bogus', 'utf-7', '""', 'utf-8x'])('the charset %s is not known', (charset) => {
  const header = read(`${a}\r\nContent-Type: text/plain; charset=${charset}`)
  expect(refusal(() => partCharset(header))).toMatch(/^INVALID_CHARSET: Part 3 /)
})

const size = 16 * 1024

test.each([
  ['many short lines', `${a}\r\n${'b:\r\n'.repeat(size / 4)}c:`],
  ['many names', `${a}\r\n${Array.from({ length: size / 8 }, (_, index) => `x${index}:\r\n`).join('')}c:`],
  ['one long line of spaces', `${a}\r\nb:${' '.repeat(size)}c`],
  ['spaces in Content-Disposition', `${a};${' '.repeat(size)}x=y`],
  ['spaces in Content-Type', `${a}\r\nContent-Type: text/plain;${' '.repeat(size)}"`],
  ['quotes in Content-Type', `${a}\r\nContent-Type: text/plain; x="${'\\"'.repeat(size / 2)}`],
  ['a long plain name', `Content-Disposition: form-data; name="${'a'.repeat(size)}!"`],
])('a header of 16 KiB takes no time: %s', (_why, header) => {
  const start = process.cpuUsage()
  read(header)
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(50)
})
