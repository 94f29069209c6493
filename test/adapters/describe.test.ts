/** `describe(app)` tells what the routes of an app accept. */
import { Router as KoaRouter } from '@koa/router'
import {
  BaseParser,
  bytes,
  disk,
  FileUploadParser,
  FormParser,
  hash,
  JSONParser,
  memory,
  MultiPartParser,
  PlainTextParser,
  defaultLimits,
  stream,
  type Limits,
  type MountOptions,
  type Storage,
} from '@formgate/core'
import { routeTable, type RouteDescription } from '@formgate/core/describe'
import * as onExpress from '@formgate/express'
import { describe as describeExpress } from '@formgate/express/describe'
import * as onFastify from '@formgate/fastify'
import { describe as describeFastify, describable } from '@formgate/fastify/describe'
import * as onKoa from '@formgate/koa'
import { describe as describeKoa } from '@formgate/koa/describe'
import express, { Router as expressRouter, type Express } from 'express'
import { fastify, type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { tmpdir } from 'node:os'
import * as v from 'valibot'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, field, form, multipartX, type Sent } from './client.js'
import {
  frameworks,
  isExpress5,
  type App,
  type Description,
  type Framework,
  type Route,
} from './frameworks.js'

const MiB = 1024 * 1024
const usual = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data']
const forms = ['multipart/form-data', 'application/x-www-form-urlencoded']

const Photos = z.object({
  title: z.string(),
  public: z.boolean(),
  note: z.string().optional(),
  photos: z.array(z.file().max(5000).mime(['image/png', 'image/jpeg'])).max(3),
  items: z.array(z.object({ name: z.string(), scan: z.file().optional() })),
})

class CsvParser extends BaseParser {
  readonly mediaType = 'text/csv'
  parse(): unknown {
    return []
  }
}

class Elsewhere implements Storage {
  async store(): Promise<undefined> {}
}

const running: App[] = []
afterEach(() => Promise.all(running.splice(0).map((app) => app.close())))

/** An app of any framework, and its description. */
async function described({ start }: Framework, description: Description) {
  let describeIt = (): readonly RouteDescription[] => []
  const app = await start({
    ...description,
    above: {
      express: (app) => void (describeIt = () => describeExpress(app)),
      koa: (app) => void (describeIt = () => describeKoa(app)),
      fastify: async (app) => {
        await app.register(describable)
        describeIt = () => describeFastify(app)
      },
    },
  })
  running.push(app)
  const rows = describeIt()
  return { app, rows, of: (path: string) => rows.filter((row) => row.path === path) }
}

const types = (rows: readonly RouteDescription[]): readonly (readonly string[])[] =>
  rows.map(({ mediaTypes }) => mediaTypes.map(({ type }) => type))

