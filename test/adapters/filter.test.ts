/** The option `filter`: which files are stored, and what becomes of the others. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  BodyError,
  createBodyParser,
  disk,
  FileUploadParser,
  memory,
  MultiPartParser,
  spool,
  type FileFilter,
  type FileInfo,
  type MountOptions,
  type Storage,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import type { Request as ExpressRequest } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Request as KoaRequest } from 'koa'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { Connection, exchange, field, file, form, head, multipartX, type Sent } from './client.js'
import { frameworks, startForEach, type Description, type Handling } from './frameworks.js'

const images = ({ type }: FileInfo): boolean => type.startsWith('image/')
const filters: readonly (readonly [string, FileFilter])[] = [
  ['at once', images],
  ['later', async (info) => delay(1).then(() => images(info))],
  ['in a promise that is settled', async (info) => images(info)],
]

const large = 'x'.repeat(300_000)
const sent: Sent = {
  type: multipartX,
  body: form(
    'X',
    [field('title'), 'Bridge'],
    [file('doc', 'a.txt'), 'hello'],
    [file('photo', 'b.png', 'image/png'), 'PNG'],
    [file('photo', 'c.txt'), large],
    [file('photo', 'd.png', 'image/png'), large],
    [field('note'), 'end'],
  ),
}
const short: Sent = {
  type: multipartX,
  body: form(
    'X',
    [file('f', 'a.txt'), 'one'],
    [field('a'), '1'],
    [file('f', 'b.png', 'image/png'), 'two'],
    [file('g', 'c.txt'), 'three\r\n--Y'],
  ),
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'filter-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** A storage that tells which files it was asked to store. */
function recording(): Storage & { readonly asked: string[] } {
  const asked: string[] = []
  const store = memory()
  return {
    asked,
    store(stream, info, signal) {
      asked.push(info.name)
      return store.store(stream, info, signal)
    },
  }
}

test('the request of a filter has the type that handlers of the framework get', () => {
  onExpress.multipart({ filter: (_file, req) => (expectTypeOf(req).toExtend<ExpressRequest>(), true) })
  onExpress.parsers([], { filter: (_file, req) => req.get('x') === '1' })
  onExpress.form(z.object({}), { filter: (_file, req) => req.ip !== undefined })
  onExpress.body(z.object({}), { filter: async ({ name }, req) => req.path === name })
  onKoa.multipart({ filter: (_file, request) => (expectTypeOf(request).toExtend<KoaRequest>(), true) })
  onKoa.form(z.object({}), { filter: (_file, { ctx }) => ctx.state !== undefined })
  onFastify.form(z.object({}), {
    filter: (_file, request) => (expectTypeOf(request).toExtend<FastifyRequest>(), request.id !== ''),
  })
  const options: MountOptions[] = [{ filter: (_file, request: ExpressRequest) => request.secure }]
  // @ts-expect-error -- a filter says yes or no
  options.push({ filter: () => 'yes' })
  expect(options).toHaveLength(2)
})

test('a filter that is no function throws at definition', () => {
  for (const filter of ['image/*', true, [images]] as never[]) {
    expect(() => onExpress.multipart({ filter })).toThrow('filter must be a function.')
    expect(() => onKoa.parsers([MultiPartParser], { filter })).toThrow('filter must be a function.')
    expect(() => onFastify.form(z.object({}), { filter })).toThrow('filter must be a function.')
    expect(() => createBodyParser({ filter })).toThrow('filter must be a function.')
  }
})

