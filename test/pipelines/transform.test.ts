import { createCipheriv, createDecipheriv } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough, Readable, Transform as Through } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { crc32, createGunzip, createGzip, deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import { accept, BodyError, disk, memory, sniff, type Storage, type UploadedFile } from '@formgate/core'
import { transform, type Transform } from '@formgate/pipelines'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { frameworks, startForEach, type Handling } from '../adapters/frameworks.js'
import { info, openFilesIn, source, storageContract } from '../storage-contract.js'
import { abortAfter } from './abort.js'

let root = ''
/** A JPEG of 1200 × 900. */
let photo: Buffer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'transform-'))
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  photo = await sharp({ create: { width: 1200, height: 900, channels: 3, background: 'teal', noise } })
    .jpeg()
    .toBuffer()
})
afterAll(() => rm(root, { recursive: true }))

const newFolder = (): Promise<string> => mkdtemp(join(root, 'folder-'))
const webp = ({ name }: { name: string }): string => name.replace(/\.\w+$/, '.webp')
/** Pictures of at most 320 pixels, with a thumbnail. */
const pictures = (storage: Storage, more: Record<string, Transform> = {}): Storage =>
  transform(
    {
      through: () => sharp({ limitInputPixels: 4_000_000 }).resize(320).webp(),
      type: 'image/webp',
      name: webp,
      status: 422,
      results: {
        thumbnail: {
          through: () => sharp().resize(32).png(),
          type: 'image/png',
          name: () => 'thumbnail.png',
        },
        ...more,
      },
    },
    storage,
  )

// Random bytes would not show that the streams ran: these come back as they were only if both did.
const gzipAndBack = (): Duplex[] => [createGzip({ level: 1 }), createGunzip()]
for (const [name, spec] of [
  ['streams', { through: gzipAndBack }],
  [
    'streams and two more results',
    { through: gzipAndBack, results: { original: {}, again: { through: gzipAndBack } } },
  ],
] as const) {
  storageContract(`transform() with ${name}`, {
    // test/pipelines/memory.test.ts has a larger one.
    largest: 8 * 1024 * 1024,
    async make() {
      const directory = await newFolder()
      const whole = transform(spec, disk({ directory }))
      const storage: Storage = {
        async store(stream, info, signal) {
          const stored = await whole.store(stream, info, signal)
          if (!stored) return undefined
          // A request removes each by itself.
          const all = [stored, ...Object.values(stored.results)]
          const remove = stored.remove.bind(stored)
          const removeAll = async (): Promise<void> => {
            await remove()
            await Promise.all(all.slice(1).map(async (each) => each.remove()))
          }
          return Object.assign(stored, { remove: removeAll })
        },
      }
      return { storage, directory, close: () => rm(directory, { recursive: true, force: true }) }
    },
  })
}

/** A PNG with one bit for each pixel. */
function blackSquare(side: number): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  const rows = deflateSync(Buffer.alloc(side * (1 + side / 8)))
  const chunks = [
    ['IHDR', header],
    ['IDAT', rows],
    ['IEND', Buffer.alloc(0)],
  ] as const
  const bytes = chunks.map(([name, data]) => {
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(name), data, Buffer.alloc(4)])
    chunk.writeUInt32BE(data.length, 0)
    chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4)
    return chunk
  })
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...bytes])
}

const formOf = (...files: [name: string, type: string, bytes: Buffer][]): FormData => {
  const form = new FormData()
  for (const [name, type, bytes] of files) form.append('f', new Blob([bytes], { type }), name)
  return form
}

