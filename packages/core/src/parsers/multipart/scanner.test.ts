import { expect, test } from 'vitest'
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { MultipartScanner, readHeader } from './scanner.js'

interface Part {
  readonly header: string
  content: string
  closed: boolean
}

/** The parts in these chunks; where they are refused, the code and the detail in their place. */
function frame(chunks: readonly string[], boundary: string, headerSize: number): Part[] | string {
  const parts: Part[] = []
  const scanner = new MultipartScanner(boundary, headerSize, {
    openPart: (header) => parts.push({ header, content: '', closed: false }),
    partContent: (chunk, from, to) => (parts.at(-1)!.content += chunk.toString('latin1', from, to)),
    closePart: () => (parts.at(-1)!.closed = true),
  })
  try {
    for (const chunk of chunks) scanner.push(Buffer.from(chunk, 'latin1'))
    scanner.end()
  } catch (error) {
    if (error instanceof BodyError) return `${error.code}: ${error.detail}`
    throw error
  }
  return parts
}

/** The same, but whole, cut in two at every place, and byte by byte: all must come to the same. */
function frameEveryWay(body: string, boundary = 'X', headerSize = 100): Part[] | string {
  const whole = frame([body], boundary, headerSize)
  const cut = Array.from({ length: body.length - 1 }, (_, at) => [body.slice(0, at + 1), body.slice(at + 1)])
  for (const chunks of [...cut, body.split('')]) {
    const again = frame(chunks, boundary, headerSize)
    if (JSON.stringify(again) !== JSON.stringify(whole))
      expect(again, `in ${JSON.stringify(chunks)}`).toEqual(whole)
  }
  return whole
}

const closed = (header: string, content: string): Part => ({ header, content, closed: true })

const framed: readonly [body: string, parts: readonly Part[], why: string][] = [
  ['--X\r\nA: b\r\n\r\nc\r\n--X--\r\n', [closed('A: b', 'c')], 'one part'],
  [
    '--X\r\nA: b\r\n\r\nc\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    [closed('A: b', 'c'), closed('D: e', 'f')],
    'two',
  ],
  ['--X--', [], 'none'],
  ['--X--\r\n', [], 'none, with a line end'],
  ['--X\r\nA: b\r\nC: d\r\n\r\ne\r\n--X--', [closed('A: b\r\nC: d', 'e')], 'two header lines'],
  ['--X\r\nA: b\r\n\r\n\r\n--X--', [closed('A: b', '')], 'no content'],
  ['--X\r\nA: b\r\n\r\n--X--', [closed('A: b', '')], 'no content and no line end for it'],
  ['--X\r\n\r\nc\r\n--X--', [closed('', 'c')], 'an empty header'],
  ['--X\r\n\r\n--X--', [closed('', '')], 'nothing at all'],

  // Delimiters and what looks like one.
  [
    '--X \t \r\nA: b\r\n\r\nc\r\n--X\t\r\nD: e\r\n\r\nf\r\n--X--  \r\n',
    [closed('A: b', 'c'), closed('D: e', 'f')],
    'white space after delimiters',
  ],
  ['--X\r\nA: b\r\n\r\nc\r\n--X--junk', [closed('A: b', 'c')], 'something after the closing delimiter'],
  ['--X\r\nA: b\r\n\r\nc\r\n--XY\r\n--X--', [closed('A: b', 'c\r\n--XY')], 'a longer boundary'],
  ['--X\r\nA: b\r\n\r\nc\r\n--X-\r\n--X--', [closed('A: b', 'c\r\n--X-')], 'one dash after the boundary'],
  [
    '--X\r\nA: b\r\n\r\nc\r\n--X -- \r\n--X--',
    [closed('A: b', 'c\r\n--X -- ')],
    'white space before the last dashes',
  ],
  [
    '--X\r\nA: b\r\n\r\nc\r\n--X \tz\r\n--X--',
    [closed('A: b', 'c\r\n--X \tz')],
    'something after white space',
  ],
  ['--X\r\nA: b\r\n\r\nc\r\n--X\r\r\n--X--', [closed('A: b', 'c\r\n--X\r')], 'a CR too many'],
  ['--X\r\nA: b\r\n\r\nc--X--\r\n--X--', [closed('A: b', 'c--X--')], 'the boundary in the middle of a line'],
  ['--X\r\nA: b\r\n\r\nc\n--X\r\r\n--X--', [closed('A: b', 'c\n--X\r')], 'the boundary after an LF'],
  ['--X\r\nA: b\r\n\r\nc\n--XY\r\n--X--', [closed('A: b', 'c\n--XY')], 'a longer boundary after an LF'],
  ['--X\r\nA: b\r\n\r\n\n--\n--X-\r\n--X--', [closed('A: b', '\n--\n--X-')], 'LFs and dashes'],
  ['--X\r\nA: b\r\n\r\nc\r--X--\r\n--X--', [closed('A: b', 'c\r--X--')], 'the boundary after a CR'],
  ['--X\r\nA: b\r\n\r\n--XY\r\n--X--', [closed('A: b', '--XY')], 'a false delimiter at the start of a part'],
  ['--X\r\nA: b\r\n\r\n--\r\n--X--', [closed('A: b', '--')], 'dashes at the start of a part'],

  // What a part may end in.
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r',
    '\r\n-',
    '\r\n--',
    '\r\r',
    '\r\n\r\n',
    '\r\n\r\n--',
    '-',
    '--',
    '\r\n--\r',
  ].map((end): [string, Part[], string] => [
    `--X\r\nA: b\r\n\r\nc${end}\r\n--X--`,
    [closed('A: b', `c${end}`)],
    `content that ends in ${JSON.stringify(end)}`,
  ]),
  ...['\r', '\n', '\r\n', '\r\n\r\n\r\n', '\r\r\n', '\n\n\r'].map((content): [string, Part[], string] => [
    `--X\r\nA: b\r\n\r\n${content}\r\n--X--`,
    [closed('A: b', content)],
    `content that is ${JSON.stringify(content)}`,
  ]),
  [
    '--X\r\nA: b\r\n\r\n\r\r\n---\r\r\n\r\n--X--',
    [closed('A: b', '\r\r\n---\r\r\n')],
    'the starts of delimiters, one in the other',
  ],

  // Before and after.
  ['\r\n--X\r\nA: b\r\n\r\nc\r\n--X--', [closed('A: b', 'c')], 'an empty line before the body'],
  ['preamble\r\n\r\nof lines\r\n--X\r\nA: b\r\n\r\nc\r\n--X--', [closed('A: b', 'c')], 'a preamble'],
  [
    '--Y\r\n--\r\n-X\r\nX\r\n--X\r\nA: b\r\n\r\nc\r\n--X--',
    [closed('A: b', 'c')],
    'a preamble of what is nearly a delimiter',
  ],
  [
    '--X\r\nA: b\r\n\r\nc\r\n--X--\r\nepilogue\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    [closed('A: b', 'c')],
    'an epilogue with a part in it',
  ],
  ['--X--\r\n--X\r\nA: b\r\n\r\nc\r\n--X--', [], 'a part after a form without parts'],
]