describe.each(frameworks)('$name', (framework) => {
  const one = async (route: Omit<Route, 'path'>, mount?: Description['mount']) => {
    const description = { routes: [{ path: '/r', ...route }], ...(mount !== undefined && { mount }) }
    const { of } = await described(framework, description)
    return of('/r')
  }

  test('a route with a schema: media types, files, fields, limits, storages and inspectors', async () => {
    const options = {
      limits: { files: 7 },
      storage: [disk({ directory: tmpdir() }), memory()],
      inspect: hash(),
    }
    const rows = await one({ typed: ({ form }) => form(Photos, options) })
    expect(rows).toEqual([
      {
        method: framework.name === 'Express' ? '*' : 'POST',
        path: '/r',
        reads: 'always',
        mediaTypes: [
          { type: 'multipart/form-data', parser: 'MultiPartParser', maxSize: 100 * MiB, inflates: false },
          {
            type: 'application/x-www-form-urlencoded',
            parser: 'FormParser',
            maxSize: MiB,
            inflates: true,
          },
        ],
        files: [
          { field: 'photos', maxSize: 5000, maxCount: 3, types: ['image/png', 'image/jpeg'] },
          { field: 'items[].scan', maxSize: 10 * MiB, maxCount: 1, types: ['*/*'] },
        ],
        data: 'typed',
        schema: {
          vendor: 'zod',
          fields: [
            { name: 'title', required: true },
            { name: 'public', required: false },
            { name: 'note', required: false },
            { name: 'photos', required: false },
            { name: 'items', required: false },
          ],
        },
        limits: { ...defaultLimits, files: 7 },
        storages: ['disk', 'memory'],
        inspectors: ['hash'],
        errors: 'respond',
        notes: [],
      },
    ])
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows)
  })

  test('a route without middleware of its own has the options of the mount above', async () => {
    const mount = { limits: { fileSize: 5, files: 2 }, storage: new Elsewhere(), errors: 'next' } as const
    const rows = await one({}, mount)
    expect(types(rows)).toEqual([usual])
    expect(rows).toMatchObject([
      {
        reads: 'always',
        data: 'as sent',
        files: [{ field: '*', maxSize: 5, maxCount: 2, types: ['*/*'] }],
        limits: { fileSize: 5, files: 2, fields: 1000 },
        storages: ['Elsewhere'],
        errors: 'next',
      },
    ])
    expect(rows[0]).not.toHaveProperty('schema')
  })

  test('a route below a lazy mount reads on demand', async () => {
    const rows = await one({}, { lazy: true, parsers: [JSONParser] })
    expect(rows).toMatchObject([
      { reads: 'on demand', mediaTypes: [{ type: 'application/json' }], files: [] },
    ])
  })

  test('a route that reads nothing has reads: never', async () => {
    const [row] = await one({})
    expect(row).toMatchObject({ reads: 'never', mediaTypes: [], files: [], storages: [], notes: [] })
    expect(row).not.toHaveProperty('limits')
  })

  test('the limits of a route override those of a lazy mount', async () => {
    const rows = await one(
      { parsers: [MultiPartParser, FileUploadParser], options: { limits: { fileSize: 9 } } },
      { lazy: true, limits: { files: 3, fileSize: 5 } },
    )
    expect(rows).toMatchObject([
      {
        limits: { files: 3, fileSize: 9 },
        mediaTypes: [
          { type: 'multipart/form-data', maxSize: 100 * MiB },
          { type: '*/*', maxSize: 9 },
        ],
        files: [
          { field: '*', maxSize: 9, maxCount: 3 },
          { field: 'file', maxSize: 9, maxCount: 1 },
        ],
      },
    ])
  })

  test('limits that a function returns depend on the request', async () => {
    const limits = (): Partial<Limits> => ({ files: 7 })
    const mount = { lazy: true, limits: { fileSize: 5 } }
    const [row] = await one({ typed: ({ form }) => form(Photos, { limits }) }, mount)
    const dependent = 'depends on the request'
    expect([row?.limits, row?.mediaTypes[0]?.maxSize]).toEqual([dependent, dependent])
    expect(row?.files.map(({ field, maxSize, maxCount }) => [field, maxSize, maxCount])).toEqual([
      ['photos', dependent, dependent],
      ['items[].scan', dependent, dependent],
    ])
    expect(routeTable([row!])).toContain(
      '| `multipart/form-data`; `application/x-www-form-urlencoded`; typed by zod | `photos`: `image/png` `image/jpeg`; `items[].scan`: `*/*` | spool | depends on the request |',
    )
  })

  test('raw bodies, custom parsers and schemas of other libraries are described', async () => {
    const { of } = await described(framework, {
      routes: [
        { path: '/bytes', typed: ({ body }) => body(bytes({ max: 9 }), { contentType: 'image/*' }) },
        { path: '/stream', typed: ({ body }) => body(stream(), { limits: { bodySize: Infinity } }) },
        { path: '/csv', parsers: [CsvParser] },
        { path: '/valibot', typed: ({ form }) => form(v.object({ a: v.string() })) },
        { path: '/any', typed: ({ form }) => form(z.any()) },
        { path: '/open', typed: ({ form }) => form(z.record(z.string(), z.file().max(3))) },
        { path: '/text', typed: ({ form }) => form(z.object({ a: z.string() })) },
        { path: '/none', parsers: [MultiPartParser], options: { limits: { files: 0 } } },
      ],
    })
    expect(of('/bytes')).toMatchObject([{ data: 'bytes', mediaTypes: [{ type: 'image/*', maxSize: 9 }] }])
    expect(of('/stream')).toMatchObject([{ data: 'stream', mediaTypes: [{ maxSize: Infinity }] }])
    expect(of('/csv')).toMatchObject([{ mediaTypes: [{ type: 'text/csv', parser: 'CsvParser' }], files: [] }])
    expect(of('/valibot')).toMatchObject([
      { data: 'typed', schema: { vendor: 'valibot', fields: [] }, files: [{ field: '*' }] },
    ])
    expect(of('/any')).toMatchObject([{ data: 'as sent', files: [{ field: '*', maxCount: 100 }] }])
    expect(of('/open')).toMatchObject([{ files: [{ field: '*', maxSize: 3, maxCount: 1 }] }])
    expect(of('/text')).toMatchObject([{ files: [] }])
    expect(of('/none')).toMatchObject([{ files: [] }])
  })

  test('options without effect and media types without a parser have a note', async () => {
    const late = await one({ parsers: [JSONParser], options: { limits: { textSize: 5 } } }, {})
    expect(late[0]?.notes).toEqual([expect.stringMatching(/^The route sets limits, .* BODY_ALREADY_READ/)])
    const twice = await one({}, [{}, { limits: { files: 1 } }])
    expect(twice[0]?.notes).toEqual([expect.stringContaining('A second multipart() sets limits')])
    const unread = await one({ typed: ({ body }) => body(z.any(), { contentType: 'image/png' }) })
    expect(unread).toMatchObject([{ reads: 'never', notes: [expect.stringContaining('No parser reads')] }])
  })

  describe('the description agrees with the answers to a client', () => {
    const probes: readonly (readonly [type: string, sent: Sent])[] = [
      ['application/json', { type: 'application/json', body: '{"a":"1"}' }],
      ['application/x-www-form-urlencoded', { type: 'application/x-www-form-urlencoded', body: 'a=1' }],
      ['multipart/form-data', { type: multipartX, body: form('X', [field('a'), '1']) }],
      ['text/plain', { type: 'text/plain', body: 'a' }],
      ['image/png', { type: 'image/png', body: 'a' }],
    ]
    // For a raw file.
    const headers = { 'Content-Disposition': 'attachment; filename=a' }
    const mounts: readonly (readonly [string, MountOptions | readonly MountOptions[] | undefined])[] = [
      ['no mount', undefined],
      ['an eager mount', {}],
      ['a lazy mount', { lazy: true, parsers: [JSONParser, PlainTextParser] }],
      ['two mounts', [{ parsers: [JSONParser] }, { lazy: true }]],
    ]
    const schema = z.object({ a: z.string() })
    const routes: readonly (readonly [string, Omit<Route, 'path'>])[] = [
      ['nothing of its own', { handler: ({ data }) => data }],
      ['two parsers', { parsers: [FormParser, PlainTextParser] }],
      ['a raw file', { parsers: [JSONParser, FileUploadParser] }],
      ['a form', { typed: ({ form }) => form(schema) }],
      ['JSON', { typed: ({ body }) => body(schema, { contentType: 'application/json' }) }],
      ['bytes', { typed: ({ body }) => body(bytes()), handler: () => 'bytes' }],
    ]
    const cases = mounts.flatMap(([above, mount]) =>
      // Without a mount and a route, Formgate is not in the app.
      routes
        .slice(mount === undefined ? 1 : 0)
        .map(([name, route]) => [name, above, { route, mount }] as const),
    )

    test.each(cases)('%s below %s', async (_name, _above, { route, mount }) => {
      const description = {
        ...(mount !== undefined && { mount }),
        routes: [{ path: '/r', ...route }],
        errorHandler: true,
      }
      const { app, of } = await described(framework, description)
      const readable = of('/r').filter(
        ({ reads, notes }) => reads === 'always' && !/ is a 500/.test(notes.join()),
      )
      const accepted: string[] = []
      for (const [type, sent] of probes)
        if ((await exchange(app.port, { path: '/r', ...sent, headers })).status === 200) accepted.push(type)
      const listed = probes.filter(([type]) => {
        const rows = readable.filter(({ mediaTypes }) => mediaTypes.some((each) => covers(each.type, type)))
        // A note excludes from a range what a mount above has read.
        const isTaken = (notes: readonly string[]): boolean =>
          notes.some((note) => note.startsWith('Not for') && note.includes(type))
        return rows.some(({ notes }) => !isTaken(notes))
      })
      expect(listed.map(([type]) => type)).toEqual(accepted)
    })
  })
})