describe.each(frameworks)('$name', ({ start }) => {
  const app = startForEach(start)

  describe.each(filters)('a filter that decides %s', (_, filter) => {
    const storages: readonly (readonly [string, () => Storage])[] = [
      ['spool()', () => spool()],
      ['memory()', () => memory()],
      ['disk()', () => disk({ directory })],
    ]

    test.each(storages)('leaves files out of data, files and %s', async (_name, storage) => {
      const places: readonly Description[] = [
        { mount: { filter, storage: storage() }, routes: [{ path: '/' }] },
        {
          mount: { lazy: true },
          routes: [{ path: '/', parsers: [MultiPartParser], options: { filter, storage: storage() } }],
        },
      ]
      for (const place of places) {
        const { port } = await app(place)
        for (const framing of ['length', 'chunked'] as const) {
          const { json } = await exchange(port, { ...sent, framing })
          expect(json.data).toMatchObject({
            title: 'Bridge',
            note: 'end',
            photo: [{ size: 3 }, { size: 300_000 }],
          })
          expect(Object.keys(json.data).toSorted()).toEqual(['note', 'photo', 'title'])
          expect(json.files).toMatchObject({ photo: [{ name: 'b.png' }, { name: 'd.png' }] })
          expect(Object.keys(json.files)).toEqual(['photo'])
        }
        await expect.poll(() => readdir(directory)).toEqual([])
      }
    })

    test('leaves files out however the body is cut, and no storage is asked for them', async () => {
      const storage = recording()
      const { port } = await app({ mount: { filter, storage }, routes: [{ path: '/' }] })
      const whole = await exchange(port, short)
      expect(whole.json).toMatchObject({
        data: { a: '1', f: { name: 'b.png' } },
        files: { f: [{ size: 3 }] },
      })
      for (const framing of ['length', 'chunked'] as const)
        expect((await exchange(port, { ...short, framing }, 'byte by byte')).json).toEqual(whole.json)
      const body = short.body as string
      for (let at = 1; at < body.length; at += 7) {
        const connection = await Connection.open(port)
        connection.write(head(short) + body.slice(0, at))
        await delay(2)
        expect((await connection.write(body.slice(at)).answer()).json).toEqual(whole.json)
        connection.destroy()
      }
      expect(new Set(storage.asked)).toEqual(new Set(['b.png']))
    })

    test('leaves a file out that no limit on files would admit', async () => {
      const limits = { files: 1, fileSize: 3 }
      const { port } = await app({ mount: { filter, limits }, routes: [{ path: '/' }] })
      const [text, png] = [file('f', 'a.txt'), file('f', 'a.png', 'image/png')]
      const fits = form('X', [text, large], [png, 'PNG'], [text, large])
      expect((await exchange(port, { type: multipartX, body: fits })).json.files).toMatchObject({
        f: [{ size: 3 }],
      })
      for (const [body, code] of [
        [form('X', [text, ''], [png, '1'], [png, '2']), 'LIMIT_FILES'],
        [form('X', [text, ''], [png, '1234']), 'LIMIT_FILE_SIZE'],
      ] as const)
        expect((await exchange(port, { type: multipartX, body })).json.code).toBe(code)
    })

    test('hides a file from a schema', async () => {
      const schema = z.strictObject({ a: z.string(), f: z.array(z.file()).max(1) })
      const { port } = await app({
        routes: [{ path: '/', typed: (words) => words.form(schema, { filter }) }],
      })
      expect((await exchange(port, short)).json).toMatchObject({
        data: { a: '1', f: [{ name: 'b.png' }] },
        files: { f: [{ name: 'b.png' }] },
      })
    })

    test('leaves out a raw file', async () => {
      const storage = recording()
      const { port } = await app({
        routes: [{ path: '/:filename', parsers: [FileUploadParser], options: { filter, storage } }],
      })
      const raw = { path: '/a.bin', body: large }
      expect((await exchange(port, { ...raw, type: 'text/plain' })).json).toEqual({ data: {}, files: {} })
      expect((await exchange(port, { ...raw, type: 'image/png' })).json).toMatchObject({
        files: { file: [{ size: 300_000 }] },
      })
      expect(storage.asked).toEqual(['a.bin'])
    })

    test('leaves a file out of parts()', async () => {
      const handler = async ({ parts }: Handling): Promise<string[]> => {
        const names: string[] = []
        for await (const part of parts()) {
          names.push(part.kind === 'file' ? part.filename : part.name)
          if (part.kind === 'file') part.stream.resume()
        }
        return names
      }
      const { port } = await app({ mount: { lazy: true, filter }, routes: [{ path: '/', handler }] })
      expect((await exchange(port, sent)).json).toEqual(['title', 'b.png', 'd.png', 'note'])
      expect((await exchange(port, short, 'byte by byte')).json).toEqual(['a', 'b.png'])
    })
  })

  test('a filter gets the description of the file, and the request that handlers get', async () => {
    const given: unknown[] = []
    const filter: FileFilter = ({ field, name, originalName, type }, request) => {
      given.push({ field, name, originalName, type, via: request.headers['x-user'] })
      return true
    }
    const { port } = await app({ mount: { filter }, routes: [{ path: '/' }] })
    const body = form('X', [file('f', 'C:\\\\a.txt'), '1'])
    await exchange(port, { type: multipartX, body, headers: { 'X-User': 'ann' } })
    expect(given).toEqual([
      { field: 'f', name: 'a.txt', originalName: 'C:\\\\a.txt', type: 'text/plain', via: 'ann' },
    ])
  })

  test('a filter runs in the context of the middleware that reads the body', async () => {
    const context = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const filter: FileFilter = async () => {
      seen.push(context.getStore())
      await delay(1)
      seen.push(context.getStore())
      return true
    }
    const { port } = await app({
      mount: { filter },
      routes: [{ path: '/' }],
      above: {
        express: (on) => on.use((_req, _res, next) => context.run('mine', next)),
        koa: (on) => on.use((_ctx, next) => context.run('mine', next)),
        fastify: (on) => void on.addHook('onRequest', (_request, _reply, done) => context.run('mine', done)),
      },
    })
    await exchange(port, short)
    await exchange(port, { ...short, framing: 'chunked' }, 'byte by byte')
    expect(seen).toEqual(Array.from({ length: 12 }, () => 'mine'))
  })

  const fail = (error: unknown): never => {
    throw error
  }
  const failures: readonly (readonly [string, (error: unknown) => ReturnType<FileFilter>])[] = [
    ['throws', fail],
    ['rejects at once', async (error) => fail(error)],
    ['rejects later', async (error) => fail(await delay(1, error))],
  ]

  test.each(failures)(
    'a filter that %s fails the request with its BodyError or a 500, and no file stays',
    async (_, run) => {
      const refusal = new BodyError('FILE_REFUSED', { detail: 'No text, please.', field: 'f' })
      for (const [error, status] of [
        [refusal, 422],
        [new Error('no'), 500],
        ['no error at all', 500],
      ] as const) {
        const filter: FileFilter = (info) => images(info) || run(error)
        const { port, handled } = await app({
          mount: { filter, storage: disk({ directory }) },
          routes: [{ path: '/' }],
          errorHandler: true,
        })
        const body = form('X', [file('f', 'a.png', 'image/png'), large], [file('f', 'b.txt'), '1'])
        for (const framing of ['length', 'chunked'] as const) {
          const answer = await exchange(port, { type: multipartX, body, framing })
          expect(answer.status).toBe(status)
          if (status === 422)
            expect(answer.json).toMatchObject({ code: 'FILE_REFUSED', detail: 'No text, please.' })
        }
        expect(handled()).toBe(0)
        await expect.poll(() => readdir(directory)).toEqual([])
      }
    },
  )

  test.each([
    ['nothing', undefined],
    ['null, as text.match() does', null],
    ['a promise of nothing', Promise.resolve()],
  ])('a filter that returns %s is a 500: neither answer would be right', async (_, verdict) => {
    const errors: Error[] = []
    const { port } = await app({
      mount: { filter: (() => verdict) as never },
      routes: [{ path: '/' }],
      errorHandler: true,
      onError: (error) => errors.push(error),
    })
    expect((await exchange(port, short)).status).toBe(500)
    expect(errors[0]?.message).toContain('filter must return true or false')
  })

  test('a filter that never decides is given up when the client leaves', async () => {
    let calls = 0
    let decide = (): void => undefined
    const filter: FileFilter = () => {
      calls += 1
      return new Promise((resolve) => (decide = () => resolve(true)))
    }
    const storage = recording()
    const { port, handled } = await app({ mount: { filter, storage }, routes: [{ path: '/' }] })
    const connection = await Connection.open(port)
    connection.write(head({ ...short, body: 'x'.repeat(1000) }) + short.body!.toString().slice(0, 120))
    await expect.poll(() => calls).toBe(1)
    connection.destroy()
    await delay(20)
    decide()
    await delay(20)
    expect([storage.asked, handled(), calls]).toEqual([[], 0, 1])
  })

  test('a filter of a route below an eager multipart() came too late, which is a 500', async () => {
    const { port } = await app({
      mount: {},
      routes: [{ path: '/', parsers: [MultiPartParser], options: { filter: images } }],
      errorHandler: true,
    })
    expect((await exchange(port, short)).json).toMatchObject({ status: 500, code: 'BODY_ALREADY_READ' })
  })
})
