import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { memory, type Storage, type UploadedFile } from '@formgate/core'
import { fromMulter, type MulterEngine, type MulterFile } from '@formgate/pipelines'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { frameworks, startForEach, type Handling } from '../adapters/frameworks.js'
import { info, storageContract, type StorageUnderTest } from '../storage-contract.js'
import { abortAfter } from './abort.js'
import { diskEngine, memoryEngine, s3Engine } from './engines.js'
import { startFakeS3, type FakeS3 } from './fake-s3.js'

const MiB = 1024 * 1024
let root = ''
let store: FakeS3
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'engines-'))
  store = await startFakeS3()
})
afterAll(async () => {
  store.close()
  await rm(root, { recursive: true })
})

const fromS3 = (): Storage<MulterFile> =>
  fromMulter(s3Engine(store.endpoint), ({ bucket, key }, { start = 0, end = Infinity } = {}) =>
    Readable.from([store.objects.get(`/${String(bucket)}/${String(key)}`)!.subarray(start, end + 1)]),
  )

async function newFolder(): Promise<StorageUnderTest & { directory: string }> {
  const directory = await mkdtemp(join(root, 'folder-'))
  // Engines choose the mode of their files, which is 0644 here; the contract asks for 0600.
  const before = process.umask(0o077)
  return {
    storage: fromMulter(diskEngine(directory)),
    directory,
    async close() {
      process.umask(before)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

storageContract('fromMulter(multer.diskStorage())', { make: newFolder })
storageContract('fromMulter(multer.memoryStorage())', {
  largest: 8 * MiB,
  make: async () => ({ storage: fromMulter(memoryEngine()), close: async () => undefined }),
})
storageContract('fromMulter(multerS3())', {
  largest: 8 * MiB,
  make: async () => ({
    storage: fromS3(),
    leftovers: async () => [...store.objects.keys(), ...store.uploads.keys()],
    async close() {},
  }),
})

const formWith = (bytes: Buffer | string, name = 'a.txt'): FormData => {
  const form = new FormData()
  form.append('f', new Blob([bytes], { type: 'text/plain' }), name)
  form.append('title', 'after the file')
  return form
}

const multerOf = (file: UploadedFile): unknown => (file.stored as MulterFile).multer

describe.each(frameworks)('$name', (framework) => {
  const start = startForEach(framework.start)
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(root, 'app-'))
  })
  afterEach(() => expect(readdirSync(directory)).toEqual([]))

  const engines: [string, () => Storage<MulterFile>, left: () => unknown[]][] = [
    ['diskStorage()', () => fromMulter(diskEngine(directory)), () => readdirSync(directory)],
    ['multer-s3', fromS3, () => [...store.objects.keys(), ...store.uploads.keys()]],
  ]

  test.each(engines)(
    '%s: the handler reads the file, which is removed after the answer',
    async (_, make, left) => {
      let seen = 0
      const handler = async ({ files }: Handling): Promise<unknown> => {
        seen = left().length
        return { text: await files['f']![0]!.text(), multer: multerOf(files['f']![0]!), files }
      }
      const { port } = await start({ mount: { storage: make() }, routes: [{ path: '/', handler }] })
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: formWith('hello') })
      expect(await answer.json()).toMatchObject({
        text: 'hello',
        multer: { fieldname: 'f', originalname: 'a.txt', mimetype: 'text/plain', size: 5 },
        files: { f: [{ name: 'a.txt', size: 5 }] },
      })
      expect(seen).toBe(1)
      await expect.poll(left).toEqual([])
    },
  )

  test.each(engines)(
    '%s: a file that is too large leaves nothing, and the client gets a 413',
    async (_, make, left) => {
      const mount = { storage: make(), limits: { fileSize: 6 * MiB } }
      const { port } = await start({ mount, routes: [{ path: '/' }] })
      const body = formWith(Buffer.alloc(8 * MiB))
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })
      expect([answer.status, await answer.json()]).toEqual([
        413,
        expect.objectContaining({ code: 'LIMIT_FILE_SIZE' }),
      ])
      await expect.poll(left).toEqual([])
    },
  )

  test.each(engines)('%s: 50 clients that go away leave no file, object or upload', async (_, make, left) => {
    const { port } = await start({ mount: { storage: make() }, routes: [{ path: '/' }] })
    const sizes = Array.from({ length: 50 }, (_, index) => (index % 5) * 300_000 + 10)
    await Promise.all(sizes.map((size) => abortAfter(port, '/', Buffer.alloc(size))))
    await expect.poll(left).toEqual([])
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: formWith('hello') })
    expect(answer.status).toBe(200)
    await expect.poll(left).toEqual([])
  })

  test('multer-s3: a file in parts has its size, and its metadata may come from the request', async () => {
    const handler = ({ files: { f } }: Handling): unknown => [f![0]!.size, multerOf(f![0]!)]
    const { port } = await start({ mount: { storage: fromS3() }, routes: [{ path: '/', handler }] })
    const body = formWith(Buffer.alloc(7 * MiB))
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      body,
      headers: { 'X-User': 'ada' },
    })
    expect(await answer.json()).toMatchObject([
      7 * MiB,
      { bucket: 'photos', metadata: { field: 'f', user: 'ada' } },
    ])
    await expect.poll(() => store.objects.size).toBe(0)
  })

  test('a file of diskStorage() can be moved, and its name never leaves the folder', async () => {
    const target = join(root, `moved-${framework.name}`)
    const handler = async ({ files: { f } }: Handling): Promise<unknown> => (await f![0]!.moveTo(target)).size
    const mount = { storage: fromMulter(diskEngine(directory)) }
    const { port } = await start({ mount, routes: [{ path: '/', handler }] })
    const body = formWith('hello', '../../evil.txt')
    expect(await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })).json()).toBe(5)
    expect(readFileSync(target, 'utf8')).toBe('hello')
  })

  test('an engine that fails is a 500, and the error handler gets its error', async () => {
    const engine: MulterEngine = {
      _handleFile: (_req, _file, next) => next(new Error('out of tape')),
      _removeFile: (_req, _file, next) => next(null),
    }
    const errors: Error[] = []
    const onError = (error: Error): number => errors.push(error)
    const { port } = await start({
      mount: { storage: [fromMulter(engine), memory()] },
      routes: [{ path: '/' }],
      errorHandler: true,
      onError,
    })
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: formWith('hello') })
    expect(await answer.json()).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
    expect(errors[0]!.cause).toEqual(new Error('out of tape'))
  })
})

test('reading a file of an engine with neither a path nor a buffer says what to pass', async () => {
  const storage = fromMulter(s3Engine(store.endpoint))
  const stored = await storage.store(Readable.from([Buffer.from('x')]), info, new AbortController().signal)
  expect(() => stored!.createReadStream()).toThrow('fromMulter(engine, open)')
  await stored!.remove()
  expect(store.objects.size).toBe(0)
})
