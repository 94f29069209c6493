/** The issues that a client gets for an invalid body. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it, vi } from 'vitest'
import { BodyError, type FieldIssue } from '../../packages/core/src/errors.js'
import { defaultLimits } from '../../packages/core/src/limits.js'
import { coerceForm } from '../../packages/core/src/coercion/coerce-form.js'
import type { Schema } from '../../packages/core/src/schema/schema.js'
import { validate } from '../../packages/core/src/schema/validate.js'
import { fields } from './form.js'
import { minis, zods } from './zods.js'

async function failure(schema: unknown, value: unknown): Promise<BodyError> {
  const error: unknown = await validate(schema as Schema, value).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof BodyError) return error
  throw error instanceof Error ? error : new Error('it fits')
}

async function issues(schema: unknown, value: unknown): Promise<readonly FieldIssue[]> {
  return (await failure(schema, value)).errors!
}

const paths = (errors: readonly FieldIssue[]) => errors.map(({ path }) => path)

describe.each(zods)('%s', (_, z) => {
  it('fails with 422 and every issue at once, each with its dotted path', async () => {
    const schema = z.object({
      name: z.string().min(3),
      items: z.array(z.object({ price: z.number(), tags: z.array(z.string()) })),
      map: z.map(z.string(), z.number()),
    })
    const value = { name: 'x', items: [{ price: 'y', tags: ['a', 1] }], map: new Map([['k', 'no']]) }
    const error = await failure(schema, value)
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', status: 422 })
    expect(paths(error.errors!)).toEqual(['name', 'items[0].price', 'items[0].tags[1]', 'map.k'])
    expect(error.errors![0]).toMatchObject({
      code: 'too_small',
      message: expect.stringContaining('3') as string,
    })
  })

  it('fails with the status of the route', async () => {
    const error: unknown = await validate(z.string() as Schema, 1, { status: 400 }).catch(
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', status: 400 })
  })

  it('never repeats submitted values', async () => {
    const secret = 'hunter2-secret'
    const schema = z.strictObject({
      a: z.number(),
      b: z.enum(['x']),
      c: z.literal('x'),
      d: z.email(),
      e: z.string().startsWith('q').regex(/^q/).max(2),
      f: z.union([z.number(), z.boolean()]),
      g: z.discriminatedUnion('t', [z.object({ t: z.literal('x') }), z.object({ t: z.literal('y') })]),
      h: z.date(),
      i: z.file(),
      j: z.templateLiteral(['q', z.number()]),
      k: z.record(z.enum(['x']), z.string()),
      l: z.set(z.number()),
      m: z.custom(() => false),
      n: z.stringbool(),
    })
    const value: Record<string, unknown> = Object.fromEntries(
      'abcdefhijmn'.split('').map((key) => [key, secret]),
    )
    Object.assign(value, { g: { t: secret }, k: { x: 1, y: secret }, l: new Set([secret]), unknown: secret })
    const error = await failure(schema, value)
    expect(error.errors!.length).toBeGreaterThan(14)
    expect(JSON.stringify([error.errors, error.message, error.hint])).not.toContain(secret)
  })

  it('reports the issues of the union option that was meant', async () => {
    const schema = z.object({ a: z.union([z.number(), z.object({ b: z.string(), c: z.string() })]) })
    expect(paths(await issues(schema, { a: { b: 1, c: 'x' } }))).toEqual(['a.b'])
    expect(paths(await issues(schema, { a: { b: 1, c: 2 } }))).toEqual(['a.b', 'a.c'])
    expect(await issues(schema, { a: 'x' })).toMatchObject([{ path: 'a', code: 'invalid_union' }])
    const texts = z.object({ a: z.union([z.number(), z.email()]) })
    expect(await issues(texts, { a: 'x' })).toMatchObject([{ path: 'a', code: 'invalid_format' }])
    const nested = z.union([z.object({ a: z.union([z.number(), z.boolean()]) }), z.string()])
    expect(await issues(nested, { a: 'x' })).toMatchObject([{ path: 'a', code: 'invalid_union' }])
  })

  it('reports what is wrong with the key of a record', async () => {
    const schema = z.object({ a: z.record(z.string().min(3), z.number()) })
    const [issue] = await issues(schema, { a: { x: 1 } })
    expect(issue).toMatchObject({
      path: 'a.x',
      code: 'invalid_key',
      message: expect.stringContaining('3') as string,
    })
  })

  it('names unknown keys', async () => {
    const [issue] = await issues(z.strictObject({ a: z.string() }), { a: 'x', b: 1 })
    expect(issue).toMatchObject({
      path: '',
      code: 'unrecognized_keys',
      message: expect.stringContaining('b') as string,
    })
  })

  it('runs every refinement once, asynchronous or not', async () => {
    const quick = vi.fn<(text: string) => boolean>(() => true)
    const slow = vi.fn<(text: string) => Promise<boolean>>(async () => true)
    const hidden = vi.fn<(text: string) => unknown>((text) => (text === 'x' ? Promise.resolve(true) : true))
    const schema = z.object({
      a: z.string().refine(quick),
      b: z.string().refine(slow),
      c: z.string().refine(hidden as (text: string) => boolean),
    })
    expect(await validate(schema as Schema, { a: 'x', b: 'x', c: 'x' })).toEqual({ a: 'x', b: 'x', c: 'x' })
    for (const refinement of [quick, slow, hidden]) expect(refinement).toHaveBeenCalledTimes(1)
  })

  it('finds asynchronous code anywhere in the schema', async () => {
    const slow = async () => false
    const lazy = z.lazy(() => z.array(z.string().refine(slow)))
    for (const schema of [
      z.object({ a: lazy }),
      z.object({ a: z.tuple([z.string()], z.string().refine(slow)) }).or(z.object({ a: lazy })),
      z.object({ a: z.array(z.string()) }).superRefine(async (_, context) => {
        context.addIssue({ code: 'custom', message: 'no', path: ['a', 0] })
      }),
      z.object({ a: z.array(z.string().transform(async () => 1)).max(0) }),
      z
        .object({ a: z.array(z.string()) })
        .catchall(z.string().refine(slow))
        .and(z.object({ a: lazy })),
      z.object({ a: z.array(z.string()).optional().refine(slow).readonly() }),
      z.object({ a: z.unknown().pipe(z.array(z.string().refine(slow))) }),
      z.object({
        a: z.array(z.string().check(async ({ issues }) => void issues.push({ code: 'custom', input: 0 }))),
      }),
    ]) {
      expect((await failure(schema, { a: ['x', 'y'] })).code).toBe('VALIDATION_FAILED')
    }
  })

  it('lists 100 issues and counts the rest, in unions too, and makes only the first messages', async () => {
    const told = vi.fn<() => undefined>(() => undefined)
    const before = z.config().customError
    z.config({ customError: told })
    try {
      const error = await failure(
        z.array(z.string()),
        Array.from({ length: 50_000 }, () => 1),
      )
      expect(error.errors).toHaveLength(100)
      expect(error.moreErrors).toBe(49_900)
      expect(error.errors![0]!.message).toContain('expected string')
      expect(told).toHaveBeenCalledTimes(100)
    } finally {
      z.config({ customError: before as never })
    }
    const union = z.array(z.union([z.number(), z.object({ a: z.string(), b: z.string() })]))
    const nested = await failure(
      union,
      Array.from({ length: 1000 }, () => ({ a: 1, b: 2 })),
    )
    expect([nested.errors!.length, nested.moreErrors]).toEqual([100, 1900])
    expect((await failure(z.array(z.string()), [1, 2])).moreErrors).toBeUndefined()
  })

  it('reports issues that together exceed the maximum length of a string', async () => {
    const choices = z.enum(Array.from({ length: 500 }, (_, at) => `a long option ${at}`) as [string])
    const error = await failure(
      z.array(choices),
      Array.from({ length: 99_999 }, () => 'no'),
    )
    expect([error.errors!.length, error.moreErrors]).toEqual([100, 99_899])
    expect(JSON.stringify(error.errors).length).toBeLessThan(50_000)
  })

  it('bounds paths and messages for any names that a client chooses', async () => {
    const long = 'x\u001b'.repeat(100_000)
    const [path] = await issues(z.record(z.string(), z.number()), { [long]: 'a' })
    expect(path!.path.length).toBeLessThan(600)
    const [keys] = await issues(z.strictObject({}), { [long]: 1, b: 2 })
    expect(keys!.message.length).toBeLessThan(3100)
    expect(keys!.message).not.toContain('\u001b')
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`key${at}`, 1]))
    const [unknown] = await issues(z.strictObject({}), many)
    expect(unknown!.message).toMatch(/^Unrecognized keys: "key0", "key1", .*"key\d+" and \d+ more$/)
  })

  it('rethrows what a schema throws: that is a fault of the server', async () => {
    const schema = z.string().refine(() => {
      throw new RangeError('no database')
    })
    await expect(validate(schema as Schema, 'x')).rejects.toThrow(RangeError)
    const late = z.string().refine(async () => Promise.reject(new RangeError('no database')))
    await expect(validate(late as Schema, 'x')).rejects.toThrow(RangeError)
  })

  it('runs refinements on coerced values', async () => {
    const schema = z
      .object({ from: z.date(), to: z.date() })
      .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after from' })
    const value = coerceForm(schema, fields('from=2026-02-01&to=2026-01-01'), {
      limits: defaultLimits,
    })
    expect(await issues(schema, value)).toEqual([
      { path: 'to', message: 'must be after from', code: 'custom' },
    ])
  })
})

describe.each(minis)('%s', (_, z) => {
  it('is validated like zod', async () => {
    const schema = z.object({ a: z.number(), b: z.string().check(z.refine(async () => false)) })
    expect(paths(await issues(schema, { a: 'x', b: 'x' }))).toEqual(['a', 'b'])
  })
})

describe('other libraries, through Standard Schema', () => {
  it('valibot gives its output, or every issue without submitted values', async () => {
    const schema = v.object({
      name: v.pipe(v.string(), v.minLength(3)),
      items: v.array(v.object({ price: v.number() })),
    })
    expect(await validate(schema, { name: 'abc', items: [] })).toEqual({ name: 'abc', items: [] })
    const errors = await issues(schema, { name: 'hi', items: [{ price: 'hunter2-secret' }] })
    expect(errors).toEqual([
      { path: 'name', message: 'Invalid length: Expected >=3', code: 'min_length' },
      { path: 'items[0].price', message: 'Invalid type: Expected number', code: 'number' },
    ])
  })

  it('arktype gives its output, or every issue without submitted values', async () => {
    const schema = type({ name: 'string >= 3', items: type({ price: 'number' }).array(), pick: "'a' | 'b'" })
    expect(await validate(schema, { name: 'abc', items: [], pick: 'a' })).toEqual({
      name: 'abc',
      items: [],
      pick: 'a',
    })
    const errors = await issues(schema, {
      name: 'hi',
      items: [{ price: 'hunter2-secret' }],
      pick: 'hunter3-secret',
    })
    expect(paths(errors)).toEqual(expect.arrayContaining(['name', 'items[0].price', 'pick']))
    expect(JSON.stringify(errors)).not.toMatch(/hunter|secret/)
  })

  it('any library lists 100 issues and a count of the rest', async () => {
    const value = Array.from({ length: 5000 }, () => 1)
    for (const schema of [v.array(v.string()), type('string').array()]) {
      const error = await failure(schema, value)
      expect([error.errors!.length, error.moreErrors]).toEqual([100, 4900])
    }
  })

  it('any library keeps its messages, unless they repeat the value', async () => {
    const schema: Schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async () => ({
          issues: [
            { message: '"hunter2" is no color', path: ['a', { key: 0 }] },
            { message: 'is too short', path: ['b'] },
            { message: 'is too late' },
          ],
        }),
      },
    }
    expect(await issues(schema, { a: ['hunter2'], b: 'i' })).toEqual([
      { path: 'a[0]', message: 'Invalid value', code: 'invalid' },
      { path: 'b', message: 'is too short', code: 'invalid' },
      { path: '', message: 'is too late', code: 'invalid' },
    ])
  })
})