test.each(framed)('%j is cut into %j: %s', (body, parts) => {
  expect(frameEveryWay(body)).toEqual(parts)
})

test.each([
  '-',
  '--',
  '---',
  '-----------',
  'a-',
  '-a-',
  '--X',
  "'()+_,-./:=?",
  'a b',
  'ü',
  '.*',
  'X'.repeat(200),
])('the boundary %j delimits parts', (boundary) => {
  const bytes = Buffer.from(boundary, 'latin1').toString('latin1')
  // Of dashes alone, what is meant as a false delimiter is a real one where it ends in two more of them.
  const content = /^-+$/.test(boundary) ? 'c' : `c\r\n--${bytes.slice(0, -1)}\r\n--${bytes}z\r\n-${bytes}`
  const body = `--${bytes}\r\nA: b\r\n\r\n${content}\r\n--${bytes}\r\nD: e\r\n\r\n\r\n--${bytes}--`
  expect(frameEveryWay(body, boundary)).toEqual([closed('A: b', content), closed('D: e', '')])
})

const refused: readonly [body: string, answer: RegExp, why: string][] = [
  ['--X\r\nA: b\r\n\r\nc', /^TRUNCATED_BODY: .*"--X--"/, 'content without end'],
  ['--X\r\nA: b\r\n\r\nc\r\n--X', /^TRUNCATED_BODY/, 'a delimiter that is cut'],
  ['--X\r\nA: b\r\n\r\nc\r\n--X-', /^TRUNCATED_BODY/, 'a closing delimiter that is cut'],
  ['--X\r\nA: b\r\n\r\nc\r\n--X\r\n', /^TRUNCATED_BODY/, 'no closing delimiter'],
  ['--X\r\nA: b\r\n\r\nc\r\n--Y--', /^TRUNCATED_BODY/, 'another closing delimiter'],
  ['--X\r\nA: b', /^TRUNCATED_BODY/, 'a header that is cut'],
  ['--X', /^TRUNCATED_BODY/, 'the first delimiter alone'],
  ['-', /^TRUNCATED_BODY/, 'the first byte of the first delimiter'],
  ['pre\r\n--X \t', /^TRUNCATED_BODY/, 'a preamble and a delimiter that is cut'],

  ['--X\nA: b\n\nc\n--X--\n', /^LF_LINE_ENDINGS/, 'LF everywhere'],
  ['\n--X\nA: b\n\nc\n--X--\n', /^LF_LINE_ENDINGS/, 'LF everywhere, and before the first delimiter'],
  ['\n--X--\r\n', /^LF_LINE_ENDINGS/, 'LF before the closing delimiter'],
  ['pre\n--X\r\nA: b\r\n\r\nc\r', /^LF_LINE_ENDINGS/, 'LF before the first delimiter'],
  ['--X\r\nA: b\n\nc\n--X--\n', /^LF_LINE_ENDINGS/, 'LF in the header'],
  [
    '--X\r\nA: b\n\nc\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    /^LF_LINE_ENDINGS/,
    'LF in a header that the next part follows',
  ],
  ['--X \t\nA: b', /^LF_LINE_ENDINGS/, 'LF after white space'],
  ['--X\r\nA: b\r\n\r\nc\r\n--X\nD: e', /^LF_LINE_ENDINGS/, 'LF after a later delimiter'],
  [`--X\r\nA: b\n${'c'.repeat(200)}`, /^LF_LINE_ENDINGS/, 'LF in a header that is too long'],

  ['--Y\r\nContent-Type: b\r\n\r\nc\r\n--Y--', /^BOUNDARY_MISMATCH: .*"X".*"Y"/, 'another boundary'],
  ['--x\r\nContent-Type: b\r\n\r\nc\r\n--x--', /^BOUNDARY_MISMATCH: .*"X".*"x"/, 'another case'],
  ['X\r\nA: b\r\n\r\nc\r\nX--', /^BOUNDARY_MISMATCH: .*"X".*"--X"/, 'delimiters without dashes'],
  [
    ' --X\r\nContent-Type: b\r\n\r\nc\r\n --X--',
    /^BOUNDARY_MISMATCH: .*"--X".*line of its own/,
    'delimiters that are indented',
  ],
  [
    'glued--X\r\nA: b\r\n\r\nc',
    /^BOUNDARY_MISMATCH: .*"--X".*line of its own/,
    'something glued to the first delimiter',
  ],
  // What stands before the first delimiter is no part; a delimiter that is spoilt must not make a preamble of one.
  [
    'glued--X\r\nA: b\r\n\r\nc\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    /^BOUNDARY_MISMATCH: .*"--X".*line of its own/,
    'something glued to the first delimiter of two',
  ],
  [
    '--X junk\r\nA: b\r\n\r\nc\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    /^BOUNDARY_MISMATCH/,
    'something after the first delimiter of two',
  ],
  [' --X\r\nA: b\r\n\r\nc\r\n--X--', /^BOUNDARY_MISMATCH/, 'a space before the first delimiter'],
  ['pre\n--X\r\nA: b\r\n\r\nc\r\n--X--', /^LF_LINE_ENDINGS/, 'LF before the first delimiter of two'],
  ['{"a":1}', /^NOT_MULTIPART: .*JSON/, 'JSON'],
  ['a=1&b=2', /^NOT_MULTIPART: .*URL-encoded/, 'a URL-encoded form'],
  ['hello', /^NOT_MULTIPART/, 'something else'],

  [
    '--X\r\nA: b\r\n--X--\r\n',
    /^MALFORMED_PART: Part 1 .*empty line/,
    'a header that the end of the form follows',
  ],
  [
    '--X\r\nA: b\r\n--X\r\nD: e\r\n\r\nf\r\n--X--',
    /^MALFORMED_PART: Part 1 .*empty line/,
    'a header that the next part follows',
  ],
  [
    '--X\r\nA: b\r\n\r\nc\r\n--X\r\n--X--\r\n',
    /^MALFORMED_PART: Part 2 .*followed by another one/,
    'a delimiter that another one follows',
  ],
  [
    '--X\r\nA: b\r\n--X \r\n\r\n--X--',
    /^MALFORMED_PART: Part 1 .*empty line/,
    'a header that a delimiter and an empty line follow',
  ],

  ['a\n--X', /^LF_LINE_ENDINGS/, 'no delimiter but one after an LF'],
  ['a\n--X ', /^LF_LINE_ENDINGS/, 'no delimiter but one after an LF, and a space'],
  ['\n--', /^NOT_MULTIPART/, 'the start of a delimiter after an LF'],
  ['--X\r\nA: b\r\n\r\nc\n--X\r\n', /^LF_LINE_ENDINGS: .*"--X" follows LF/, 'a delimiter after an LF'],
  [
    '--X\r\nA: b\r\n\r\n\n--X\r\n',
    /^LF_LINE_ENDINGS: .*"--X"/,
    'a delimiter after an LF at the start of a part',
  ],
  ['--X\r\nA: b\r\n\r\nc\r\r\n\n--X \r\n', /^LF_LINE_ENDINGS: .*"--X"/, 'a delimiter after a CRLF and an LF'],
  ['--X\r\nA: b\r\n\r\nc\n--X--\r\n--X--', /^LF_LINE_ENDINGS: .*"--X"/, 'a closing delimiter after an LF'],
  ['--X\r\nA: b\r\n\r\nc\n--X--\r\n', /^TRUNCATED_BODY/, 'no closing delimiter but one after an LF'],

  [
    `--X\r\n${'a'.repeat(101)}\r\n\r\nc\r\n--X--`,
    /^LIMIT_HEADER_SIZE: .*100 bytes/,
    'a header that is a byte too long',
  ],
  [`--X\r\n${'a'.repeat(1000)}`, /^LIMIT_HEADER_SIZE/, 'a header without end'],
  [`--X${' '.repeat(1000)}\r\n`, /^LIMIT_HEADER_SIZE/, 'white space without end'],
]

