/** Storages that do not read their file to its end. */
import { Readable, PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import {
  FileUploadParser,
  hash,
  MultiPartParser,
  type RouteOptions,
  type Storage,
  type StoredFile,
} from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Connection, expectInStepOrClosed, field, file, form, head, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

const stored = (size: number): StoredFile => ({
  size,
  createReadStream: () => Readable.from([]),
  remove: async () => undefined,
})

/** Takes the first chunk, and leaves the stream as it is then. */
const firstChunk = (stream: Readable): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    stream.once('data', (chunk: Buffer) => {
      stream.pause()
      resolve(chunk)
    })
    stream.once('error', reject)
  })

/** What a storage does, and the outcome of the request. */
const storages: readonly (readonly [
  what: string,
  outcome: 'stored' | 'failed' | 'failed if more was to come',
  store: Storage['store'],
])[] = [
  ['never reads and is done', 'stored', async () => stored(0)],
  ['never reads and is done later', 'stored', async () => delay(20).then(() => stored(0))],
  ['stops after one chunk', 'stored', async (stream) => stored((await firstChunk(stream)).length)],
  [
    'hands the stream to a pipe and is done',
    'stored',
    async (stream) => {
      stream.pipe(new PassThrough()).resume()
      return stored(0)
    },
  ],
  [
    'leaves its loop',
    'failed',
    async (stream) => {
      for await (const chunk of stream as AsyncIterable<Buffer>) return stored(chunk.length)
      return stored(0)
    },
  ],
  [
    'throws in its loop',
    'failed',
    async (stream) => {
      for await (const _ of stream) throw new Error('no room')
      return stored(0)
    },
  ],
  [
    'destroys the stream at once and is done',
    'failed',
    async (stream) => {
      stream.destroy()
      return stored(0)
    },
  ],
  [
    'destroys the stream after a chunk and is done',
    'failed if more was to come',
    async (stream) => {
      await new Promise<void>((resolve) =>
        stream.once('data', () => {
          stream.destroy()
          resolve()
        }),
      )
      return stored(0)
    },
  ],
  [
    'destroys the stream with an error and is done',
    'failed',
    async (stream) => {
      stream.destroy(new Error('enough'))
      return stored(0)
    },
  ],
  [
    'destroys the stream and never settles',
    'failed',
    (stream) => {
      stream.destroy()
      return new Promise(() => undefined)
    },
  ],
  [
    'destroys the stream and declines',
    'failed',
    async (stream) => {
      stream.destroy()
      return undefined
    },
  ],
  [
    'reads a chunk and declines',
    'failed',
    async (stream) => {
      await firstChunk(stream)
      return undefined
    },
  ],
  [
    'throws at once',
    'failed',
    () => {
      throw new Error('no')
    },
  ],
  [
    'pauses for ever',
    'failed',
    async (stream) => {
      await firstChunk(stream)
      return new Promise(() => undefined)
    },
  ],
  [
    'is done, but keeps the stream paused with a listener',
    'failed',
    async (stream) => {
      stream.on('readable', () => undefined)
      return stored(0)
    },
  ],
]

const other = [field('a'), 'text'] as const
const small = 'x'.repeat(5)
const large = 'x'.repeat(2_000_000)
const bodies: readonly (readonly [where: string, type: string, body: string])[] = [
  ['a small file alone', multipartX, form('X', [file('f', 'f'), small])],
  ['a small file that comes first', multipartX, form('X', [file('f', 'f'), small], other)],
  ['a large file that comes first', multipartX, form('X', [file('f', 'f'), large], other)],
  [
    'a large file in the middle',
    multipartX,
    form('X', other, [file('f', 'f'), large], [file('g', 'g'), small]),
  ],
  ['a large file that comes last', multipartX, form('X', other, [file('f', 'f'), large])],
  ['a small raw file', 'image/png', small],
  ['a large raw file', 'image/png', large],
]

describe.each(frameworks)('$name', ({ start }) => {
  let app: App

  beforeAll(async () => {
    const route = (path: string, options: RouteOptions) => ({
      path,
      parsers: [MultiPartParser, FileUploadParser],
      options,
      handler: () => 'handled',
    })
    app = await start({
      errorHandler: true,
      routes: storages.flatMap(([, outcome, store], at) => {
        const limits = outcome === 'stored' ? {} : { storageTimeout: 200 }
        return [
          route(`/${at}`, { limits, storage: { store } }),
          route(`/inspected/${at}`, { limits, storage: { store }, inspect: hash('md5') }),
        ]
      }),
    })
  })
  afterAll(() => app.close())

  test.each(storages.map(([what, outcome], at) => [what, outcome, at] as const))(
    'a storage that %s: the file is %s',
    async (_what, outcome, at) => {
      // Destroyed at the chunk that is the whole file, the stream may or may not have ended.
      const sent = bodies.filter(
        ([, , body]) => outcome !== 'failed if more was to come' || body.length >= large.length,
      )
      await Promise.all(
        ['', '/inspected'].flatMap((prefix) =>
          sent.map(async ([where, type, body]) => {
            const connection = await Connection.open(app.port)
            const headers = { 'Content-Disposition': 'attachment; filename=a' }
            connection.write(head({ path: `${prefix}/${at}`, type, headers, body })).write(body)
            const answer = await connection.answer()
            const expected =
              outcome === 'stored' ? 'handled' : { handler: 'own', code: 'STORAGE_FAILED', status: 500 }
            expect([where, prefix, answer.json]).toEqual([where, prefix, expected])
            await expectInStepOrClosed(connection)
            connection.destroy()
          }),
        ),
      )
    },
  )
})
