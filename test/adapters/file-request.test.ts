/** What decides about a file knows its request: filters, inspectors, storages, names on the disk, keys in a bucket, limits. */
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3'
import {
  BaseParser,
  BodyError,
  createBodyParser,
  disk,
  type FileInfo,
  type FileFilter,
  FileUploadParser,
  type Inspector,
  memory,
  MultiPartParser,
  safeFileName,
  spool,
  type FrameworkRequest,
  type ParserContext,
  type Storage,
  type UploadedFile,
} from '@formgate/core'
import { s3 } from '@formgate/s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Connection, exchange, file, form, head, multipartX, type Answer, type Sent } from './client.js'
import { frameworks, startForEach, type App, type Description, type Route } from './frameworks.js'

let root = ''
let directory = ''
let count = 0
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'file-request-'))))
afterAll(() => rm(root, { recursive: true }))
beforeEach(async () => {
  directory = join(root, String(count++), 'inside')
  await mkdir(directory, { recursive: true })
})

/** What is in the directory, folders included, and beside it. */
const stored = (): string[] => readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()
const beside = (): string[] => readdirSync(join(directory, '..'))

interface Tenant extends FrameworkRequest {
  readonly user: string
}

/** A login above Formgate: the user is what the header says. */
const login: NonNullable<Description['above']> = {
  express: (app) =>
    app.use((req, _res, next) => {
      Object.assign(req, { user: req.get('X-User') })
      next()
    }),
  koa: (app) =>
    app.use(async (ctx, next) => {
      Object.assign(ctx.request, { user: ctx.get('X-User') })
      await next()
    }),
  fastify: (app) => {
    app.decorateRequest('user')
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { user: request.headers['x-user'] })
    })
  },
}

const ada = { 'X-User': 'ada' }
const small: Sent = { type: multipartX, headers: ada, body: form('X', [file('f', 'a.txt'), 'small']) }
const large: Sent = {
  type: multipartX,
  headers: ada,
  body: form('X', [file('f', 'a.txt'), 'x'.repeat(300_000)]),
}
const raw: Sent = { type: 'text/plain', path: '/a.txt', method: 'PUT', headers: ada, body: 'raw' }

/** Objects in memory behind a client of the AWS SDK: as much of S3 as s3() needs for small files. */
function bucket(): { readonly client: S3Client; readonly objects: Map<string, PutObjectCommandInput> } {
  const objects = new Map<string, PutObjectCommandInput>()
  const client = new S3Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
  })
  const refuse = (name: string, httpStatusCode: number): never => {
    throw Object.assign(new Error(name), { name, $metadata: { httpStatusCode } })
  }
  const send = async (command: unknown): Promise<object> => {
    if (command instanceof PutObjectCommand) {
      if (command.input.IfNoneMatch === '*' && objects.has(command.input.Key!))
        refuse('PreconditionFailed', 412)
      objects.set(command.input.Key!, command.input)
      return { ETag: '"1"' }
    }
    if (command instanceof HeadObjectCommand) {
      const { Metadata, ContentType } = objects.get(command.input.Key!) ?? refuse('NotFound', 404)
      return { Metadata, ContentType, ETag: '"1"', ContentLength: 1 }
    }
    if (!(command instanceof DeleteObjectCommand)) throw new Error('The bucket does not know this command.')
    objects.delete(command.input.Key!)
    return {}
  }
  client.send = send as never
  return { client, objects }
}

