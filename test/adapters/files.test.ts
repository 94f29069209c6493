import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import {
  disk,
  FileUploadParser,
  JSONParser,
  memory,
  MultiPartParser,
  spool,
  type Storage,
  type UploadedFile,
} from '@formgate/core'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Connection, exchange, field, file, form, head, multipartX, type Sent } from './client.js'
import { frameworks, type App, type Description, type Handling } from './frameworks.js'

const roots: string[] = []
afterAll(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))))

const content = 'x'.repeat(100_000)
const anUpload: Sent = {
  type: multipartX,
  body: form('X', [file('f', 'a.txt'), content], [field('a'), '1'], [file('g', 'b.txt'), 'b']),
}

const firstOf = ({ files }: Handling): UploadedFile => files['f']![0]!

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'files-'))
    roots.push(directory)
  })
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

  async function app(
    handler: (handling: Handling) => unknown,
    more: Partial<Description> & { storage?: Storage } = {},
  ): Promise<App> {
    const { storage = disk({ directory }), ...description } = more
    const started = await start({ mount: { storage }, routes: [{ path: '/', handler }], ...description })
    apps.push(started)
    return started
  }
  const stored = (): Promise<string[]> => readdir(directory)
  const expectNothingLeft = (): Promise<void> => expect.poll(stored).toEqual([])

  test.each([
    ['disk()', () => disk({ directory })],
    ['spool()', () => spool({ directory, threshold: 10 })],
    ['memory()', () => memory()],
  ])('files in %s exist for the handler and are removed after the answer', async (name, make) => {
    const seen: UploadedFile[] = []
    let paths: string[] = []
    const { port } = await app(
      async (handling) => {
        const uploaded = firstOf(handling)
        seen.push(uploaded)
        paths = await stored()
        return { bytes: (await text(uploaded.createReadStream())).length, path: uploaded.path !== undefined }
      },
      { storage: make() },
    )
    expect((await exchange(port, anUpload)).json).toEqual({
      bytes: content.length,
      path: name !== 'memory()',
    })
    expect(paths).toHaveLength(name === 'disk()' ? 2 : name === 'spool()' ? 1 : 0)
    await expectNothingLeft()
    await expect.poll(() => isReadable(seen[0]!)).toBe(false)
  })

  test.each([
    ['disk()', (directory: string) => disk({ directory })],
    ['spool(), in memory', (directory: string) => spool({ directory })],
    ['spool(), in a temporary file', (directory: string) => spool({ directory, threshold: 10 })],
  ])(
    'files in %s have a path, which goes when the answer was sent unless they are kept',
    async (_name, make) => {
      const seen: UploadedFile[] = []
      const { port } = await app(
        async (handling) => {
          const [kept, other] = [firstOf(handling).keep(), handling.files['g']![0]!]
          seen.push(kept)
          const paths = await Promise.all([kept.toPath(), other.toPath()])
          return Promise.all(paths.map(async (path) => [dirname(path), (await readFile(path)).length]))
        },
        { storage: make(directory) },
      )
      expect((await exchange(port, anUpload)).json).toEqual([
        [directory, content.length],
        [directory, 1],
      ])
      await expect.poll(stored).toHaveLength(1)
      expect(await readFile(await seen[0]!.toPath(), 'utf8')).toBe(content)
      await seen[0]!.remove()
      expect(await stored()).toEqual([])
    },
  )

  test('a file in memory leaves nothing behind if its client leaves while its path is made', async () => {
    const opened: Connection[] = []
    const paths: string[] = []
    const { port, handled } = await app(
      async (handling) => {
        const path = firstOf(handling).toPath()
        opened[0]!.destroy()
        paths.push(await path)
      },
      { storage: spool({ directory }) },
    )
    opened.push(await Connection.open(port))
    opened[0]!.write(head(anUpload)).write(anUpload.body!)
    await expect.poll(() => paths).toHaveLength(1)
    await expectNothingLeft()
    expect(handled()).toBe(1)
  })

  test('files never show their path to the client', async () => {
    const { port } = await app(({ data, files }) => ({ data, files }))
    const answer = await exchange(port, anUpload)
    expect(answer.body).not.toContain(directory)
    expect(answer.json.data).toEqual({
      f: { field: 'f', name: 'a.txt', type: 'text/plain', size: content.length },
      a: '1',
      g: { field: 'g', name: 'b.txt', type: 'text/plain', size: 1 },
    })
  })

  test('only files kept with keep() stay', async () => {
    let path = ''
    const { port } = await app((handling) => {
      path = firstOf(handling).keep().path!
      return 'kept'
    })
    expect((await exchange(port, anUpload)).json).toBe('kept')
    await expect.poll(stored).toHaveLength(1)
    expect(await readFile(path, 'utf8')).toBe(content)
  })

  test.each(['disk', 'spool', 'memory'])('files from %s stay where moveTo() has moved them', async (name) => {
    const target = join(await mkdtemp(join(tmpdir(), 'files-target-')), 'moved.txt')
    roots.push(join(target, '..'))
    const storage = {
      disk: () => disk({ directory }),
      spool: () => spool({ directory, threshold: 1 }),
      memory,
    }[name]!()
    const { port } = await app(
      async (handling) => {
        const moved = await firstOf(handling).moveTo(target)
        return { size: moved.size, name: moved.name }
      },
      { storage },
    )
    expect((await exchange(port, anUpload)).json).toEqual({ size: content.length, name: 'a.txt' })
    await expectNothingLeft()
    expect(await readFile(target, 'utf8')).toBe(content)
  })

  test('files can be removed by the handler', async () => {
    const { port } = await app(async (handling) => {
      await firstOf(handling).remove()
      return stored()
    })
    expect((await exchange(port, anUpload)).json).toHaveLength(1)
    await expectNothingLeft()
  })

  test.each([
    ['disk()', () => disk({ directory })],
    ['spool()', () => spool({ directory, threshold: 10 })],
    ['memory()', () => memory()],
  ])('files in %s can be sent as the answer, as a stream', async (_, make) => {
    const { port } = await app((handling) => firstOf(handling).createReadStream(), { storage: make() })
    const answer = await exchange(port, anUpload)
    expect([answer.status, answer.body]).toEqual([200, content])
    await expectNothingLeft()
  })

  test('files stay until a slow answer has been sent', async () => {
    const { port } = await app(async (handling) => {
      const { response } = handling
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(response.writableEnded).toBe(false)
      return text(firstOf(handling).createReadStream())
    })
    expect((await exchange(port, anUpload)).json).toBe(content)
    await expectNothingLeft()
  })

  test('files are removed if the client disconnects before the answer', async () => {
    let answer = (): void => undefined
    const { port, handled } = await app(
      (handling) =>
        new Promise((resolve) => {
          answer = () => resolve(handling.files['f']?.length)
        }),
    )
    const connection = await Connection.open(port)
    connection.write(head(anUpload)).write(anUpload.body!)
    await expect.poll(handled).toBe(1)
    expect(await stored()).toHaveLength(2)
    connection.destroy()
    await expectNothingLeft()
    answer()
  })

  test('files are removed if the client disconnects during the answer', async () => {
    const { port } = await app(() => {
      const answer = new PassThrough()
      answer.write('the beginning of an answer that does not end')
      return answer
    })
    const connection = await Connection.open(port)
    connection.write(head(anUpload)).write(anUpload.body!)
    await expect.poll(stored).toHaveLength(2)
    connection.reset()
    await expectNothingLeft()
  })

  test.each([
    ['is cut short', anUpload.body!.slice(0, -8)],
    ['has a malformed part at its end', form('X', [file('f', 'f'), content], ['Content-Type: a/b', 'x'])],
    [
      'has a malformed JSON part',
      form('X', [file('f', 'f'), content], [`${field('j')}\r\nContent-Type: application/json`, '{']),
    ],
  ])('files are removed if the form %s', async (_, body) => {
    const { port, handled } = await app(() => 'never')
    for (const framing of ['length', 'chunked'] as const) {
      expect((await exchange(port, { type: multipartX, body, framing })).status).toBe(400)
      expect(await stored()).toEqual([])
    }
    expect(handled()).toBe(0)
  })

  test('files that multipart() has stored are removed if a route refuses the form', async () => {
    const { port, handled } = await app(() => 'never', {
      routes: [{ path: '/', parsers: [JSONParser], handler: () => 'never' }],
    })
    expect((await exchange(port, anUpload)).status).toBe(415)
    await expectNothingLeft()
    expect(handled()).toBe(0)
  })

  test('the file of a raw upload is removed too', async () => {
    const routes = [
      {
        method: 'PUT',
        path: '/:filename',
        parsers: [FileUploadParser],
        options: { storage: disk({ directory }) },
        handler: async ({ files }: Handling) => [files['file']![0]!.size, (await stored()).length],
      },
    ]
    const started = await start({ routes })
    apps.push(started)
    const sent = { method: 'PUT', path: '/a.png', type: 'image/png', body: content }
    expect((await exchange(started.port, sent)).json).toEqual([content.length, 1])
    await expectNothingLeft()
  })

  test('files are offered to each storage in turn', async () => {
    const asked: string[] = []
    const declines: Storage = {
      async store(_stream, info) {
        asked.push(`${info.field} ${info.name} ${info.type}`)
        return undefined
      },
    }
    const started = await start({
      routes: [
        { path: '/', parsers: [MultiPartParser], options: { storage: [declines, disk({ directory })] } },
        { path: '/none', parsers: [MultiPartParser], options: { storage: [declines] } },
      ],
    })
    apps.push(started)
    expect((await exchange(started.port, anUpload)).status).toBe(200)
    expect(asked).toEqual(['f a.txt text/plain', 'g b.txt text/plain'])
    const answer = await exchange(started.port, { ...anUpload, path: '/none' })
    expect(answer.json).toMatchObject({ status: 400, code: 'UNHANDLED_FILE', field: 'f' })
  })

  test('files whose name is a path stay inside the directory', async () => {
    const names = [
      '../../../etc/passwd',
      '..\\..\\x',
      '/etc/passwd',
      'C:\\x.txt',
      'CON',
      `${'n'.repeat(300)}.txt`,
    ]
    const { port } = await app(({ files }) => {
      const inside = files['f']!.every(({ path }) => path!.startsWith(directory))
      return { inside, names: files['f']!.map(({ name }) => name) }
    })
    const body = form('X', ...names.map((name) => [file('f', name), 'x'] as const))
    const { json } = await exchange(port, { type: multipartX, body })
    expect(json.inside).toBe(true)
    expect(json.names.slice(0, 5)).toEqual(['passwd', 'x', 'passwd', 'x.txt', '_CON'])
    expect(existsSync('/etc/passwd.part')).toBe(false)
    await expectNothingLeft()
  })
})

async function isReadable(uploaded: UploadedFile): Promise<boolean> {
  try {
    await text(uploaded.createReadStream())
    return true
  } catch {
    return false
  }
}