describe.each(frameworks)('$name', ({ start: startOne }) => {
  const start = startForEach(startOne)
  let directory = ''
  beforeEach(async () => {
    directory = await newFolder()
  })
  const left = (): string[] => (existsSync(directory) ? readdirSync(directory) : [])

  async function post(
    storage: Storage,
    body: FormData,
    handler: (handling: Handling) => unknown = ({ files }) => files,
    more: object = {},
  ): Promise<{ status: number; body: any }> {
    const { port } = await start({
      mount: { storage, ...more },
      routes: [{ path: '/', handler }],
      errorHandler: true,
    })
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })
    return { status: answer.status, body: await answer.json() }
  }

  test('a picture arrives resized, with a thumbnail, and with the name, type and size of the results', async () => {
    const handler = async ({ files }: Handling): Promise<unknown> => {
      const file = files['f']![0]!
      const { thumbnail, original } = file.results
      const each = async (one: UploadedFile): Promise<unknown> => {
        const bytes = Buffer.from(await one.arrayBuffer())
        const { format, width } = await sharp(bytes).metadata()
        return { ...one.toJSON(), format, width, isWhole: bytes.length === one.size }
      }
      return {
        file: await each(file),
        thumbnail: await each(thumbnail!),
        original: await each(original!),
        stored: left().length,
      }
    }
    const storage = pictures(disk({ directory }), { original: {} })
    const { status, body } = await post(storage, formOf(['sea.jpg', 'image/jpeg', photo]), handler)
    expect([status, body]).toEqual([
      200,
      {
        file: {
          field: 'f',
          name: 'sea.webp',
          originalName: 'sea.jpg',
          type: 'image/webp',
          size: expect.any(Number),
          format: 'webp',
          width: 320,
          isWhole: true,
        },
        thumbnail: {
          field: 'f',
          name: 'thumbnail.png',
          originalName: 'sea.jpg',
          type: 'image/png',
          size: expect.any(Number),
          format: 'png',
          width: 32,
          isWhole: true,
        },
        original: {
          field: 'f',
          name: 'sea.jpg',
          type: 'image/jpeg',
          size: photo.length,
          format: 'jpeg',
          width: 1200,
          isWhole: true,
        },
        stored: 3,
      },
    ])
    await expect.poll(left).toEqual([])
  })

  test('each result is kept, moved and removed by itself', async () => {
    const target = join(root, `thumbnail-of-${Math.random()}.png`)
    const handler = async ({ files }: Handling): Promise<unknown> => {
      const file = files['f']![0]!
      await file.results['thumbnail']!.moveTo(target)
      const moved = await file.moveTo(join(directory, 'moved.webp'))
      return Object.keys(moved.results)
    }
    const storage = pictures(disk({ directory }), { original: {} })
    const { body } = await post(storage, formOf(['sea.jpg', 'image/jpeg', photo]), handler)
    expect(body).toEqual(['thumbnail', 'original'])
    await expect.poll(left).toEqual(['moved.webp'])
    expect((await sharp(target).metadata()).width).toBe(32)
  })

  test('a schema sees the result, and refuses by it', async () => {
    const File = z.file().check(accept('image/jpeg', 'image/webp'), sniff())
    const routes = [
      {
        path: '/',
        typed: ({ form }: any) => form(z.object({ f: File })),
        handler: ({ data }: Handling) => data,
      },
      { path: '/jpeg', typed: ({ form }: any) => form(z.object({ f: z.file().mime('image/jpeg') })) },
    ]
    const { port } = await start({ mount: { lazy: true, storage: pictures(disk({ directory })) }, routes })
    const send = async (path: string): Promise<unknown> => {
      const body = formOf(['sea.jpg', 'image/jpeg', photo])
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })
      return [answer.status, await answer.json()]
    }
    expect(await send('/')).toEqual([
      200,
      { f: expect.objectContaining({ type: 'image/webp', detectedType: 'image/webp' }) },
    ])
    expect(await send('/jpeg')).toEqual([422, expect.objectContaining({ code: 'VALIDATION_FAILED' })])
    await expect.poll(left).toEqual([])
  })

  test.each([
    ['is none', () => Buffer.from('not a picture')],
    ['ends early', () => photo.subarray(0, photo.length / 2)],
  ])('a picture that %s is a 422, and leaves nothing', async (_, bytes) => {
    const { status, body } = await post(
      pictures(disk({ directory }), { original: {} }),
      formOf(['sea.jpg', 'image/jpeg', bytes()]),
    )
    expect([status, body]).toEqual([
      422,
      expect.objectContaining({
        code: 'FILE_REFUSED',
        field: 'f',
        detail: 'The file "sea.jpg" could not be processed.',
      }),
    ])
    await expect.poll(left).toEqual([])
  })

  test('a decompression bomb is refused before it is decompressed', async () => {
    const bomb = blackSquare(20_000)
    expect(bomb.length).toBeLessThan(100_000)
    const before = process.cpuUsage()
    const { status, body } = await post(pictures(disk({ directory })), formOf(['sea.png', 'image/png', bomb]))
    expect([status, body.code]).toEqual([422, 'FILE_REFUSED'])
    // To decompress it would take more.
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000)
    await expect.poll(left).toEqual([])
  })

  const broken = (error: Error): Through =>
    new Through({ transform: (_chunk, _encoding, next) => next(error) })

  test('a stream that fails is a 500 unless the transform says otherwise', async () => {
    const storage = transform(
      { through: () => broken(new Error('no key')), results: { original: {} } },
      disk({ directory }),
    )
    const { status, body } = await post(storage, formOf(['a.txt', 'text/plain', Buffer.alloc(300_000)]))
    expect([status, body.code]).toEqual([500, 'STORAGE_FAILED'])
    await expect.poll(left).toEqual([])
  })

  test('a BodyError of a stream is the answer', async () => {
    const error = new BodyError('FILE_REFUSED', { detail: 'No cats.', status: 403 })
    const { status, body } = await post(
      transform({ through: () => broken(error) }, disk({ directory })),
      formOf(['a.txt', 'text/plain', Buffer.alloc(10)]),
    )
    expect([status, body.detail]).toEqual([403, 'No cats.'])
    await expect.poll(left).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no key')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no key'))],
    ['closes its stream early', () => new PassThrough().destroy()],
  ])(
    'a transform that %s is a 500, and leaves nothing, also with status 422',
    async (_, through: () => any) => {
      const spec = {
        status: 422,
        through: () => new PassThrough(),
        results: { broken: { through }, original: {} },
      } as const
      const { status, body } = await post(
        transform(spec, disk({ directory })),
        formOf(['a.txt', 'text/plain', Buffer.alloc(300_000)]),
      )
      expect([status, body.code]).toEqual([500, 'STORAGE_FAILED'])
      await expect.poll(left).toEqual([])
    },
  )

  test('a full disk is a 507 also for a transform with status 422, and the other results are removed', async () => {
    const full: Storage = {
      async store(stream) {
        for await (const _ of stream) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
        return undefined
      },
    }
    const spec = {
      status: 422,
      through: () => new PassThrough(),
      results: { copy: { storage: full, status: 422 } },
    } as const
    const { status, body } = await post(
      transform(spec, disk({ directory })),
      formOf(['a.txt', 'text/plain', Buffer.alloc(300_000)]),
    )
    expect([status, body.code]).toEqual([507, 'STORAGE_FULL'])
    await expect.poll(left).toEqual([])
  })

  test('a file that is too large is a 413, and leaves nothing', async () => {
    const storage = pictures(disk({ directory }), { original: {} })
    const { status, body } = await post(storage, formOf(['sea.jpg', 'image/jpeg', photo]), undefined, {
      limits: { fileSize: 100_000 },
    })
    expect([status, body.code]).toEqual([413, 'LIMIT_FILE_SIZE'])
    await expect.poll(left).toEqual([])
  })

  test('a later part that fails the form removes the results of the files before it', async () => {
    const storage = pictures(disk({ directory }), { original: {} })
    const form = formOf(['sea.jpg', 'image/jpeg', photo], ['sea.txt', 'image/jpeg', Buffer.from('x')])
    expect((await post(storage, form)).status).toBe(422)
    await expect.poll(left).toEqual([])
  })

  test('50 clients that go away leave no file and no descriptor', async () => {
    const storage = pictures(disk({ directory }), {
      original: {},
      gz: { through: () => createGzip() },
    })
    const { port } = await start({ mount: { storage }, routes: [{ path: '/' }] })
    const sizes = Array.from({ length: 50 }, (_, index) => Math.floor(((index % 10) / 10) * photo.length))
    await Promise.all(sizes.map((size) => abortAfter(port, '/', photo.subarray(0, size), 'sea.jpg')))
    await expect.poll(left).toEqual([])
    await expect.poll(() => openFilesIn(directory)).toEqual([])
  })

  test('a hundred photos of one form arrive converted', async () => {
    const small = await sharp(photo).resize(400).jpeg().toBuffer()
    const form = formOf(
      ...Array.from(
        { length: 100 },
        (_, at) => [`${at}.jpg`, 'image/jpeg', small] as [string, string, Buffer],
      ),
    )
    const handler = async ({ files }: Handling): Promise<unknown> =>
      Promise.all(
        files['f']!.map(
          async (file) => (await sharp(Buffer.from(await file.arrayBuffer())).metadata()).width,
        ),
      )
    const { body } = await post(pictures(disk({ directory })), form, handler)
    expect(body).toEqual(Array.from({ length: 100 }, () => 320))
    await expect.poll(left).toEqual([])
  })
})