describe.each(frameworks)('$name', ({ start }) => {
  const starts = startForEach(start)
  const errors: Error[] = []
  beforeEach(() => void errors.splice(0))

  /** Its handler keeps the files. */
  function app(options: Description['mount'], more: Partial<Description> = {}): Promise<App> {
    return starts({
      above: login,
      mount: options!,
      errorHandler: true,
      onError: (error) => errors.push(error),
      routes: [
        {
          path: '/',
          handler: ({ files }) =>
            Object.values(files)
              .flat()
              .map((each) => each.keep().name),
        },
      ],
      ...more,
    })
  }

  describe('the request in the description of a file is the one that handlers get', () => {
    /** Options that note whom everything sees that decides about a file. */
    function noting(): { seen: string[]; options: object } {
      const seen: string[] = []
      const note = (place: string, info: FileInfo, request: FrameworkRequest = info.request): void => {
        expect(request).toBe(info.request)
        seen.push(`${place}: ${(info.request as Tenant).user}`)
      }
      const inner: Storage = {
        async store(stream, info, signal) {
          note('storage', info)
          return memory().store(stream, info, signal)
        },
      }
      /** Passes files on under another name, as a storage around another one may. */
      const wrapping: Storage = {
        store: (stream, info, signal) => inner.store(stream, { ...info, name: `new ${info.name}` }, signal),
      }
      const filter: FileFilter = (info, request) => {
        note('filter', info, request)
        return true
      }
      const inspector: Inspector = (info, _signal, request) => {
        note('inspector', info, request)
        return undefined
      }
      return { seen, options: { filter, inspect: inspector, storage: wrapping } }
    }
    const everything = ['filter: ada', 'inspector: ada', 'storage: ada']
    const schema = z.object({ f: z.file() })
    const handler: Route['handler'] = ({ data }) => typeof data

    test.each<[string, (options: object) => Partial<Description>, Sent]>([
      ['multipart()', (options) => ({ mount: options, routes: [{ path: '/', handler }] }), small],
      [
        'multipart(), for a large file',
        (options) => ({ mount: options, routes: [{ path: '/', handler }] }),
        large,
      ],
      [
        'multipart({ lazy: true }), at parse()',
        (options) => ({
          mount: { ...options, lazy: true },
          routes: [{ path: '/', handler: async ({ parse }) => typeof (await parse()) }],
        }),
        small,
      ],
      [
        'parsers()',
        (options) => ({ routes: [{ path: '/', parsers: [MultiPartParser], options, handler }] }),
        small,
      ],
      [
        'form(schema)',
        (options) => ({ routes: [{ path: '/', typed: ({ form }) => form(schema, options), handler }] }),
        small,
      ],
      [
        'form(schema) below multipart({ lazy: true })',
        (options) => ({
          mount: { lazy: true },
          routes: [{ path: '/', typed: ({ form }) => form(schema, options), handler }],
        }),
        small,
      ],
      [
        'parsers(), for a raw file',
        (options) => ({
          routes: [{ method: 'PUT', path: '/:filename', parsers: [FileUploadParser], options, handler }],
        }),
        raw,
      ],
    ])('in %s', async (_, describe, sent) => {
      const { seen, options } = noting()
      const { port } = await starts({ above: login, ...describe(options) })
      expect((await exchange(port, sent)).status).toBe(200)
      expect(seen).toEqual(everything)
    })

    test('in req.parts(), where nothing is stored', async () => {
      const { seen, options } = noting()
      const { port } = await starts({
        above: login,
        mount: { ...options, lazy: true },
        routes: [
          {
            path: '/',
            async handler({ parts }) {
              for await (const part of parts()) if (part.kind === 'file') part.stream.resume()
            },
          },
        ],
      })
      expect((await exchange(port, small)).status).toBe(200)
      expect(seen).toEqual(['filter: ada', 'inspector: ada'])
    })

    test('in storeBytes() of a storage for small files', async () => {
      const users: unknown[] = []
      const storage: Storage = {
        store: async () => undefined,
        storeBytes(bytes, info) {
          users.push((info.request as Tenant).user)
          return memory().storeBytes!(bytes, info)
        },
      }
      const { port } = await app({ storage })
      expect((await exchange(port, small)).status).toBe(200)
      expect(users).toEqual(['ada'])
    })

    test('for the file of a parser of the app, also if it describes all its files by one object', async () => {
      const description = { field: 'f', name: 'a', originalName: 'a', type: '', headers: {}, extra: 1 }
      class Whole extends BaseParser {
        readonly mediaType = 'application/whole'
        async parse(stream: Readable, _type: unknown, context: ParserContext): Promise<unknown> {
          expect((context.request as Tenant).user).toBe(context.headers['x-user'])
          await context.filter?.(description)
          await context.storeFile(stream, description)
          return null
        }
      }
      const { seen, options } = noting()
      const { port } = await app({ ...options, parsers: [Whole] })
      const names = ['ada', 'bob', 'eve']
      const send = (user: string): Promise<Answer> =>
        exchange(port, { type: 'application/whole', headers: { 'X-User': user }, body: 'x' })
      await Promise.all(names.map(send))
      for (const place of ['filter', 'inspector', 'storage'])
        expect(seen.filter((each) => each.startsWith(place)).toSorted()).toEqual(
          names.map((name) => `${place}: ${name}`),
        )
      expect(Object.keys(description)).not.toContain('request')
    })
  })

  test('a parser that passes on a description of an earlier request names the request of its own', async () => {
    const seen: unknown[] = []
    let earlier: FileInfo | undefined
    const storage: Storage = {
      store(stream, info, signal) {
        seen.push((info.request as Tenant).user)
        earlier ??= info
        return memory().store(stream, info, signal)
      },
    }
    class Reusing extends BaseParser {
      readonly mediaType = 'application/whole'
      async parse(stream: Readable, _type: unknown, context: ParserContext): Promise<unknown> {
        const first = { field: 'f', name: 'a', originalName: 'a', type: '', headers: {} }
        await context.storeFile(stream, earlier ?? first)
        return null
      }
    }
    const { port } = await app({ storage, parsers: [Reusing] })
    for (const user of ['ada', 'bob'])
      await exchange(port, { type: 'application/whole', headers: { 'X-User': user }, body: 'x' })
    expect(seen).toEqual(['ada', 'bob'])
  })

  test('a description that is logged does not show the request, which has cookies and tokens', async () => {
    const logs: string[] = []
    const filter: FileFilter = (info) => {
      logs.push(JSON.stringify({ info }), inspect({ info }), JSON.stringify(info.headers))
      return true
    }
    const { port } = await app({ filter, storage: memory() })
    const headers = { ...ada, Authorization: 'Bearer secret' }
    const long = file('f', 'a.txt') + '\r\nX-A: 1'.repeat(20)
    for (const body of [small.body!, form('X', [long, 'x'])])
      expect((await exchange(port, { ...small, headers, body })).status).toBe(200)
    expect(logs).toHaveLength(6)
    for (const log of logs) expect(log).not.toMatch(/secret|ada/)
    expect(logs[0]).toContain('"originalName":"a.txt"')
    expect(logs[4]).toContain("originalName: 'a.txt'")
  })

  test('a file that is kept does not hold its request in memory', async () => {
    const infos: FileInfo[] = []
    const kept: UploadedFile[] = []
    const storage: Storage = {
      store(stream, info, signal) {
        infos.push(info)
        return disk({ directory }).store(stream, info, signal)
      },
    }
    const handler: Route['handler'] = ({ files }) => {
      expect((infos[0]!.request as Tenant).user).toBe('ada')
      kept.push(files['f']![0]!.keep())
    }
    const { port } = await app({ storage }, { routes: [{ path: '/', handler }] })
    expect((await exchange(port, small)).status).toBe(200)
    await expect.poll(() => infos[0]!.request).toBeUndefined()
    expect([kept[0]!.name, await kept[0]!.text()]).toEqual(['a.txt', 'small'])
  })

  describe('a folder per tenant: disk({ name }) with the user of the request', () => {
    const storage = (name = (user: string, file: string): string => `${user}/${file}`): Storage =>
      disk<Tenant>({ directory, name: ({ request, name: own }) => name(request.user, own) })

    test('stores the files of each user in a folder of their own', async () => {
      const { port } = await app({ storage: storage() })
      for (const user of ['ada', 'bob'])
        expect((await exchange(port, { ...small, headers: { 'X-User': user } })).json).toEqual(['a.txt'])
      expect(stored()).toEqual(['ada', 'ada/a.txt', 'bob', 'bob/a.txt'].map((path) => join(path)))
      expect(await readFile(join(directory, 'ada', 'a.txt'), 'utf8')).toBe('small')
    })

    test('never overwrites: a name that is taken gets a suffix, in one request too', async () => {
      const { port } = await app({ storage: storage() })
      const twice = form('X', [file('f', 'a.txt'), '1'], [file('f', 'a.txt'), '2'])
      expect((await exchange(port, { ...small, body: twice })).status).toBe(200)
      expect((await exchange(port, small)).status).toBe(200)
      const [folder, ...names] = stored()
      expect(folder).toBe('ada')
      expect(names).toHaveLength(3)
      expect(names).toContain(join('ada', 'a.txt'))
      for (const name of names) expect(name).toMatch(/^ada.a(?:_[0-9a-f]{8})?\.txt$/)
    })

    test.each([
      ['..', 'a parent'],
      ['../..', 'more parents'],
      ['../inside2', 'a sibling with the same beginning'],
      ['a/../../b', 'parents in the middle'],
      ['..\\..', 'parents of Windows'],
      ['/etc', 'an absolute path'],
      ['//server/share', 'a network share'],
      ['C:\\Windows', 'a drive'],
      ['\\\\?\\C:', 'a device path'],
      ['', 'nothing'],
      ['.', 'the directory itself'],
      ['. ', 'a dot and a space'],
      ['...', 'three dots'],
      ['a//b', 'an empty folder'],
      ['con', 'a device'],
      ['a:b', 'a stream of Windows'],
      ['a\tb', 'a tab'],
      ['\u00ad', 'an invisible character'],
      ['a\u0080', 'a control character'],
      ['x'.repeat(256), 'more than 255 bytes'],
      ['x'.repeat(10_000), 'a very long text'],
      ['é'.repeat(128), '256 bytes of UTF-8'],
      [`formgate-${'0'.repeat(32)}.part`, 'a temporary file'],
    ])('refuses the user %j (%s): 500 with a hint for the app, nothing written', async (user) => {
      const { port } = await app({ storage: storage() })
      const before = beside()
      for (const sent of [small, large]) {
        const answer = await exchange(port, { ...sent, headers: { 'X-User': user } })
        expect(answer.json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
        const { message, hint, field: name } = errors.pop() as BodyError & { field?: string }
        expect(message).toMatch(
          /^disk\(\{ name \}\) returned ".*, which is not a safe path inside the directory\.$/,
        )
        expect(message.length).toBeLessThan(400)
        expect([hint, name]).toEqual([expect.stringContaining('safeFileName()'), 'f'])
      }
      expect([stored(), beside()]).toEqual([[], before])
    })

    test.each([
      ['%2e%2e', 'what is not decoded'],
      ['..a', 'a name that begins with dots'],
      ['~', 'what only a shell expands'],
      ['$HOME', 'a variable'],
      ['-rf', 'an option'],
      ['.htaccess', 'a hidden file'],
      ['x'.repeat(255), '255 bytes'],
    ])('takes the user %j as a name like any other: %s', async (user) => {
      const { port } = await app({ storage: storage() })
      expect((await exchange(port, { ...small, headers: { 'X-User': user } })).status).toBe(200)
      expect(stored()).toEqual([user, join(user, 'a.txt')])
    })

    test('a path that is longer than the system allows is a 500, and leaves no file', async () => {
      const { port } = await app({ storage: storage() })
      const headers = { 'X-User': 'abcdefg/'.repeat(1000).slice(0, -1) }
      expect((await exchange(port, { ...small, headers })).json).toMatchObject({ code: 'STORAGE_FAILED' })
      expect(stored()).toEqual([])
    })

    test('a folder that is a link out of the directory is a 500, and nothing is written there', async () => {
      const outside = join(directory, '..', 'outside')
      await mkdir(outside)
      await symlink(outside, join(directory, 'ada'))
      await symlink(join(outside, 'missing'), join(directory, 'bob'))
      const { port } = await app({ storage: storage() })
      for (const user of ['ada', 'ada/more', 'bob']) {
        const answer = await exchange(port, { ...small, headers: { 'X-User': user } })
        expect(answer.json).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
      }
      expect([stored(), readdirSync(outside)]).toEqual([['ada', 'bob'], []])
    })

    test('a folder with the name of a file is a 500, and the file stays as it is', async () => {
      const { port } = await app({ storage: storage() })
      expect((await exchange(port, small)).status).toBe(200)
      const answer = await exchange(port, { ...small, headers: { 'X-User': 'ada/a.txt' } })
      expect(answer.json).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
      expect(stored()).toEqual(['ada', join('ada', 'a.txt')])
      expect(await readFile(join(directory, 'ada', 'a.txt'), 'utf8')).toBe('small')
    })

    test('safeFileName() makes a folder of whatever the client says', async () => {
      const { port } = await app({
        storage: storage((user, name) => `${safeFileName(user) ?? 'guest'}/${name}`),
      })
      for (const user of ['../../etc', '..', 'x'.repeat(300), 'con', 'a\tb'])
        expect((await exchange(port, { ...small, headers: { 'X-User': user } })).status).toBe(200)
      const folders = stored().filter((path) => !path.endsWith('.txt'))
      expect(folders).toEqual(['_con', 'ab', 'etc', 'guest', 'x'.repeat(255)])
      expect(beside()).toEqual(['inside'])
    })

    test.each<[string, () => unknown, string | RegExp]>([
      [
        'throws',
        () => {
          throw new Error('no tenant')
        },
        'no tenant',
      ],
      ['rejects', () => Promise.reject(new Error('no tenant')), 'no tenant'],
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- an app may do so
      ['rejects with nothing', () => Promise.reject(), ''],
      ['returns undefined', () => undefined, 'returned a value of the type undefined'],
      ['returns null', () => null, 'returned null'],
      ['returns an object with a path', () => ({ toString: () => '../x' }), 'a value of the type object'],
      ['returns a promise of a list', async () => ['a'], 'a value of the type object'],
    ])('a function that %s is a 500, and nothing is left', async (_, name, message) => {
      const { port } = await app({ storage: disk({ directory, name: name as () => string }) })
      for (const sent of [small, large]) {
        expect((await exchange(port, sent)).json).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
        const error = errors.pop()!
        expect(error.message + String((error.cause as Error | undefined)?.message)).toContain(message)
      }
      expect(stored()).toEqual([])
    })

    test('a function that throws a BodyError chooses the answer', async () => {
      const { port } = await starts({
        above: login,
        mount: {
          storage: disk({
            directory,
            name() {
              throw new BodyError('FILE_REFUSED', { detail: 'This album is full.' })
            },
          }),
        },
        routes: [{ path: '/' }],
      })
      expect((await exchange(port, small)).json).toMatchObject({
        status: 422,
        code: 'FILE_REFUSED',
        detail: 'This album is full.',
      })
      expect(stored()).toEqual([])
    })

    test('the second file of a form without a safe name takes the first one with it', async () => {
      const { port } = await app({
        storage: storage((user, name) => (name === 'b.txt' ? '..' : `${user}/${name}`)),
      })
      const body = form('X', [file('f', 'a.txt'), 'x'.repeat(100_000)], [file('g', 'b.txt'), '2'])
      expect((await exchange(port, { ...small, body })).json).toMatchObject({ code: 'STORAGE_FAILED' })
      await expect.poll(() => stored().filter((path) => path.includes('.'))).toEqual([])
    })

    test('a name that comes after its client has left is used for nothing', async () => {
      let choose: ((name: string) => void) | undefined
      const name = (): Promise<string> => new Promise((resolve) => (choose = resolve))
      const { port } = await app({ storage: disk({ directory, name }) })
      const connection = await Connection.open(port)
      connection.write(head(large) + large.body!.toString().slice(0, 200_000))
      await expect.poll(() => choose).toBeDefined()
      connection.destroy()
      await delay(50)
      choose!('late.txt')
      await delay(50)
      await expect.poll(stored).toEqual([])
    })
  })

  describe('an object key by user: s3({ key, metadata }) with the user of the request', () => {
    const storing = (
      client: S3Client,
      key: (user: string, name: string) => string = (user, name) => `${user}/${name}`,
    ): Storage =>
      s3<Tenant>({
        bucket: 'films',
        client,
        prefix: 'up/',
        key: ({ request, name }) => key(request.user, name),
        metadata: async ({ request }) => ({ owner: request.user }),
      })

    test('puts the object under the key, with the metadata', async () => {
      const { client, objects } = bucket()
      const { port } = await app({ storage: storing(client) })
      expect((await exchange(port, small)).json).toEqual(['a.txt'])
      expect([...objects.keys()]).toEqual(['up/ada/a.txt'])
      expect(objects.get('up/ada/a.txt')!.Metadata).toMatchObject({ owner: 'ada', 'original-name': 'a.txt' })
      expect((objects.get('up/ada/a.txt')!.Body as Buffer).toString()).toBe('small')
      expect((await exchange(port, small)).status).toBe(200)
      expect([...objects.keys()][1]).toMatch(/^up\/ada\/a_[0-9a-f]{8}\.txt$/)
    })

    test.each([
      '..',
      '../../other',
      '/etc',
      'a\\..\\b',
      '',
      '.',
      'a//b',
      'x'.repeat(256),
      `${'x'.repeat(200)}/`.repeat(6).slice(0, -1),
    ])('refuses the user %j: 500 with a hint for the app, and no request is sent', async (user) => {
      const { client, objects } = bucket()
      const { port } = await app({ storage: storing(client) })
      const answer = await exchange(port, { ...small, headers: { 'X-User': user } })
      expect(answer.json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
      const { message, hint } = errors.pop() as BodyError
      expect(message).toMatch(
        /^s3\(\{ key \}\) returned ".*, which is not a safe key of at most 1024 bytes\.$/,
      )
      expect(hint).toContain('safeFileName()')
      expect(objects.size).toBe(0)
    })

    test('metadata that is not printable ASCII is a 500: it would be a line of its own in the header', async () => {
      const { client, objects } = bucket()
      const { port } = await app({ storage: storing(client, (_user, name) => name) })
      const answer = await exchange(port, { ...small, headers: { 'X-User': 'a\u0080b' } })
      expect(answer.json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
      expect((errors.pop()!.cause as Error).message).toContain('"owner" that is not printable ASCII')
      expect(objects.size).toBe(0)
    })

    test.each<[string, unknown, string]>([
      [
        'a name that would begin another header',
        { 'a\r\nx-amz-acl: public-read\r\nb': 'x' },
        'which no header can have',
      ],
      ['a name with a space', { 'a b': 'x' }, 'which no header can have'],
      ['an empty name', { '': 'x' }, 'which no header can have'],
      ['a name that is not ASCII', { é: 'x' }, 'which no header can have'],
      ['a value that would begin another header', { a: 'x\r\nb: y' }, 'not printable ASCII'],
      ['a number', { a: 1 }, 'not printable ASCII'],
      ['a text', 'owner', 'returned "owner", not an object of texts'],
      ['a list', ['owner'], 'not an object of texts'],
    ])('metadata that is or has %s is a 500, and no request is sent', async (_, metadata, message) => {
      const { client, objects } = bucket()
      for (const returned of [metadata, Promise.resolve(metadata)]) {
        const { port } = await app({
          storage: s3({ bucket: 'films', client, metadata: () => returned as never }),
        })
        expect((await exchange(port, small)).json).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
        expect((errors.pop()!.cause as Error).message).toContain(message)
      }
      expect(objects.size).toBe(0)
    })

    test.each(['key', 'metadata'])('a function %s that throws or rejects is a 500', async (option) => {
      const { client, objects } = bucket()
      const fail = (): never => {
        throw new Error('no tenant')
      }
      for (const fault of [fail, async () => fail()]) {
        const { port } = await app({ storage: s3({ bucket: 'films', client, [option]: fault }) })
        expect((await exchange(port, small)).json).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
        expect((errors.pop()!.cause as Error).message).toBe('no tenant')
      }
      expect(objects.size).toBe(0)
    })

    test('an object of a user is removed after the response unless the handler keeps it', async () => {
      const { client, objects } = bucket()
      const { port } = await app({ storage: storing(client) }, { routes: [{ path: '/' }] })
      expect((await exchange(port, small)).status).toBe(200)
      await expect.poll(() => objects.size).toBe(0)
    })
  })

  test('a limit by plan: limits(request) and the storages see one and the same user', async () => {
    const limits = (request: FrameworkRequest) => ({
      fileSize: (request as Tenant).user === 'ada' ? 1_000_000 : 10,
    })
    const name = ({ request }: FileInfo<Tenant>): string => `${request.user}.txt`
    const { port } = await app({ limits, storage: disk({ directory, name }) })
    expect((await exchange(port, large)).status).toBe(200)
    const answer = await exchange(port, { ...large, headers: { 'X-User': 'bob' } })
    expect(answer.json).toMatchObject({ code: 'LIMIT_FILE_SIZE', status: 413 })
    await expect.poll(stored).toEqual(['ada.txt'])
  })

  test('the parameters of a route reach the storage of the route', async () => {
    interface Routed extends FrameworkRequest {
      readonly params?: { album: string }
      readonly ctx?: { params: { album: string } }
    }
    const name = ({ request, name: own }: FileInfo<Routed>): string =>
      `${(request.params ?? request.ctx!.params).album}/${own}`
    const options = { storage: disk({ directory, name }) }
    const { port } = await starts({
      routes: [
        {
          path: '/albums/:album',
          parsers: [MultiPartParser],
          options,
          handler: ({ files }) => files['f']![0]!.keep().size,
        },
      ],
    })
    expect((await exchange(port, { ...small, path: '/albums/sea' })).status).toBe(200)
    expect(stored()).toEqual(['sea', join('sea', 'a.txt')])
    // A framework decodes parameters: an encoded slash is a slash here.
    const escaping = await exchange(port, { ...small, path: '/albums/..%2F..%2Fx' })
    expect(escaping.status).toBe(500)
    expect([stored(), beside()]).toEqual([['sea', join('sea', 'a.txt')], ['inside']])
  })

  test('spool() and memory() take the request like any storage, and use it for nothing', async () => {
    for (const storage of [spool({ directory, threshold: 10 }), memory(), [spool({ directory }), memory()]]) {
      const { port } = await app({ storage })
      for (const sent of [small, large]) expect((await exchange(port, sent)).json).toEqual(['a.txt'])
    }
  })
})

test("without a framework, the request is Node's own", async () => {
  const users: unknown[] = []
  const storage: Storage = {
    store(stream, info, signal) {
      users.push(info.request.headers['x-user'])
      return memory().store(stream, info, signal)
    },
  }
  const parse = createBodyParser({ storage })
  const server = createServer((request, response) => {
    void parse(request, response).then(() => response.end('done'))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const connection = await Connection.open(port)
  connection.write(head(small) + small.body!.toString())
  expect((await connection.answer()).body).toBe('done')
  connection.destroy()
  server.close()
  expect(users).toEqual(['ada'])
})
