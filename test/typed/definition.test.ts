/** An invalid definition of a typed body throws when the route is defined, and says what to change. */
import { fileURLToPath } from 'node:url'
import * as core from '@formgate/core'
import { bytes, JSONParser, ParameterCannotUseDefaultError, stream, type MountOptions } from '@formgate/core'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { field, type Sent } from '../adapters/client.js'
import { frameworks, type TypedWords } from '../adapters/frameworks.js'
import { json, mounts, multipart, serve, urlencoded } from './app.js'

const User = z.object({ name: z.string() })
const words = [
  ['Express', onExpress],
  ['Koa', onKoa],
  ['Fastify', onFastify],
] as unknown as readonly (readonly [string, TypedWords])[]

describe.each(words)('%s', (_, { form, body }) => {
  const wrong = (value: unknown): never => value as never

  test.each<[string, () => unknown, string]>([
    ['a stream with a default', () => body(stream(), { default: 1 }), '`default`'],
    ['a stream with a default of undefined', () => body(stream(), { default: undefined }), '`default`'],
    ['a stream with a factory', () => body(stream(), { defaultFactory: () => 1 }), '`defaultFactory`'],
    ['an optional stream', () => body(z.optional(wrong(stream()))), 'optional()'],
    ['a stream or nothing', () => body(z.union([z.undefined(), wrong(stream())])), 'not schemas'],
  ])('ParameterCannotUseDefaultError for %s', (_, define, message) => {
    expect(define).toThrow(ParameterCannotUseDefaultError)
    expect(define).toThrow(message)
  })

  test.each<[string, () => unknown, string]>([
    [
      'both defaults',
      () => body(User, { default: 1, defaultFactory: () => 1 }),
      '`default` and `defaultFactory`',
    ],
    [
      'a default beside an optional schema',
      () => body(User.optional(), { default: 1 }),
      '`default` would never',
    ],
    [
      'a factory beside it',
      () => form(User.nullish(), { defaultFactory: () => 1 }),
      '`defaultFactory` would',
    ],
    [
      'a default beside a default',
      () => form(User.default({ name: 'x' }), { default: 1 }),
      'has a default of its own',
    ],
    [
      'a default beside v.optional()',
      () => body(v.optional(v.string()), { default: 1 }),
      '`default` would never',
    ],
    [
      'a default beside arktype',
      () => body(type('string | undefined'), { default: 1 }),
      '`default` would never',
    ],
    [
      'a factory that is none',
      () => body(User, { defaultFactory: wrong(1) }),
      'defaultFactory must be a function',
    ],
    ['a coerce that is none', () => body(User, { coerce: wrong('x') }), 'coerce must be a function'],
    ['no schema', () => body(wrong({ name: 'string' })), 'body() takes a schema'],
    ['a form of no schema', () => form(wrong(undefined)), 'form() takes a schema'],
    ['a form of bytes', () => form(wrong(bytes())), 'form() takes a schema'],
    ['a form with a contentType', () => form(User, wrong({ contentType: 'a/b' })), 'use body()'],
    ['a status that is not an error', () => body(User, { status: 200 }), 'status must be'],
    ['a status of the server', () => body(User, { status: 500 }), 'status must be'],
    ['a validate that is none', () => body(User, { validate: wrong('no') }), 'validate must be'],
    ['an emptyText that is none', () => body(User, { emptyText: wrong('drop') }), 'emptyText must be'],
    ['an unknown option', () => body(User, wrong({ contenttype: 'a/b' })), 'Unknown option `contenttype`'],
    ['a lazy route', () => body(User, wrong({ lazy: true })), 'Unknown option `lazy`'],
    ['an invalid contentType', () => body(User, { contentType: 'json' }), '"json" is no media type'],
    ['an empty contentType', () => body(User, { contentType: [] }), 'must name a media type'],
    ['a limit that is none', () => body(User, { limits: { fileSize: -1 } }), 'fileSize'],
    ['a storage that is none', () => body(User, { storage: wrong({}) }), 'storage'],
    ['a parser that is none', () => body(User, { parsers: [wrong(Map)] }), '.parse() must be overridden'],
    [
      'own parsers that do not read the contentType',
      () => body(User, { parsers: [], contentType: 'application/xml' }),
      'No parser reads application/xml',
    ],
    [
      'bytes() with a parser',
      () => body(bytes(), { parsers: [JSONParser] }),
      '`parsers` has no effect on bytes()',
    ],
    [
      'bytes() with a filter',
      () => body(bytes(), { filter: () => true }),
      '`filter` has no effect on bytes()',
    ],
    ['stream() with nested', () => body(stream(), { nested: true }), '`nested` has no effect on stream()'],
    [
      'stream() with validate',
      () => body(stream(), { validate: false }),
      '`validate` has no effect on stream()',
    ],
    ['bytes() of less than nothing', () => body(bytes({ min: -1 })), 'min'],
    ['bytes() of no length', () => body(bytes({ min: 2, max: 1 })), 'min is greater than max'],
  ])('TypeError for %s', (_, define, message) => {
    expect(define).toThrow(TypeError)
    expect(define).toThrow(message)
  })

  test('the stack of the error leads to the file that defined the route', () => {
    let stack = ''
    try {
      body(stream(), { default: 1 })
    } catch (error) {
      stack = String((error as Error).stack)
    }
    const frames = stack.split('\n').filter((line) => line.includes(' at '))
    const first = frames.find((line) => !line.includes('/packages/'))
    expect(first).toContain(fileURLToPath(import.meta.url))
  })

  test('schemas that refuse an absent body may have a default', () => {
    for (const schema of [User, User.nullable(), z.any(), v.object({}), type({ a: 'string' })]) {
      expect(() => body(schema, { default: 1 })).not.toThrow()
    }
    const late = { '~standard': { version: 1, vendor: 'x', validate: () => Promise.reject(new Error('no')) } }
    const broken = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate() {
          throw new Error('no')
        },
      },
    }
    for (const schema of [late, broken]) expect(() => body(wrong(schema), { default: 1 })).not.toThrow()
  })
})

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const above = mount === undefined ? {} : { mount }

  test('two typed bodies on one route fail the first request with an error that names the route', async () => {
    const told = vi.fn<(error: Error) => void>()
    const send = await serve(
      framework,
      ({ form, body }) => [form(User), body(z.object({ age: z.number() }))],
      { ...above, errorHandler: true, onError: told },
    )
    const answer = await send({ ...urlencoded('name=Ann&age=1') })
    expect(answer.status).toBe(500)
    const error = told.mock.calls[0]?.[0]
    expect(error).toBeInstanceOf(TypeError)
    expect(error?.message).toContain('POST / has two typed bodies')
    expect((error?.cause as Error | undefined)?.stack).toContain(fileURLToPath(import.meta.url))
  })

  test('a contentType without a parser fails the first request', async () => {
    const told = vi.fn<(error: Error) => void>()
    const send = await serve(framework, ({ body }) => body(User, { contentType: 'application/xml' }), {
      ...above,
      errorHandler: true,
      onError: told,
    })
    expect((await send({ type: 'application/xml', body: '<name>Ann</name>' })).status).toBe(500)
    expect(told.mock.calls[0]?.[0].message).toContain('No parser reads application/xml')
  })

  test('a contentType may be read by a parser of the mount or of the route', async () => {
    class XmlParser extends core.BaseParser {
      readonly mediaType = 'application/xml'
      parse(): unknown {
        return { name: 'from XML' }
      }
    }
    const xml: Sent = { type: 'application/xml', body: '<name/>' }
    const ofRoute = await serve(
      framework,
      ({ body }) => body(User, { contentType: 'application/xml', parsers: [XmlParser] }),
      above,
    )
    expect((await ofRoute(xml)).json.data).toEqual({ name: 'from XML' })
    expect((await ofRoute(json({ name: 'x' }))).headers['accept']).toBe('application/xml')
    if (mount === undefined) return
    const withXml: MountOptions = { ...mount, parsers: [JSONParser, XmlParser] }
    const ofMount = await serve(framework, ({ body }) => body(User, { contentType: 'application/xml' }), {
      mount: withXml,
    })
    expect((await ofMount(xml)).json.data).toEqual({ name: 'from XML' })
  })

  test('a parser of the route reads a form with its own options', async () => {
    const parsers = [new core.MultiPartParser({ charsetField: true })]
    const send = await serve(framework, ({ form }) => form(User, { parsers }), above)
    const answer = await send(multipart([field('_charset_'), 'utf-8'], [field('name'), 'Ann']))
    const isLate = mount !== undefined && mount.lazy === undefined
    expect(answer.status).toBe(isLate ? 500 : 200)
  })

  test('options below an eager multipart() that come too late are reported, never ignored', async () => {
    const send = await serve(framework, ({ form }) => form(User, { limits: { fields: 1 } }), {
      ...above,
      errorHandler: true,
    })
    const isLate = mount !== undefined && mount.lazy === undefined
    const answer = await send(urlencoded('name=Ann'))
    expect(answer.json).toMatchObject(
      isLate ? { code: 'BODY_ALREADY_READ', status: 500 } : { data: { name: 'Ann' } },
    )
  })
})
