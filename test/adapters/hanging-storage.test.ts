import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import {
  FileUploadParser,
  MultiPartParser,
  type BodyError,
  type Inspector,
  type Storage,
} from '@formgate/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Connection, exchange, expectInStepOrClosed, file, form, head, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

/** Storages that never settle by themselves, and tell the signals that they were given. */
const hanging = (signals: AbortSignal[]): Record<string, Storage> => ({
  'that has read all of a file': {
    store(stream, _info, signal) {
      signals.push(signal)
      return new Promise(() => void stream.resume())
    },
  },
  'that reads nothing': {
    store(_stream, _info, signal) {
      signals.push(signal)
      return new Promise(() => undefined)
    },
  },
  'that fails when its signal aborts': {
    store(stream, _info, signal) {
      signals.push(signal)
      stream.resume()
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    },
  },
})

/** Takes far longer than its `storageTimeout`, and in each such time more than all buffers on the way hold. */
const slow: Storage = {
  async store(stream) {
    let size = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size < 9_000_000) await delay(20)
    }
    return { size, createReadStream: () => Readable.from([]), remove: async () => undefined }
  },
}

const stuck: Inspector = () => ({ chunk: () => new Promise(() => undefined) })

/** The frameworks run side by side, because these tests mostly wait, and the tests of each in sequence. */
const inSequence = { concurrent: false }

describe.concurrent.each(frameworks)('$name', ({ start }) => {
  const signals: AbortSignal[] = []
  /** The errors that reached the error handler of the app. */
  const errors: Error[] = []
  const storages = hanging(signals)
  let app: App

  beforeAll(async () => {
    const route = (path: string, storageTimeout: number, storage: Storage) => ({
      path,
      parsers: [MultiPartParser, FileUploadParser],
      options: { storage, limits: { storageTimeout } },
    })
    app = await start({
      errorHandler: true,
      onError: (error) => errors.push(error),
      routes: [
        ...Object.values(storages).map((storage, at) => route(`/${at}`, 100, storage)),
        ...Object.values(storages).map((storage, at) => route(`/long/${at}`, 60_000, storage)),
        {
          path: '/inspect',
          parsers: [MultiPartParser],
          options: { inspect: stuck, limits: { storageTimeout: 100 } },
        },
        {
          path: '/slow-storage',
          parsers: [MultiPartParser],
          options: { storage: slow, limits: { storageTimeout: 1000 } },
          handler: ({ files }) => files['f']!.map(({ size }) => size),
        },
        {
          path: '/slow-client',
          parsers: [MultiPartParser],
          options: { limits: { storageTimeout: 500 } },
          handler: () => 'stored',
        },
      ],
    })
  })
  afterAll(() => app.close())
  beforeEach(() => void signals.splice(0))

  describe.each(Object.keys(storages).map((what, at) => [what, at] as const))(
    'a storage %s',
    inSequence,
    (_what, at) => {
      const multipart = { type: multipartX, body: form('X', [file('f', 'f'), 'abc']) }
      const raw = {
        type: 'image/png',
        headers: { 'Content-Disposition': 'attachment; filename=a' },
        body: 'abc',
      }

      test('fails the request with STORAGE_FAILED', async () => {
        const answers = await Promise.all(
          [multipart, raw].map((sent) => exchange(app.port, { path: `/${at}`, ...sent })),
        )
        for (const { json } of answers)
          expect(json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
        expect(signals).toHaveLength(2)
        for (const signal of signals)
          expect(signal).toMatchObject({ aborted: true, reason: { code: 'STORAGE_FAILED' } })
      })

      test('fails a request whose body it holds back with STORAGE_FAILED', async () => {
        // More than all buffers on the way hold.
        const large = 'x'.repeat(9_000_000)
        const bodies = [
          { ...multipart, body: form('X', [file('f', 'f'), large]) },
          { ...raw, body: large },
        ]
        await Promise.all(
          bodies.map(async (sent) => {
            const connection = await Connection.open(app.port)
            connection.write(head({ path: `/${at}`, ...sent })).write(sent.body)
            const answer = await connection.answer()
            expect(answer.json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
            await expectInStepOrClosed(connection)
            connection.destroy()
          }),
        )
      })

      test('is told when the client has gone, even after the whole body has arrived', async () => {
        for (const sent of [multipart, raw]) {
          const connection = await Connection.open(app.port)
          connection.write(head({ path: `/long/${at}`, ...sent })).write(sent.body)
          const known = signals.length
          await expect.poll(() => signals.length).toBe(known + 1)
          await delay(20)
          expect(signals.at(-1)!.aborted).toBe(false)
          connection.destroy()
          await expect.poll(() => signals.at(-1)!.reason).toMatchObject({ code: 'CLIENT_ABORTED' })
        }
      })
    },
  )

  test(
    'a client that leaves after its last byte, but before all was read, causes no server error',
    inSequence,
    async () => {
      errors.splice(0)
      const connections: Connection[] = []
      // Around the sizes at which the last bytes wait in the buffers of Node.
      for (let size = 40_000; size <= 240_000; size += 5000) {
        const body = form('X', [file('f', 'f'), 'x'.repeat(size)])
        const connection = await Connection.open(app.port)
        connection.write(head({ path: '/long/1', type: multipartX, body })).write(body)
        connections.push(connection)
        await expect.poll(() => signals.length, { interval: 5 }).toBe(connections.length)
      }
      for (const connection of connections) connection.destroy()
      // Not of all: while Node does not read from a connection, it does not see its end.
      await expect.poll(() => signals.some(({ aborted }) => aborted)).toBe(true)
      await delay(200)
      const reasons = signals.filter(({ aborted }) => aborted).map(({ reason }) => (reason as BodyError).code)
      expect(new Set(reasons)).toEqual(new Set(['CLIENT_ABORTED']))
      expect(errors).toEqual([])
    },
  )

  test('an inspector that never settles fails the request with STORAGE_FAILED', inSequence, async () => {
    const body = form('X', [file('f', 'f'), 'abc'])
    const answer = await exchange(app.port, { path: '/inspect', type: multipartX, body })
    expect(answer.json).toEqual({ handler: 'own', code: 'STORAGE_FAILED', status: 500 })
  })

  test('a slow storage that keeps reading is not given up', inSequence, async () => {
    const body = form('X', [file('f', 'f'), 'x'.repeat(10_000_000)])
    const answer = await exchange(app.port, { path: '/slow-storage', type: multipartX, body })
    expect(answer.json).toEqual([10_000_000])
  })

  test('a slow client does not use up the time of the storage', inSequence, async () => {
    const body = form('X', [file('f', 'f'), 'x'.repeat(20)])
    const connection = await Connection.open(app.port)
    connection.write(head({ path: '/slow-client', type: multipartX, body }))
    for (let from = 0; from < body.length; from += 20) {
      connection.write(body.slice(from, from + 20))
      await delay(150)
    }
    expect((await connection.answer()).json).toBe('stored')
    connection.destroy()
  })
})