test.each(refused)('%j is refused, %s: %s', (body, answer) => {
  expect(frameEveryWay(body)).toMatch(answer)
})

test('a header may be as long as the limit', () => {
  const header = 'a'.repeat(100)
  expect(frameEveryWay(`--X\r\n${header}\r\n\r\nc\r\n--X--`)).toEqual([closed(header, 'c')])
})

test.each([64 * 1024, 64 * 1024 + 1])('a preamble may have 64 KiB: %i bytes', (size) => {
  const body = `${'p'.repeat(size)}\r\n--X--`
  const answers = [[body], [body.slice(0, size), body.slice(size)], body.match(/.{1,999}/gs)!].map((chunks) =>
    frame(chunks, 'X', 100),
  )
  for (const answer of answers)
    expect(answer).toEqual(size > 64 * 1024 ? expect.stringMatching(/^BOUNDARY_MISMATCH|^NOT_MULTIPART/) : [])
})

test('an error of the listener is thrown', () => {
  const scanner = new MultipartScanner('X', 100, {
    openPart: () => {
      throw new RangeError('no')
    },
    partContent: () => undefined,
    closePart: () => undefined,
  })
  expect(() => scanner.push(Buffer.from('--X\r\nA: b\r\n\r\n'))).toThrow(RangeError)
})

