/** Advisories of multer. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  BodyError,
  disk,
  type FileFilter,
  FormParser,
  memory,
  MultiPartParser,
  type Inspector,
  type Storage,
} from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  chunk,
  Connection,
  exchange,
  field,
  file,
  form,
  head,
  multipartX,
  type Sent,
} from '../adapters/client.js'
import { frameworks, type Framework } from '../adapters/frameworks.js'
import { expectAlive, expectBounded, expectEmpty, newDirectory, serve } from './server.js'

const multipart = (body: string): Sent => ({ type: multipartX, body })
const urlencoded = (body: string): Sent => ({ type: 'application/x-www-form-urlencoded', body })
const large = 'x'.repeat(300_000)

/** Ways in which an app decides on a file with a delay. */
const slowFilters: readonly (readonly [
  string,
  (directory: string) => { storage: Storage; inspect?: Inspector; filter?: FileFilter },
])[] = [
  ['a filter that waits', (directory) => ({ storage: disk({ directory }), filter: () => delay(100, true) })],
  [
    'a storage that waits first',
    (directory) => {
      const target = disk({ directory })
      const storage: Storage = {
        async store(stream, info, signal) {
          await delay(100)
          return target.store(stream, info, signal)
        },
      }
      return { storage }
    },
  ],
  ['an asynchronous name', (directory) => ({ storage: disk({ directory, name: () => delay(100, 'n') }) })],
  [
    'an inspector that waits at each chunk',
    (directory) => ({
      storage: disk({ directory }),
      inspect: () => ({ chunk: () => delay(30), end: () => delay(30) }),
    }),
  ],
  [
    'an inspector that refuses late',
    (directory) => ({
      storage: disk({ directory }),
      inspect: () => ({
        chunk: () => undefined,
        async end() {
          await delay(100)
          throw new BodyError('FILE_REFUSED')
        },
      }),
    }),
  ],
]

