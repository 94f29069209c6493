/** Forms as OpenAPI describes them. */
import { describe, expect, it } from 'vitest'
import { accept } from '../../packages/core/src/checks/accept.js'
import { openapi } from '../../packages/core/src/schema/openapi.js'
import type { ZodSchema } from '../../packages/core/src/schema/read-zod.js'
import { fileFields } from '../../packages/core/src/schema/schema-fields.js'
import type { Schema } from '../../packages/core/src/schema/schema.js'
import { minis, zods } from './zods.js'

describe.each([...zods])('%s', (_, z) => {
  const { toJSONSchema } = z
  const describeBody = (schema: unknown, version: '3.0' | '3.1', contentType?: string) =>
    openapi(schema as ZodSchema, { version, toJSONSchema, ...(contentType !== undefined && { contentType }) })

  const User = z.object({
    name: z.string().min(3),
    age: z.number().optional(),
    born: z.date(),
    big: z.bigint(),
    agree: z.boolean(),
    tags: z.array(z.string()),
    image: z.file().max(5).mime(['image/png', 'image/jpeg']).describe('A portrait'),
    photos: z.array(z.file().check(accept('image/*', '.pdf'))),
    any: z.file().optional(),
  })

  it('describes files as binary strings in 3.0', () => {
    expect(describeBody(User, '3.0')).toEqual({
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: {
              name: { type: 'string', minLength: 3 },
              age: { type: 'number' },
              born: { type: 'string', format: 'date-time' },
              big: { type: 'integer', format: 'int64' },
              agree: { type: 'boolean' },
              tags: { type: 'array', items: { type: 'string' } },
              image: { type: 'string', format: 'binary', description: 'A portrait' },
              photos: { type: 'array', items: { type: 'string', format: 'binary' } },
              any: { type: 'string', format: 'binary' },
            },
            required: ['name', 'born', 'big', 'image'],
          },
          encoding: { image: { contentType: 'image/png, image/jpeg' }, photos: { contentType: 'image/*' } },
        },
      },
    })
  })

  it('ends for schemas whose getters return a new schema each time', () => {
    const tree = (): unknown =>
      z.lazy(() => z.object({ name: z.string(), children: z.array(tree() as never) }))
    const query = (): unknown =>
      z.object({
        term: z.string().optional(),
        get and() {
          return z.array(query() as never).optional()
        },
        get not() {
          return query() as never
        },
      })
    const shape = () =>
      z.discriminatedUnion('type', [
        z.object({ type: z.literal('Point'), at: z.array(z.number()) }),
        z.object({
          type: z.literal('Group'),
          get parts() {
            return z.array(shape() as never)
          },
        }),
      ])
    for (const [schema, value] of [
      [tree(), { name: 'a', children: [{ name: 'b', children: [] }] }],
      [z.object({ q: z.lazy(() => query() as never).optional() }), {}],
      [z.object({ s: shape() }), { s: { type: 'Group', parts: [{ type: 'Point', at: [1] }] } }],
    ] as const) {
      const before = (schema as { safeParse: (value: unknown) => unknown }).safeParse(value)
      const text = JSON.stringify(describeBody(schema, '3.1'))
      expect(text).toContain('"type":"array"')
      expect(text.length).toBeLessThan(100_000)
      // The schema is the same afterwards.
      expect((schema as { safeParse: (value: unknown) => unknown }).safeParse(value)).toEqual(before)
      expect(before).toMatchObject({ success: true })
      expect(JSON.stringify(describeBody(schema, '3.1'))).toBe(text)
      expect(fileFields(schema as Schema)).toEqual([])
    }
  })

  it('ends when it lists the files of such a schema', () => {
    const folder = (): unknown =>
      z.object({
        scan: z.file().max(5),
        get folders() {
          return z.array(folder() as never)
        },
        get more() {
          return z.array(folder() as never)
        },
      })
    const found = fileFields(z.object({ f: folder() as never }))
    expect(found.length).toBeLessThan(200)
    expect(found.slice(0, 2)).toMatchObject([
      { field: 'f.scan', maxSize: { bytes: 5 } },
      { field: 'f.folders[].scan', maxSize: { bytes: 5 } },
    ])
  })

  it('requires no group of which nothing needs to be sent', () => {
    const schema = z.object({
      boxes: z.object({ a: z.boolean() }),
      record: z.record(z.enum(['a', 'b']), z.boolean()),
      texts: z.object({ a: z.string() }),
    })
    expect(describeBody(schema, '3.1').content['multipart/form-data']!.schema).toMatchObject({
      required: ['texts'],
    })
  })

  it('requires a box that must be checked, and no other', () => {
    const schema = z.object({
      terms: z.literal(true),
      spam: z.literal(false),
      news: z.boolean(),
      either: z.literal([true, false]),
    })
    expect(describeBody(schema, '3.1').content['multipart/form-data']!.schema).toMatchObject({
      required: ['terms'],
    })
  })

  it('lists only bounds that the schema has', () => {
    const schema = z.object({
      any: z.number().int(),
      some: z.number().int().min(1).max(5),
      low: z.int().min(1),
    })
    expect(describeBody(schema, '3.1').content['multipart/form-data']!.schema).toMatchObject({
      properties: {
        any: { type: 'integer' },
        some: { type: 'integer', minimum: 1, maximum: 5 },
        low: { type: 'integer', minimum: 1 },
      },
    })
    const { properties } = describeBody(schema, '3.0').content['multipart/form-data']!.schema
    expect(Object.keys((properties as { any: object }).any)).toEqual(['type'])
  })

  it('describes files without a type in 3.1', () => {
    const { schema, encoding } = describeBody(User, '3.1').content['multipart/form-data']!
    const binary = { contentMediaType: 'application/octet-stream' }
    expect(schema['properties']).toMatchObject({
      image: { ...binary, description: 'A portrait' },
      photos: { type: 'array', items: binary },
      any: binary,
    })
    expect(JSON.stringify(schema)).not.toMatch(/binary|\$schema|contentEncoding/)
    expect(encoding).toEqual({
      image: { contentType: 'image/png, image/jpeg' },
      photos: { contentType: 'image/*' },
    })
  })

  it('offers URL-encoded forms if there are no files', () => {
    const { content } = describeBody(z.object({ a: z.string() }), '3.1')
    expect(Object.keys(content)).toEqual(['multipart/form-data', 'application/x-www-form-urlencoded'])
    expect(content['multipart/form-data']).not.toHaveProperty('encoding')
  })

  it('finds files at any depth', () => {
    const lazy = z.lazy(() => z.object({ b: z.array(z.object({ c: z.file() })) }))
    expect(Object.keys(describeBody(z.object({ a: lazy.optional() }), '3.1').content)).toEqual([
      'multipart/form-data',
    ])
  })

  it('requires checkboxes and lists in JSON', () => {
    const { content } = describeBody(
      z.object({ a: z.boolean(), b: z.array(z.string()) }),
      '3.1',
      'application/json',
    )
    expect(content['application/json']!.schema['required']).toEqual(['a', 'b'])
  })

  it('describes types that JSON Schema does not have', () => {
    const schema = z.object({
      set: z.set(z.string()),
      map: z.map(z.string(), z.number()),
      own: z.instanceof(File),
    })
    const { properties } = describeBody(schema, '3.0').content['multipart/form-data']!.schema
    expect(properties).toEqual({
      set: { type: 'array', items: {}, uniqueItems: true },
      map: { type: 'object' },
      own: {},
    })
  })

  it('cuts a schema that contains itself where it begins again', () => {
    const Tree = z.object({
      name: z.string(),
      get children() {
        return z.array(Tree)
      },
    })
    for (const version of ['3.0', '3.1'] as const) {
      const { schema } = describeBody(z.object({ tree: Tree }), version).content['multipart/form-data']!
      expect(JSON.stringify(schema)).not.toContain('$ref')
      const tree = {
        type: 'object',
        properties: { name: { type: 'string' }, children: { type: 'array', items: {} } },
      }
      expect((schema['properties'] as { tree: object }).tree).toMatchObject(tree)
    }
  })

  it('is not required if the schema is optional', () => {
    expect(describeBody(z.object({ a: z.string() }).optional(), '3.1').required).toBe(false)
  })

  it('keeps fields with the names of keywords', () => {
    const schema = z.object({ $defs: z.string(), id: z.string(), properties: z.object({ id: z.string() }) })
    const described = describeBody(schema, '3.1').content['multipart/form-data']!.schema
    expect(described).toMatchObject({
      properties: { $defs: {}, id: {}, properties: { properties: { id: {} } } },
    })
  })
})

describe.each(minis)('%s', (_, z) => {
  it('is described like zod', () => {
    const schema = z.object({ a: z.file().check(z.mime(['image/png'])) }) as unknown as ZodSchema
    const { content } = openapi(schema, { version: '3.0', toJSONSchema: z.toJSONSchema })
    expect(content['multipart/form-data']).toMatchObject({
      schema: { properties: { a: { type: 'string', format: 'binary' } } },
      encoding: { a: { contentType: 'image/png' } },
    })
    expect(() => openapi(schema, { version: '3.0' })).toThrow('z.toJSONSchema')
  })
})

it('toJSONSchema is not needed if the schema has it as a method', () => {
  const [, z] = zods[2]!
  const schema = z.object({ a: z.string() })
  expect(openapi(schema as unknown as ZodSchema, { version: '3.1' }).content).toHaveProperty([
    'multipart/form-data',
  ])
})

it('openapi() throws for schemas of other libraries', () => {
  const schema: Schema = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }) } }
  expect(() => openapi(schema, { version: '3.1' })).toThrow(TypeError)
})