function covers(range: string, type: string): boolean {
  return range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))
}

/** Method, path and maximum number of files of each route. */
const places = (rows: readonly RouteDescription[]): readonly string[] =>
  rows.map(
    ({ method, path, limits, reads }) =>
      `${method} ${path} ${(limits as Limits | undefined)?.files ?? reads}`,
  )

const done = (): void => undefined
const files = (count: number, lazy = false): MountOptions => ({ limits: { files: count }, lazy })

describe('Express', () => {
  const build = (define: (app: Express) => void): readonly RouteDescription[] => {
    const app = express()
    define(app)
    return describeExpress(app)
  }

  test('routes have methods and paths, in nested routers and below mounts with a path', () => {
    const rows = build((app) => {
      const inner = expressRouter()
      inner.use(onExpress.multipart(files(2)))
      inner.post('/photos', done)
      inner.route('/all').all(done)
      const outer = expressRouter()
      outer.get('/', done)
      outer.use('/:user', inner)
      app.post('/early', done)
      app.use('/api', onExpress.multipart(files(1, true)), outer)
      app.put(['/a', '/b'], done)
      app.all('/every', done)
      app.patch(/^\/pattern\/$/, done)
      app.post('/api/own', done)
    })
    expect(places(rows)).toEqual([
      'POST /early never',
      'GET /api 1',
      'POST /api/:user/photos 2',
      '* /api/:user/all 2',
      'PUT /a never',
      'PUT /b never',
      '* /every never',
      'PATCH /^\\/pattern\\/$/ unknown',
      // A request for it passes the inner router too.
      'POST /api/own 2',
    ])
    expect(rows[7]?.notes).toEqual([
      'Unknown whether the middleware at /api runs before this route.',
      'Unknown whether the middleware at /api/:user runs before this route.',
    ])
  })

  test('a method has the handlers of all() above it', () => {
    const rows = build((app) =>
      app
        .route('/r')
        .all(onExpress.multipart(files(1)))
        .get(done)
        .post(onExpress.parsers([JSONParser]), done),
    )
    expect(places(rows)).toEqual(['* /r 1', 'GET /r 1', 'POST /r 1'])
    expect(types(rows)).toEqual([usual, usual, ['application/json']])
  })

  test('middleware without a route, and mounted apps, have a row each', () => {
    const rows = build((app) => {
      app.use('/upload', onExpress.form(Photos), done)
      app.use('/admin', express())
      app.use(onExpress.multipart(files(3)), done)
    })
    expect(places(rows)).toEqual(['* /admin/* unknown', '* /upload/* 100', '* /* 3'])
    expect(rows[0]?.notes).toEqual(['Another app is mounted here: call describe() on it too.'])
    expect(types(rows)).toEqual([[], forms, usual])
  })

  test('a mounted app has a note that the middleware above it is not shown', () => {
    const app = express()
    const admin = express()
    admin.post('/users', done)
    admin.post('/photos', onExpress.form(Photos), done)
    expect(places(describeExpress(admin))).toEqual(['POST /users never', 'POST /photos 100'])
    app.use(onExpress.multipart())
    app.use('/admin', admin)
    const rows = describeExpress(admin)
    expect(places(rows)).toEqual(['POST /users unknown', 'POST /photos 100'])
    for (const { notes } of rows) expect(notes[0]).toContain('mounted at /admin in another')
  })

  test.runIf(isExpress5)('a router before 2.3 has a note that its path is unknown', () => {
    const app = express()
    const router = expressRouter()
    router.post('/photos', onExpress.form(Photos), done)
    app.use('/api', router)
    app.use('/later', onExpress.multipart(), done)
    // As in router 2.0 to 2.2.
    for (const layer of app.router.stack) Reflect.deleteProperty(layer, 'rawPath')
    const rows = describeExpress(app)
    expect(rows.map(({ path }) => path)).toEqual(['…/photos', '…/*'])
    for (const { notes } of rows) expect(notes[0]).toContain('update the package router')
  })

  test('a router can be described without an app', () => {
    const router = expressRouter()
    router.post('/r', onExpress.parsers([JSONParser]), done)
    expect(places(describeExpress(router))).toEqual(['POST /r 100'])
    expect(() => describeExpress({})).toThrow(TypeError)
  })
})

