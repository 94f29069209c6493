/** The rules for files that a parser gets from a schema. */
import { describe, expect, it } from 'vitest'
import { BodyError } from '../../packages/core/src/errors.js'
import { defaultLimits } from '../../packages/core/src/limits.js'
import type { FileRule } from '../../packages/core/src/parsers/form-limits.js'
import { accept } from '../../packages/core/src/checks/accept.js'
import { sniff } from '../../packages/core/src/checks/sniff.js'
import { fileRules } from '../../packages/core/src/schema/file-rules.js'
import type { ZodSchema } from '../../packages/core/src/schema/read-zod.js'
import type { Schema } from '../../packages/core/src/schema/schema.js'
import { minis, zods } from './zods.js'

const rules = (schema: unknown) => fileRules(schema as ZodSchema, defaultLimits)
/** The rule without its function. */
const ruleOf = (schema: unknown, name = 'a') => {
  const rule = rules(schema).find(name)
  return rule && (JSON.parse(JSON.stringify(rule)) as Omit<FileRule, 'accepts'>)
}

describe.each(zods)('%s', (_, z) => {
  const one = (schema: unknown) => ruleOf(z.object({ a: schema as never }))

  it('reads the size and the types of a file', () => {
    expect(one(z.file())).toEqual({ kind: 'file', maxCount: 1, list: 'a' })
    expect(one(z.file().max(5).min(1).mime(['image/PNG', 'image/jpeg']))).toEqual({
      kind: 'file',
      maxCount: 1,
      maxSize: 5,
      types: ['image/png', 'image/jpeg'],
      list: 'a',
    })
    expect(one(z.file().max(5).max(3))).toMatchObject({ maxSize: 3 })
    expect(one(z.file().check(accept('image/*', '.pdf')))).toMatchObject({ types: ['image/*', '.pdf'] })
  })

  it('intersects two checks for types', () => {
    expect(one(z.file().check(accept('image/*')).mime(['image/png', 'text/css']))).toMatchObject({
      types: ['image/png'],
    })
    expect(one(z.file().check(accept('.png')).mime(['image/png']))).toMatchObject({ types: ['image/png'] })
  })

  it('looks through wrappers', () => {
    const file = z.file().max(5)
    const wrapped = [file.optional(), file.nullable(), file.readonly(), z.lazy(() => file), file.brand<'x'>()]
    for (const schema of [
      ...wrapped,
      file.transform((f) => f.size),
      file.refine(() => true),
      z.nonoptional(file),
    ]) {
      expect(one(schema)).toEqual({ kind: 'file', maxCount: 1, maxSize: 5, list: 'a' })
    }
  })

  it('reads lists in every spelling of their name', () => {
    const schema = z.object({
      a: z.array(z.file().max(5)).max(3),
      b: z.array(z.file()).length(2),
      c: z.set(z.file()).max(4),
    })
    for (const name of ['a', 'a[]', 'a[2]', 'a.2']) {
      expect(ruleOf(schema, name)).toEqual({ kind: 'file', maxCount: 3, maxSize: 5, list: 'a' })
    }
    expect(ruleOf(schema, 'b')).toEqual({ kind: 'file', maxCount: 2, list: 'b' })
    expect(ruleOf(schema, 'c')).toEqual({ kind: 'file', maxCount: 4, list: 'c' })
  })

  it('finds files inside objects, lists and records', () => {
    const item = z.object({ photo: z.file().max(5), more: z.array(z.file()).max(2) })
    const schema = z.object({
      a: z.array(item),
      b: z.record(z.string(), z.file().max(7)),
      c: item.optional(),
    })
    expect(ruleOf(schema, 'a[3].photo')).toMatchObject({ maxSize: 5, list: 'a[3].photo' })
    expect(ruleOf(schema, 'a[3][more][1]')).toMatchObject({ maxCount: 2, list: 'a[3].more' })
    expect(ruleOf(schema, 'b[x]')).toMatchObject({ maxSize: 7 })
    expect(ruleOf(schema, 'c.photo')).toMatchObject({ maxSize: 5 })
    expect(() => ruleOf(schema, 'a[99999].photo')).toThrow(BodyError)
  })

  it('admits what any option of a union admits', () => {
    expect(one(z.union([z.file().max(5), z.file().max(9)]))).toMatchObject({ kind: 'file', maxSize: 9 })
    expect(one(z.union([z.file().max(5), z.file()]))).toEqual({ kind: 'file', maxCount: 1, list: 'a' })
    expect(one(z.union([z.file().max(5), z.string()]))).toMatchObject({ kind: 'either', maxSize: 5 })
    expect(one(z.union([z.file().max(5), z.array(z.file().max(5)).max(3)]))).toMatchObject({
      maxCount: 3,
      maxSize: 5,
    })
    const schema = z.discriminatedUnion('t', [
      z.object({ t: z.literal('x'), a: z.file().max(5) }),
      z.object({ t: z.literal('y'), a: z.file().max(6) }),
    ])
    expect(ruleOf(schema)).toMatchObject({ kind: 'file', maxSize: 6 })
  })

  it('applies both sides of an intersection', () => {
    expect(one(z.intersection(z.file().max(5), z.file().max(9)))).toMatchObject({ kind: 'file', maxSize: 5 })
  })

  it('has no limits inside a catch, which replaces invalid values', () => {
    expect(one(z.file().max(5).catch(new File([], 'none')))).toEqual({ kind: 'file', list: 'a' })
    const schema = z.object({ a: z.object({ b: z.file().max(5) }).catch({ b: new File([], 'none') }) })
    expect(ruleOf(schema, 'a.b')).not.toHaveProperty('maxSize')
  })

  it('tells values from places for anything', () => {
    expect(one(z.string())).toEqual({ kind: 'value', list: 'a' })
    expect(one(z.object({}))).toEqual({ kind: 'value', list: 'a' })
    expect(one(z.array(z.number()))).toEqual({ kind: 'value', list: 'a' })
    for (const schema of [
      z.any(),
      z.unknown(),
      z.instanceof(File),
      z.preprocess((x) => x, z.file().max(5)),
    ]) {
      expect(one(schema)).toEqual({ kind: 'either', list: 'a' })
    }
  })

  it('knows the names that a strict schema does not have', () => {
    expect(rules(z.strictObject({ a: z.file() })).strict).toBe(true)
    expect(
      rules(
        z
          .strictObject({ a: z.file() })
          .refine(() => true)
          .optional(),
      ).strict,
    ).toBe(true)
    expect(rules(z.object({ a: z.file() })).strict).toBe(false)
    expect(rules(z.union([z.strictObject({}), z.object({})])).strict).toBe(false)
    expect(ruleOf(z.strictObject({ a: z.file() }), 'b')).toBeUndefined()
    expect(ruleOf(z.object({ a: z.file() }), 'b.c')).toBeUndefined()
    expect(ruleOf(z.object({ a: z.file() }), '__proto__')).toBeUndefined()
    expect(ruleOf(z.looseObject({ a: z.file() }), 'b')).toEqual({ kind: 'either', list: 'b' })
  })
})

