import { describe, expect, it } from 'vitest'
import { defaultLimits, resolveLimits } from './limits.js'

describe('limits', () => {
  it('are all finite by default', () => {
    expect(Object.values(defaultLimits).every(Number.isSafeInteger)).toBe(true)
    expect(resolveLimits({})).toEqual(defaultLimits)
  })

  it('are applied on top of others', () => {
    const mount = resolveLimits({ files: 2, fields: 3 })
    expect(resolveLimits({ files: 5 }, mount)).toEqual({ ...defaultLimits, files: 5, fields: 3 })
  })

  it('may be zero, and may be switched off with Infinity', () => {
    expect(resolveLimits({ files: 0, bodySize: Infinity })).toMatchObject({ files: 0, bodySize: Infinity })
  })

  it.each([-1, 1.5, NaN, -Infinity, '10mb', null, 2 ** 53])(
    'of %s are refused when they are set',
    (value) => {
      expect(() => resolveLimits({ fileSize: value as number })).toThrow(
        `limits.fileSize must be a whole number from 0 up, or Infinity, but is ${String(value)}.`,
      )
    },
  )

  it('of an unknown name are refused with the list of names', () => {
    expect(() => resolveLimits({ filesize: 1 } as object)).toThrow(
      /^Unknown limit `filesize`\. .*fileSize, files/,
    )
    expect(() => resolveLimits({ toString: 1 } as object)).toThrow('Unknown limit `toString`.')
  })
})
