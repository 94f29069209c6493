import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fieldMessages } from './client.js'

const problem = (...issues: readonly (readonly [string, string])[]) => ({
  status: 422,
  code: 'VALIDATION_FAILED',
  detail: 'The body does not match the schema of this route.',
  errors: issues.map(([path, message]) => ({ path, message, code: 'custom' })),
})
const found = (of: unknown, ...names: string[]) => Object.fromEntries(fieldMessages(of, names))

describe('fieldMessages', () => {
  it('returns the messages of each input in order', () => {
    const refused = problem(['name', 'is too short'], ['age', 'is no number'], ['name', 'is taken'])
    expect(found(refused, 'name', 'age', 'city')).toEqual({
      name: ['is too short', 'is taken'],
      age: ['is no number'],
    })
  })

  it.each(['items[0].price', 'items[0][price]', 'items.0.price'])('knows an input called %s', (name) => {
    expect(found(problem(['items[0].price', 'x']), name, 'items[1].price')).toEqual({ [name]: ['x'] })
  })

  it('matches a list with and without brackets, and repeats no message', () => {
    const refused = problem(['photos[0]', 'no image'], ['photos[2]', 'no image'])
    expect(found(refused, 'photos')).toEqual({ photos: ['no image'] })
    expect(found(refused, 'photos[]')).toEqual({ 'photos[]': ['no image'] })
  })

  it('assigns issues inside the value of an input to the nearest input', () => {
    const refused = problem(['order.items[0].price', 'x'], ['order.note', 'y'])
    expect(found(refused, 'order', 'order.note')).toEqual({ order: ['x'], 'order.note': ['y'] })
  })

  it('returns messages that belong to no input under the empty name', () => {
    const refused = problem(['', 'passwords differ'], ['unknown', 'is unknown'])
    expect(found(refused, 'name', '')).toEqual({ '': ['passwords differ', 'is unknown'] })
  })

  it('assigns any other problem to the field that it names', () => {
    const tooLarge = { status: 413, detail: 'The file is too large.', field: 'photo', limit: 5 }
    expect(found(tooLarge, 'photo')).toEqual({ photo: ['The file is too large.'] })
    expect(found({ status: 400, detail: 'Broken.' }, 'photo')).toEqual({ '': ['Broken.'] })
  })

  it.each([undefined, null, 'text', 5, {}, [], { errors: [null, 1, {}, { path: 1 }] }])(
    'finds nothing in a value that is not a problem: %j',
    (answer) => {
      expect(found(answer, 'name')).toEqual({})
    },
  )

  it('accepts names of inherited properties', () => {
    expect([...fieldMessages(problem(['constructor', 'x']), ['constructor', '__proto__'])]).toEqual([
      ['constructor', ['x']],
    ])
  })

  it('imports nothing, so that a page can load it', () => {
    expect(readFileSync(new URL('client.ts', import.meta.url), 'utf8')).not.toMatch(/^import/m)
  })
})