describe.each(frameworks)('$name', (framework) => {
  const whole = form('X', [field('a'), '1'], [file('f', 'f.txt'), 'hello'])

  test('multer CVE-2025-7338: a form that is truncated at any byte is a 400, and the process lives', async () => {
    const app = await serve(framework, { mount: {}, routes: [{ path: '/' }] })
    const last = whole.lastIndexOf('--\r\n')
    for (let end = 1; end <= last; end += 1) {
      const { status } = await exchange(app.port, multipart(whole.slice(0, end)))
      expect([end, status]).toEqual([end, 400])
    }
    expect(app.handled()).toBe(0)
    expect((await exchange(app.port, multipart(whole.slice(0, last + 2)))).status).toBe(200)
  })

  test.each([
    ['without a delimiter', 'hello'],
    ['with a part without a header', '--X\r\n\r\nhello\r\n--X--\r\n'],
    ['with a header line without a colon', '--X\r\nhello\r\n\r\nhello\r\n--X--\r\n'],
    ['with a part without a disposition', '--X\r\nContent-Type: text/plain\r\n\r\n1\r\n--X--\r\n'],
    ['with a header that does not end', `--X\r\n${field('a')}`],
    ['closed by another boundary', `--X\r\n${field('a')}\r\n\r\n1\r\n--Y--\r\n`],
    [
      'with a quote that is not closed',
      '--X\r\nContent-Disposition: form-data; name="a\r\n\r\n1\r\n--X--\r\n',
    ],
    ['with another disposition', '--X\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--X--\r\n'],
    ['of one delimiter', '--X'],
    ['of CRLFs', '\r\n\r\n\r\n'],
  ])('multer CVE-2025-47944: a body %s is a 400, and the process lives', async (_, body) => {
    const app = await serve(framework, { mount: {}, routes: [{ path: '/' }] })
    for (const cut of ['whole', 'byte by byte'] as const)
      expect((await exchange(app.port, multipart(body), cut)).status).toBe(400)
    expect(app.handled()).toBe(0)
    await expectAlive(app)
  })

  test.each([
    ['a field with an empty name', field('')],
    ['a file with an empty name', file('', 'a.txt')],
    ['a file with two empty names', file('', '')],
    ['no name at all', 'Content-Disposition: form-data'],
    ['no name but a file name', 'Content-Disposition: form-data; filename="a.txt"'],
  ])('multer CVE-2025-48997: %s is a 400, and the process lives', async (_, header) => {
    const directory = await newDirectory()
    const app = await serve(framework, { mount: { storage: disk({ directory }) }, routes: [{ path: '/' }] })
    const answer = await exchange(app.port, multipart(form('X', [file('f', 'f'), large], [header, '1'])))
    expect(answer.json).toMatchObject({ status: 400, code: 'MISSING_PART_NAME' })
    expect(app.handled()).toBe(0)
    await expectEmpty(directory)
    await expectAlive(app)
  })

  describe.each(slowFilters)('with %s', (_name, make) => {
    const start = async () => {
      const directory = await newDirectory()
      const app = await serve(framework, {
        mount: { lazy: true },
        routes: [{ path: '/', parsers: [MultiPartParser], options: make(directory) }],
      })
      return { app, directory }
    }

    test('multer CVE-2026-3304 and CVE-2026-88932: an error of the body leaves no file', async () => {
      const { app, directory } = await start()
      const broken = form('X', [file('f', 'f'), large], ['hello', '1'])
      const answer = await exchange(app.port, multipart(broken))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      await delay(150)
      await expectEmpty(directory)
      await expectAlive(app)
    })

    test('multer CVE-2026-5038 and CVE-2026-113872: an abort leaves no file and ends no process', async () => {
      const { app, directory } = await start()
      for (const leave of ['destroy', 'reset', 'end'] as const) {
        const connection = await Connection.open(app.port)
        connection.write(head({ type: multipartX, framing: 'chunked' }))
        connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\n${large}`))
        await delay(30)
        connection[leave]()
      }
      await delay(200)
      await expectEmpty(directory)
      expect(app.handled()).toBe(0)
      await expectAlive(app)
    })
  })

  describe.each(slowFilters.slice(0, 4))('with %s', (_name, make) => {
    const serving = async (limits: object) => {
      const directory = await newDirectory()
      const app = await serve(framework, {
        routes: [{ path: '/', parsers: [MultiPartParser], options: { ...make(directory), limits } }],
      })
      return { app, directory }
    }

    test('multer CVE-2026-77063: a file that passes its limit while the filter waits is a 413', async () => {
      const { app, directory } = await serving({ fileSize: 20_000 })
      for (const size of [20_001, 300_000]) {
        const answer = await exchange(app.port, multipart(form('X', [file('f', 'f'), 'x'.repeat(size)])))
        expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE', limit: 20_000 })
      }
      expect(app.handled()).toBe(0)
      await expectEmpty(directory)
    })

    test('multer PR#1480: one file too many while the filter waits is a 413', async () => {
      const { app, directory } = await serving({ files: 2 })
      const parts = Array.from({ length: 3 }, () => [file('f', 'f'), 'x'] as const)
      const answer = await exchange(app.port, multipart(form('X', ...parts)))
      expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_FILES', limit: 2 })
      expect(app.handled()).toBe(0)
      await delay(150)
      await expectEmpty(directory)
    })
  })
})

describe.each(frameworks)('$name', (framework: Framework) => {
  const List = z.object({ a: z.array(z.string()).optional() })
  const Deep = z.object({ a: z.record(z.string(), z.json()) })

  /** Routes that make a tree of the names, and one that leaves them flat. */
  const start = () =>
    serve(framework, {
      routes: [
        { path: '/list', typed: ({ form }) => form(List) },
        { path: '/deep', typed: ({ form }) => form(Deep) },
        { path: '/flat', parsers: [MultiPartParser], options: { storage: memory() } },
        { path: '/nested', parsers: [MultiPartParser, FormParser], options: { nested: true } },
      ],
    })

  test('multer CVE-2026-5079: names of the greatest possible depth are a 413 and about as cheap as others', async () => {
    const app = await start()
    const names = (name: (at: number) => string): string =>
      form('X', ...Array.from({ length: 900 }, (_, at) => [field(name(at)), ''] as const))
    const hostile = names((at) => `a${'[b]'.repeat(64)}${String(at).padStart(4, '0')}`)
    const ordinary = names((at) => `a${'b'.repeat(192)}${String(at).padStart(4, '0')}`)
    for (const path of ['/deep', '/nested', '/flat']) {
      const { hostile: answer } = await expectBounded(
        app,
        { ...multipart(hostile), path },
        { ...multipart(ordinary), path },
      )
      if (path === '/flat') expect(Object.keys(answer.json.data)).toHaveLength(900)
      else expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_NESTING', limit: 8 })
    }
  })

  test.each([
    ['multipart', multipart(form('X', [field('a[999999999]'), 'x']))],
    ['URL-encoded', urlencoded('a[999999999]=x')],
  ])(
    'multer CVE-2026-82333 and CVE-2026-77078: a[999999999] does not make a list of that length: %s',
    async (_, sent) => {
      const app = await start()
      for (const path of ['/list', '/nested']) {
        const { status, json } = await exchange(app.port, { ...sent, path })
        expect([413, 422]).toContain(status)
        expect(JSON.stringify(json).length).toBeLessThan(1000)
        const sparse = await exchange(app.port, { ...urlencoded('a[999]=x&a[0]=y'), path })
        expect(sparse.body.length).toBeLessThan(100_000)
      }
    },
  )

  test('multer CVE-2026-77078: a name that is a value and a list at once does not end the process', async () => {
    const app = await start()
    for (const names of [
      ['a', 'a[]'],
      ['a[]', 'a'],
      ['a[b]', 'a[]'],
      ['a', 'a[b]', 'a[0]'],
      ['a[][]', 'a[x][]'],
    ]) {
      const body = form('X', ...names.map((name) => [field(name), '1'] as const))
      for (const path of ['/list', '/deep', '/nested', '/flat'])
        expect((await exchange(app.port, { ...multipart(body), path })).status).toBeLessThan(500)
    }
    await expectAlive(app)
  })

  test.each(['a[]=', 'a=', 'a[0]='])(
    'qs CVE-2025-15284: %s, repeated 100,000 times, is stopped by the limit on fields',
    async (pair) => {
      const app = await start()
      const { json } = await exchange(app.port, {
        ...urlencoded(`${pair}&`.repeat(100_000)),
        path: '/list',
      })
      expect(json).toMatchObject({ status: 413, code: 'LIMIT_FIELDS', limit: 1000 })
    },
  )
})