describe('Koa', () => {
  test('routes have methods and paths, with prefixes, nested routers and router.use()', () => {
    const app = new Koa()
    const inner = new KoaRouter({ prefix: '/inner' })
    inner.use(onKoa.multipart(files(2)))
    inner.post('/photos', done)
    const router = new KoaRouter()
    router.post('/early', done)
    router.use('/one', onKoa.multipart(files(1)))
    router.get('/one/a', done)
    router.all('/every', done)
    router.patch(/pattern/, done)
    router.use('/api', inner.routes())
    app.use(done)
    app.use(router.routes())
    const rows = describeKoa(app)
    expect(places(rows)).toEqual([
      'POST /early never',
      'GET /one/a 1',
      '* /every never',
      'PATCH /pattern/ unknown',
      'POST /api/inner/photos 2',
    ])
    expect(rows[3]?.notes).toEqual(['Unknown whether the middleware at /one runs before this route.'])
  })

  test('middleware below all routers has one row', () => {
    const app = new Koa()
    app.use(onKoa.multipart(files(1, true)))
    const router = new KoaRouter()
    router.post('/r', done)
    app.use(router.routes())
    expect(places(describeKoa(app))).toEqual(['POST /r 1'])
    app.use(onKoa.form(Photos))
    app.use(done)
    const rows = describeKoa(app)
    expect(places(rows)).toEqual(['POST /r 1', '* /* 1'])
    expect(rows[1]).toMatchObject({
      data: 'typed',
      notes: [expect.stringContaining('For everything below')],
    })
    expect(() => describeKoa({} as never)).toThrow(TypeError)
  })
})