/** The header in these chunks and the content after it; `undefined` if it does not end. */
function gather(chunks: readonly string[]): [header: string, rest: string] | undefined {
  const header = new ByteBuffer()
  for (const [index, chunk] of chunks.entries()) {
    const next = readHeader(header, Buffer.from(chunk, 'latin1'), 0)
    if (next !== undefined) return [header.latin1(), chunk.slice(next) + chunks.slice(index + 1).join('')]
  }
  return undefined
}

const headers: readonly [body: string, result: [string, string] | undefined][] = [
  ['A: b\r\n\r\ncontent', ['A: b', 'content']],
  ['A: b\r\nC: d\r\n\r\n\r\n--X', ['A: b\r\nC: d', '\r\n--X']],
  ['A: b\r\n\r\n', ['A: b', '']],
  ['\r\ncontent', ['', 'content']],
  ['\r\n\r\ncontent', ['', '\r\ncontent']],
  ['A\r\r\n\r\ncontent', ['A\r', 'content']],
  ['A\r\n\r\r\n\r\nc', ['A\r\n\r', 'c']],
  ['\xff\x80\0: \xe9\r\n\r\nc', ['\xff\x80\0: \xe9', 'c']],
  ['A: b\r\n', undefined],
  ['A: b\n\nc', undefined],
  ['A: b\r\n\n\r\n', undefined],
  ['\r', undefined],
  ['\n\r\n', undefined],
]

test.each(headers)('%j has the header and the content %j, however it is cut', (body, result) => {
  expect(gather([body])).toEqual(result)
  expect(gather(body.split(''))).toEqual(result)
  for (let cut = 1; cut < body.length; cut += 1)
    expect(gather([body.slice(0, cut), body.slice(cut)])).toEqual(result)
})

test('a header that begins inside a chunk is read from there', () => {
  const header = new ByteBuffer()
  expect(readHeader(header, Buffer.from('xxA: '), 2)).toBeUndefined()
  expect(header.size).toBe(3)
  expect(readHeader(header, Buffer.from('b\r\n\r\nc'), 0)).toBe(5)
  expect(header.latin1()).toBe('A: b')
})

test('the bytes of one header are not part of the next', () => {
  const header = new ByteBuffer()
  readHeader(header, Buffer.from('A: b\r'), 0)
  header.truncate(0)
  expect(header.size).toBe(0)
  expect(readHeader(header, Buffer.from('\nC: d\r\n\r\n'), 0)).toBe(9)
  expect(header.latin1()).toBe('\nC: d')
})
