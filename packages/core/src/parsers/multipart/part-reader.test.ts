import { expect, test } from 'vitest'
import { BodyError } from '../../errors.js'
import { parseMediaType } from '../../http/media-type.js'
import { readBoundary } from './part-reader.js'

function boundaryOf(parameters: string): string | undefined {
  return readBoundary(parseMediaType(`multipart/form-data${parameters}`)!)
}

function refusal(parameters: string): string {
  try {
    boundaryOf(parameters)
  } catch (error) {
    if (error instanceof BodyError) return `${error.code}: ${error.detail}`
    throw error
  }
  return 'not refused'
}

test.each([
  ['', undefined],
  ['; charset=utf-8', undefined],
  ['; boundary=X', 'X'],
  [';boundary=X', 'X'],
  ['; boundary="X"', 'X'],
  ['; BOUNDARY=X', 'X'],
  [' ; Boundary = "X" ; charset=utf-8', 'X'],
  ['; charset=utf-8; boundary=X;', 'X'],
  ['; boundary=X; boundary="X"', 'X'],
  ['; boundary=X ', 'X'],
  ["; boundary='X'", "'X'"],
  ["; boundary=a:b/c?d=e,f(g)'+_.h", "a:b/c?d=e,f(g)'+_.h"],
  ['; boundary="a b;c"', 'a b;c'],
  ['; boundary="a\\"b\\\\c"', 'a"b\\c'],
  ['; boundary=----WebKitFormBoundaryABC', '----WebKitFormBoundaryABC'],
  [`; boundary=${'X'.repeat(200)}`, 'X'.repeat(200)],
  ['; xboundary=Y; boundary=X', 'X'],
  ['; boundary=voil\xc3\xa0', 'voil\xc3\xa0'],
])('multipart/form-data%s has the boundary %j', (parameters, boundary) => {
  expect(boundaryOf(parameters)).toBe(boundary)
})

test.each([
  ['; boundary=', /^INVALID_BOUNDARY: .* is empty/],
  ['; boundary=""', /^INVALID_BOUNDARY: .* is empty/],
  ['; boundary', /^INVALID_BOUNDARY: .* is empty/],
  ['; boundary="X "', /^INVALID_BOUNDARY: .* ends in a space/],
  ['; boundary=" "', /^INVALID_BOUNDARY: .* ends in a space/],
  [`; boundary=${'X'.repeat(201)}`, /^INVALID_BOUNDARY: .* 201 characters, .* 200/],
  ['; boundary=X; boundary=Y', /^DUPLICATE_BOUNDARY: .*"X" and "Y"/],
  ['; boundary=X; boundary=X; boundary=x', /^DUPLICATE_BOUNDARY: .*"X" and "x"/],
  ['; boundary=; boundary=X', /^DUPLICATE_BOUNDARY/],
])('multipart/form-data%s is refused: %s', (parameters, answer) => {
  expect(refusal(parameters)).toMatch(answer)
})
