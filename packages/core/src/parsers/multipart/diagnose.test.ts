import { expect, test } from 'vitest'
import { bodyUnlikeHeader, hasBareLf, missingBoundary } from './diagnose.js'

const part = 'Content-Disposition: form-data; name="a"\r\n\r\n1\r\n'

const bodies: readonly [
  body: string,
  boundary: string,
  code: string,
  detail: RegExp,
  hint: RegExp,
  why: string,
][] = [
  [
    `--Y\r\n${part}--Y--`,
    'X',
    'BOUNDARY_MISMATCH',
    /declares the boundary "X" but the body uses "Y"/,
    /the same/,
    'another boundary',
  ],
  [`--x\r\n${part}--x--`, 'X', 'BOUNDARY_MISMATCH', /"X".*"x"/, /case/, 'another case'],
  [`--X\r\n${part}--X--`, "'X'", 'BOUNDARY_MISMATCH', /"'X'".*"X"/, /Single quotes/, 'single quotes'],
  [
    `----X\r\n${part}----X--`,
    'X',
    'BOUNDARY_MISMATCH',
    /"X".*"--X"/,
    /the same/,
    'dashes that the header has not',
  ],
  [`--XY\r\n${part}--XY--`, 'X', 'BOUNDARY_MISMATCH', /"X".*"XY"/, /the same/, 'a longer boundary'],
  [`X\r\n${part}X--`, 'X', 'BOUNDARY_MISMATCH', /lines "X".*"--X"/, /"--" and the boundary/, 'no dashes'],
  [
    `X\n${part}X--\n`,
    'X',
    'BOUNDARY_MISMATCH',
    /lines "X".*"--X"/,
    /"--" and the boundary/,
    'no dashes, and LF',
  ],
  [
    ` --X\r\n${part} --X--`,
    'X',
    'BOUNDARY_MISMATCH',
    /"--X".*line of its own/,
    /follows CRLF/,
    'indented delimiters',
  ],
  [
    'glued--X\r\n',
    'X',
    'BOUNDARY_MISMATCH',
    /"--X".*line of its own/,
    /follows CRLF/,
    'a delimiter in mid-line',
  ],
  ['--X\n', 'X', 'LF_LINE_ENDINGS', /LF/, /CRLF/, 'LF after a delimiter'],
  ['\n--X\r\n', 'X', 'LF_LINE_ENDINGS', /LF/, /CRLF/, 'LF before a delimiter'],
  ['a\n--X--\r\n', 'X', 'LF_LINE_ENDINGS', /LF/, /CRLF/, 'LF before the closing delimiter'],
  [
    'a\n--X--junk\r\n',
    'X',
    'LF_LINE_ENDINGS',
    /LF/,
    /CRLF/,
    'LF before a closing delimiter with trailing text',
  ],
  [
    '--X\r\r\nA: b',
    'X',
    'BOUNDARY_MISMATCH',
    /"--X".*line of its own/,
    /follows CRLF/,
    'a delimiter with an extra CR',
  ],
  [
    '--X\r',
    'X',
    'BOUNDARY_MISMATCH',
    /"--X".*line of its own/,
    /follows CRLF/,
    'a delimiter and a CR before another one',
  ],
  [
    '{"a":1}',
    'X',
    'NOT_MULTIPART',
    /looks like JSON/,
    /application\/json.*python-requests.*curl.*axios/s,
    'JSON',
  ],
  [' [1]', 'X', 'NOT_MULTIPART', /looks like JSON/, /application\/json/, 'JSON with a space before it'],
  [
    'a=1&b=2',
    'X',
    'NOT_MULTIPART',
    /URL-encoded/,
    /x-www-form-urlencoded.*python-requests.*curl/s,
    'a URL-encoded form',
  ],
  ['hello', 'X', 'NOT_MULTIPART', /not multipart/, /Content-Type/, 'text'],
  ['\0\xff', 'X', 'NOT_MULTIPART', /not multipart/, /Content-Type/, 'bytes'],
]

test.each(bodies)('%j with the boundary %j is a %s', (body, boundary, code, detail, hint) => {
  const error = bodyUnlikeHeader(Buffer.from(body, 'latin1'), boundary)
  expect(error.code).toBe(code)
  expect(error.detail).toMatch(detail)
  expect(error.hint).toMatch(hint)
})

const size = 64 * 1024

test.each([
  ['spaces', ' '.repeat(size)],
  ['dashes', '-'.repeat(size)],
  ['line ends', '\r\n'.repeat(size / 2)],
  ['LFs', '\n'.repeat(size)],
  ['dashes and spaces', '- '.repeat(size / 2)],
  ['a long line that could be URL-encoded', `a=${'b'.repeat(size)}`],
  ['a long name without value', 'a'.repeat(size)],
  ['lines of dashes', '--a\r\n'.repeat(size / 5)],
])('a body of 64 KiB of %s is diagnosed fast', (_why, body) => {
  const start = process.cpuUsage()
  bodyUnlikeHeader(Buffer.from(body), 'X'.repeat(200))
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(50)
})

test.each([
  ['a\r\nb', false],
  ['a\nb', true],
  ['\na', true],
  ['\r\n\n', true],
  ['\r\n\r\n', false],
  ['\r\r\n', false],
  ['', false],
])('%j has a bare LF: %j', (text, expected) => {
  expect(hasBareLf(text)).toBe(expected)
})

test.each([
  ['--abc\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--abc--', /"abc"/],
  ['{"a":1}', /application\/json/],
  ['a=1&b=2', /application\/x-www-form-urlencoded/],
  ['hello', /Remove the Content-Type header/],
  ['', /Remove the Content-Type header/],
])('the hint for a body without a declared boundary says what %j looks like', (body, hint) => {
  const error = missingBoundary(Buffer.from(body))
  expect(error.code).toBe('MISSING_BOUNDARY')
  expect(error.hint).toMatch(
    /Remove the Content-Type header that was set by hand.*python-requests.*fetch.*curl/s,
  )
  expect(error.hint).toMatch(hint)
})