const signal = new AbortController().signal

test('an encrypted file can be read with its key alone', async () => {
  const [key, iv] = [Buffer.alloc(32, 'key'), Buffer.alloc(16, 'iv')]
  const storage = transform(
    { through: () => [createGzip(), createCipheriv('aes-256-ctr', key, iv)] },
    memory(),
  )
  const stored = await storage.store(Readable.from([Buffer.from('secret')]), info, signal)
  const encrypted = await buffer(stored!.createReadStream())
  const decipher = createDecipheriv('aes-256-ctr', key, iv)
  expect(gunzipSync(Buffer.concat([decipher.update(encrypted), decipher.final()])).toString()).toBe('secret')
})

test('a transform inside another one gives the file its last name and type, and all results', async () => {
  const inner = transform({ name: ({ name }) => `${name}.inner`, results: { copy: {} } }, memory())
  const outer = transform({ name: ({ name }) => `${name}.outer`, type: 'a/b', results: { other: {} } }, inner)
  const stored = await outer.store(Readable.from([Buffer.from('x')]), info, signal)
  expect(stored!.info).toEqual({ name: 'photo.png.outer.inner', type: 'a/b' })
  expect(Object.keys(stored!.results)).toEqual(['copy', 'other'])
})

test('a result may go to a storage of its own, and a name is made safe', async () => {
  const directory = await newFolder()
  const spec = { name: () => '../../x', results: { local: { storage: disk({ directory }) } } }
  const stored = await transform(spec, memory()).store(source(10), info, signal)
  expect(stored!.info.name).toBe('x')
  expect(stored!.results.local.path).toContain(directory)
})

