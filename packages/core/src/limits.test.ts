import { describe, expect, it } from 'vitest'
import { checkLimits, completeLimits, defaultLimits } from './limits.js'

const MiB = 2 ** 20

describe('limits', () => {
  it('are all finite by default', () => {
    expect(Object.values(defaultLimits).every(Number.isSafeInteger)).toBe(true)
    expect(completeLimits({})).toBe(defaultLimits)
  })

  it('are those that were set, and defaults for the others', () => {
    const set = checkLimits({ files: 0, bodySize: Infinity, fields: undefined } as object)
    expect(set).toEqual({ files: 0, bodySize: Infinity })
    expect(completeLimits(set)).toEqual({ ...defaultLimits, files: 0, bodySize: Infinity })
  })

  it('have room in a body for one file of the size that was set', () => {
    expect(completeLimits({ fileSize: 20 * MiB })).toMatchObject({ bodySize: 100 * MiB })
    expect(completeLimits({ fileSize: 100 * MiB }).bodySize).toBeGreaterThan(101 * MiB)
    expect(completeLimits({ fileSize: 2 ** 31 }).bodySize).toBeGreaterThan(2 ** 31 + MiB)
    expect(completeLimits({ fileSize: Infinity }).bodySize).toBe(Infinity)
    expect(completeLimits({ fileSize: 2 ** 31, bodySize: 2 ** 31 }).bodySize).toBe(2 ** 31)
    expect(completeLimits({ bodySize: 5 })).toEqual({ ...defaultLimits, bodySize: 5 })
  })

  it('have room for the files of a schema, unless others were set', () => {
    const room = { bytes: 500 * MiB, count: 200 }
    expect(completeLimits({}, room)).toMatchObject({ files: 200, fileSize: 10 * MiB })
    expect(completeLimits({}, room).bodySize).toBeGreaterThan(500 * MiB)
    expect(completeLimits({ bodySize: 7, files: 3 }, room)).toMatchObject({ bodySize: 7, files: 3 })
    expect(completeLimits({}, { bytes: 5, count: 1 })).toEqual(defaultLimits)
  })

  it('are refused where a body is set to hold no file of the size that is set with it', () => {
    expect(() => checkLimits({ fileSize: 2 ** 31, bodySize: 2 ** 30 })).toThrow(
      'limits.bodySize is 1073741824, which no file of limits.fileSize (2147483648) fits into. Raise it, or leave it out: ' +
        'it then has room for such a file.',
    )
    expect(checkLimits({ fileSize: Infinity, bodySize: 5 })).toEqual({ fileSize: Infinity, bodySize: 5 })
    expect(checkLimits({ fileSize: 5, bodySize: 5 })).toEqual({ fileSize: 5, bodySize: 5 })
  })

  it.each([-1, 1.5, NaN, -Infinity, '10mb', null, 2 ** 53])(
    'of %s are refused when they are set',
    (value) => {
      expect(() => checkLimits({ fileSize: value as number })).toThrow(
        `limits.fileSize must be a whole number from 0 up, or Infinity, but is ${String(value)}.`,
      )
    },
  )

  it('of an unknown name are refused with the list of names', () => {
    expect(() => checkLimits({ filesize: 1 } as object)).toThrow(
      /^Unknown limit `filesize`\. .*fileSize, files/,
    )
    expect(() => checkLimits({ toString: 1 } as object)).toThrow('Unknown limit `toString`.')
  })
})