describe.each(zods)('%s: a name that the schema does not have', (_, z) => {
  it.each<[string, Parameters<typeof ruleOf>[0], string]>([
    ['of an object', z.object({ a: z.file() }), 'b'],
    ['of each option of a union', z.union([z.object({ a: z.file() }), z.strictObject({ c: z.file() })]), 'b'],
    ['of both sides of an intersection', z.object({ a: z.file() }).and(z.object({ c: z.file() })), 'b'],
    ['of an object with a catch', z.object({ a: z.file() }).catch({ a: new File([], 'none') }), 'b'],
    ['of a nested strict object', z.object({ a: z.strictObject({ c: z.file() }) }), 'a.b'],
    ['of a strict object in a list', z.object({ a: z.array(z.strictObject({ c: z.file() })) }), 'a[0].b'],
    ['of a record whose keys are listed', z.partialRecord(z.enum(['a', 'c']), z.file()), 'b'],
    ['inside a value of any kind', z.object({ a: z.any() }), 'a.b'],
    ['of a schema without fields', z.object({}), 'b'],
  ])('%s has no rule', (_, schema, name) => {
    expect(ruleOf(schema, name)).toBeUndefined()
  })

  it.each<[string, Parameters<typeof ruleOf>[0], string]>([
    ['any value', z.any(), 'b'],
    ['the input of a preprocess', z.preprocess((x) => x, z.object({ a: z.file() })), 'b'],
    ['a schema of the author', z.custom(), 'b'],
    ['one of several options', z.union([z.object({ a: z.file() }), z.unknown()]), 'b'],
    ['a catchall', z.object({ a: z.string() }).catchall(z.file()), 'b'],
    ['a loose object', z.looseObject({ a: z.string() }), 'b'],
    ['a record', z.record(z.string(), z.file()), 'b'],
    ['a record whose keys are listed', z.partialRecord(z.enum(['a', 'c']), z.file()), 'c'],
    ['an object with a catch', z.object({ b: z.file() }).catch({ b: new File([], 'none') }), 'b'],
  ])('is known if something accepts it: %s', (_, schema, name) => {
    expect(ruleOf(schema, name)).toMatchObject({ list: name })
    expect(ruleOf(schema, name)?.kind).not.toBe('value')
  })
})

describe.each(minis)('%s', (_, z) => {
  it('gives the same rules as zod', () => {
    const schema = z.object({
      a: z.array(z.file().check(z.maxSize(5), z.mime(['image/png']))).check(z.maxLength(2)),
    })
    expect(ruleOf(schema)).toEqual({ kind: 'file', maxSize: 5, types: ['image/png'], maxCount: 2, list: 'a' })
  })

  it('reads the types of accept(), beside other checks', () => {
    const schema = z.object({ a: z.file().check(sniff(), accept('image/*', '.PDF'), z.maxSize(5)) })
    expect(ruleOf(schema)).toMatchObject({ maxSize: 5, types: ['image/*', '.pdf'] })
    const rule = rules(schema).find('a')!
    expect(rule.accepts({ name: 'scan.pdf', type: '' })).toBe(true)
    expect(rule.accepts({ name: 'a.txt', type: 'text/plain' })).toBe(false)
  })
})

it('a schema of another library has no rules for files', () => {
  const schema: Schema = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }) } }
  expect(fileRules(schema, defaultLimits).strict).toBe(false)
  expect(ruleOf(schema)).toEqual({ kind: 'either', list: 'a' })
})