test('a storage that leaves bytes unread does not hold back the other results', async () => {
  const lazy: Storage = {
    store: async () => ({ size: 0, createReadStream: () => Readable.from([]), remove: () => undefined }),
  }
  const stored = await transform({ storage: lazy, results: { copy: {} } }, memory()).store(
    source(1_000_000),
    info,
    signal,
  )
  expect(stored!.results.copy.size).toBe(1_000_000)
})

test('a client that sends what is no gzip gets the error of the transform that unpacks it', async () => {
  const storage = transform({ through: () => createGunzip(), status: 422 }, memory())
  await expect(storage.store(source(100), info, signal)).rejects.toMatchObject({
    code: 'FILE_REFUSED',
    status: 422,
  })
  const good = await storage.store(Readable.from([gzipSync('hello')]), info, signal)
  expect(good!.size).toBe(5)
})

test.each([
  [{ through: 'gzip' }, 'through must be a function.'],
  [{ name: 'a' }, 'name must be a function.'],
  [{ status: 400 }, 'status must be 422 or 500, not 400.'],
  [{ results: { copy: { storage: {} } } }, 'storage must be a storage.'],
])('transform(%j) throws at definition', (spec, message) => {
  expect(() => transform(spec as never, memory())).toThrow(new TypeError(message))
})