describe('Fastify', () => {
  const build = async (define: (app: FastifyInstance) => unknown): Promise<readonly RouteDescription[]> => {
    const app = fastify()
    await define(app)
    await app.ready()
    return describeFastify(app)
  }

  test('routes have methods and paths, in contexts with prefixes', async () => {
    const rows = await build(async (app) => {
      await app.register(onFastify.multipart, files(1, true))
      app.get('/g', done)
      app.route({ method: ['PUT', 'PATCH'], url: '/two', handler: done })
      app.all('/every', done)
      await app.register(
        async (inner) => {
          await inner.register(onFastify.multipart, files(2))
          inner.post('/:id/photos', onFastify.parsers([MultiPartParser]), done)
        },
        { prefix: '/api' },
      )
      app.post('/after', done)
    })
    expect(places(rows)).toEqual([
      'GET /g 1',
      'PUT /two 1',
      'PATCH /two 1',
      '* /every 1',
      'POST /api/:id/photos 2',
      'POST /after 1',
    ])
  })

  test('content type parsers of the app have a note, unless the route has parsers of its own', async () => {
    const rows = await build(async (app) => {
      app.addContentTypeParser(/^text\//, async () => 'theirs')
      await app.register(onFastify.multipart)
      app.post('/', done)
      await app.register(async (inner) => {
        inner.addContentTypeParser(['application/json', '*'], async () => 'theirs')
        inner.post('/inner', done)
        inner.post('/own', onFastify.parsers([JSONParser]), done)
      })
    })
    const notes = rows.map(({ path, notes }) => [path, ...notes])
    expect(notes).toContainEqual(['/own'])
    expect(notes).toContainEqual([
      '/inner',
      'Not for /^text\\//, application/json, *: a content type parser of the app reads it.',
    ])
    expect(notes).toContainEqual(['/', 'Not for /^text\\//: a content type parser of the app reads it.'])
  })

  test('if routes may be missing, the last row says so', async () => {
    const unknown = { method: '*', path: '…', reads: 'unknown' }
    const early = await build(async (app) => {
      app.get('/early', done)
      await app.register(onFastify.multipart)
      app.post('/r', done)
    })
    expect(early).toMatchObject([{ path: '/r' }, unknown])
    const inside = await build(async (app) => {
      await app.register(async (inner) => {
        await inner.register(onFastify.multipart)
        inner.post('/r', done)
      })
      app.post('/outside', onFastify.parsers([JSONParser]), done)
    })
    expect(inside).toMatchObject([{ path: '/r' }, unknown])
    expect(inside[1]?.notes[0]).toContain('describable')
  })

  test('describe() throws without multipart and describable', () => {
    expect(() => describeFastify(fastify())).toThrow('await app.register(describable)')
  })
})

describe('routeTable()', () => {
  test('formats a Markdown table', () => {
    const app = express()
    app.post('/photos/:a|b', onExpress.form(Photos, { limits: { files: 7, bodySize: Infinity } }), done)
    app.get('/alive', done)
    app.post(
      '/raw',
      onExpress.body(bytes({ max: 1536 }), { contentType: 'image/png', errors: 'next', inspect: hash() }),
      done,
    )
    expect(routeTable(describeExpress(app))).toBe(
      [
        '| method | path | reads | media types | files | storage | limits | notes |',
        '| --- | --- | --- | --- | --- | --- | --- | --- |',
        '| POST | `/photos/:a\\|b` | always | `multipart/form-data` up to any size; `application/x-www-form-urlencoded` up to 1 MiB; typed by zod | `photos`: 3 of up to 5000 bytes, `image/png` `image/jpeg`; `items[].scan`: 1 of up to 10 MiB, `*/*` | spool | files 7; bodySize off |  |',
        '| GET | `/alive` | never |  |  |  |  |  |',
        "| POST | `/raw` | always | `image/png` up to 1536 bytes; raw: bytes |  |  | bodySize 1536 | errors go to the app's own handler |",
        '',
      ].join('\n'),
    )
  })
})
