import { expect, test, vi } from 'vitest'
import { BodyError } from './errors.js'

test('an error of another copy of the package is a BodyError', async () => {
  vi.resetModules()
  const other = await import('./errors.js')
  expect(other.BodyError).not.toBe(BodyError)
  const error: unknown = new other.BodyError('MALFORMED_JSON')
  expect(error instanceof BodyError).toBe(true)
  expect(BodyError.is(error)).toBe(true)
})

test('nothing else is one', () => {
  for (const value of [new Error('no'), { code: 'MALFORMED_JSON' }, null, undefined, 'text', 1]) {
    expect(BodyError.is(value)).toBe(false)
    expect(value instanceof BodyError).toBe(false)
  }
})

test('a class that extends it has its own instances alone', () => {
  class Refused extends BodyError {}
  const refused: unknown = new Refused('FILE_REFUSED')
  expect(refused instanceof Refused).toBe(true)
  expect(refused instanceof BodyError).toBe(true)
  expect(new BodyError('FILE_REFUSED') instanceof Refused).toBe(false)
})
