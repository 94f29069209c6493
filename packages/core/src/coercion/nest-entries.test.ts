import { describe, expect, test } from 'vitest'
import { BodyError } from '../errors.js'
import { defaultLimits, type Limits } from '../limits.js'
import type { Entry } from '../parsers/data-and-files.js'
import { nestEntries } from './nest-entries.js'

/** The entries of a URL-encoded form. */
const entriesOf = (form: string): Entry[] =>
  [...new URLSearchParams(form)].map(([name, value]) => ({ kind: 'text', name, value }))

const nest = (form: string, limits: Limits = defaultLimits): unknown => nestEntries(entriesOf(form), limits)

function refusal(form: string, limits?: Limits): BodyError {
  try {
    nest(form, limits)
  } catch (error) {
    if (error instanceof BodyError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('names make', () => {
  test.each([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1&a=2', { a: ['1', '2'] }],
    ['a[b]=1', { a: { b: '1' } }],
    ['a.b=1&a[c]=2', { a: { b: '1', c: '2' } }],
    ['a[b][c].d=1', { a: { b: { c: { d: '1' } } } }],
    ['a[b]=1&a[b]=2', { a: { b: ['1', '2'] } }],
    ['a[]=1', { a: ['1'] }],
    ['a[]=1&a[]=2', { a: ['1', '2'] }],
    ['a=1&a[]=2', { a: ['1', '2'] }],
    ['a[0]=x', { a: ['x'] }],
    ['a[1]=y&a[0]=x', { a: ['x', 'y'] }],
    ['a.0=x&a.1=y', { a: ['x', 'y'] }],
    ['a[0]=x&a[]=y', { a: ['x', 'y'] }],
    ['a[0][b]=1&a[0][c]=2&a[1][b]=3', { a: [{ b: '1', c: '2' }, { b: '3' }] }],
    ['a[].b=1&a[].c=2&a[].b=3', { a: [{ b: '1', c: '2' }, { b: '3' }] }],
    ['a[0][]=1&a[0][]=2&a[1][]=3', { a: [['1', '2'], ['3']] }],
    ['a[b][]=1', { a: { b: ['1'] } }],
    ['a[b]=', { a: { b: '' } }],
    ['a[x y]=1&a[é]=2&a["b"]=3', { a: { 'x y': '1', é: '2', '"b"': '3' } }],
    ['a[01]=x', { a: { '01': 'x' } }],
    ['0=x&1=y', { 0: 'x', 1: 'y' }],
  ])('of %j the value %j', (form, value) => {
    expect(nest(form)).toEqual(value)
  })

  test.each(['[a]=1', '.a=1', 'a.=1', 'a..b=1', 'a[b=1', 'a[b]c=1', 'a]b=1', '=1', '[]=1'])(
    'a single key of %j, which is no path',
    (form) => {
      expect(nest(form)).toEqual({ [form.slice(0, form.lastIndexOf('='))]: '1' })
    },
  )

  test('lists and objects of values that are no texts too', () => {
    const part = { kind: 'parsed', name: 'a[b]', value: [1] } as const
    expect(nestEntries([part, { ...part, name: 'c[]', value: null }], defaultLimits)).toEqual({
      a: { b: [1] },
      c: [null],
    })
  })
})

describe('names that contradict each other are a 400 that names both', () => {
  test.each([
    ['a=1&a[b]=2', 'a', 'a[b]'],
    ['a[b]=1&a=2', 'a', 'a[b]'],
    ['a=1&a[0]=2', 'a', 'a[0]'],
    ['a[]=1&a[b]=2', 'a[]', 'a[b]'],
    ['a[0]=1&a[b]=2', 'a[0]', 'a[b]'],
    ['a[b]=1&a[0]=2', 'a[0]', 'a[b]'],
    ['x[a][b]=1&x[a]=2', 'x[a]', 'x[a][b]'],
    ['a[].b=1&a[b]=2', 'a[].b', 'a[b]'],
  ])('%j', (form, one, other) => {
    const error = refusal(form)
    expect(error).toMatchObject({ code: 'MALFORMED_FORM', status: 400, field: other })
    expect(error.detail).toBe(`The field names "${one}" and "${other}" contradict each other.`)
  })
})

describe('the limits', () => {
  test('nesting is that of the names, and N levels pass', () => {
    const limits = { ...defaultLimits, nesting: 3 }
    expect(nest('a[b][c]=1&a[d].e[]=2', limits)).toEqual({ a: { b: { c: '1' }, d: { e: ['2'] } } })
    expect(refusal('a[b][c][d]=1', limits)).toMatchObject({ code: 'LIMIT_NESTING', limit: 3 })
    expect(refusal(`a${'[b]'.repeat(8)}=1`)).toMatchObject({ code: 'LIMIT_NESTING', limit: 8 })
  })

  test('arrayIndex bounds lists, which have no gaps', () => {
    const limits = { ...defaultLimits, arrayIndex: 1 }
    expect(nest('a[0]=x&a[1]=y', limits)).toEqual({ a: ['x', 'y'] })
    for (const form of ['a[0]=x&a[1]=y&a[2]=z', 'a[1]=y', 'a[999999999999]=x', 'a[0]=x&a[2]=z'])
      expect(refusal(form, limits)).toMatchObject({ code: 'LIMIT_NESTING', status: 413 })
  })

  test('a name without limits neither overflows the stack nor takes long', () => {
    const limits = { ...defaultLimits, nesting: Infinity, arrayIndex: Infinity }
    const before = process.cpuUsage()
    for (const text of ['[b]', '.b', '[0]', '[]'])
      expect(refusal(`a${text.repeat(100_000)}=1`, limits).code).toBe('LIMIT_NESTING')
    const names = Array.from({ length: 10_000 }, (_, at) => `a[${at}][b]=1&c[k${at}][]=1`).join('&')
    expect(Object.keys(nest(names, limits) as object)).toEqual(['a', 'c'])
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000)
  })
})

describe('prototypes', () => {
  test.each([
    '__proto__=1',
    '__proto__[admin]=1',
    'a[__proto__][admin]=1',
    'a.__proto__=1',
    'a[0].__proto__.x=1',
    'constructor[prototype][x]=1',
    'a.constructor.prototype.x=1',
  ])('%j is a 400, as it is in JSON', (form) => {
    expect(refusal(form)).toMatchObject({ code: 'MALFORMED_FORM', status: 400 })
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test('other names of theirs are names, on objects without a prototype', () => {
    const value = nest('a[toString]=1&a[constructor]=2&hasOwnProperty=3&b[valueOf][length]=4') as any
    expect(value.a).toEqual({ toString: '1', constructor: '2' })
    expect([value.hasOwnProperty, value.b.valueOf]).toEqual(['3', { length: '4' }])
    for (const object of [value, value.a, value.b]) expect(Object.getPrototypeOf(object)).toBe(null)
  })
})
