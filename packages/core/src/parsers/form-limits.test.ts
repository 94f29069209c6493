import { expect, test } from 'vitest'
import { BodyError } from '../errors.js'
import { defaultLimits, type Limits } from '../limits.js'
import { FieldLimits, PartLimits } from './form-limits.js'

/** The answer to fields of these sizes, whose values come in chunks of `chunk` bytes. */
function answer(limits: Partial<Limits>, sizes: readonly number[], chunk: number): string {
  const meter = new FieldLimits({ ...defaultLimits, ...limits })
  try {
    for (const size of sizes) {
      meter.begin('a')
      for (let sent = 0; sent < size; sent += chunk) {
        const next = Math.min(chunk, size - sent)
        meter.add('a', next, sent + next)
      }
    }
  } catch (error) {
    if (error instanceof BodyError) return error.detail
    throw error
  }
  return 'taken'
}

test.each([1, 3, 100])('a limit of N admits exactly N, in chunks of %i', (chunk) => {
  expect(answer({ fieldSize: 10 }, [10, 10], chunk)).toBe('taken')
  expect(answer({ fieldSize: 10 }, [10, 11], chunk)).toMatch(/"a" is longer than 10 bytes/)
  // The name counts too.
  expect(answer({ fieldsSize: 12 }, [5, 5], chunk)).toBe('taken')
  expect(answer({ fieldsSize: 12 }, [5, 6], chunk)).toMatch(
    /All fields of the form together are longer than 12 bytes/,
  )
})

test.each([1, 3, 7, 100])('the limit that is passed first is answered, in chunks of %i', (chunk) => {
  expect(answer({ fieldSize: 10, fieldsSize: 14 }, [8, 20], chunk)).toMatch(/All fields/)
  expect(answer({ fieldSize: 10, fieldsSize: 15 }, [2, 20], chunk)).toMatch(/longer than 10 bytes/)
  expect(answer({ fieldSize: 10, fieldsSize: 11 }, [20], chunk)).toMatch(/longer than 10 bytes/)
})

test.each([
  [1, 'The form has more than 1 file.'],
  [2, 'The form has more than 2 files.'],
])('a limit of %i is named in plain English', (files, detail) => {
  const parts = new PartLimits({ ...defaultLimits, files })
  for (let count = 0; count < files; count += 1) parts.beginFile('f')
  expect(() => parts.beginFile('f')).toThrow(detail)
})
