/** Refusals while the client is still sending, or has not begun. */
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { JSONParser, MultiPartParser, PlainTextParser, type Inspector, type Storage } from '@formgate/core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  chunk,
  Connection,
  expectInStep,
  field,
  file,
  form,
  head,
  lastChunk,
  multipartX,
  type Answer,
} from './client.js'
import { frameworks, type App, type Description, type Handling } from './frameworks.js'
import { looking } from './looking.js'

const MiB = 1024 * 1024
const json = 'application/json'
const expecting = { Expect: '100-continue' }

const failing: Storage = {
  async store() {
    throw new Error('no')
  },
}

/** Fails a moment after it has seen the first bytes of a file. */
const crash: Inspector = () => ({
  async chunk() {
    await setTimeout(20)
    throw new Error('no')
  },
})

async function readParts({ parts }: Handling): Promise<string> {
  for await (const part of parts()) if (part.kind === 'file') await buffer(part.stream)
  return 'all read'
}

async function failInParts({ parts }: Handling): Promise<void> {
  for await (const { name } of parts()) {
    await setTimeout(20)
    throw new Error(`no ${name}`)
  }
}

/** An app that refuses an upload in the middle of a form. */
interface Refusal {
  readonly of: string
  readonly description: Description
  readonly status: number
}

const routes = [{ path: '/' }]
const limits = { fileSize: 1000 }
const refusals: readonly Refusal[] = [
  { of: 'a 413', description: { mount: { limits }, routes }, status: 413 },
  {
    of: 'a 413 that the error handler of the app answers',
    description: { mount: { limits, errors: 'next' }, routes, errorHandler: true },
    status: 413,
  },
  {
    of: 'a 413 that the framework answers',
    description: { mount: { limits, errors: 'next' }, routes },
    status: 413,
  },
  {
    of: 'a 500 that the error handler of the app answers',
    description: { mount: { storage: failing }, routes, errorHandler: true },
    status: 500,
  },
  {
    of: 'a 500 that the framework answers',
    description: { mount: { storage: failing }, routes },
    status: 500,
  },
]

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  const connections: Connection[] = []
  afterEach(async () => {
    connections.splice(0).forEach((connection) => connection.destroy())
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })

  async function open(description: Description): Promise<Connection> {
    const app = await start(description)
    apps.push(app)
    const connection = await Connection.open(app.port)
    connections.push(connection)
    return connection
  }

  test.each<[string, Description]>([
    ['a storage that fails', { mount: { storage: failing }, routes }],
    ['an inspection that fails', { mount: { inspect: crash }, routes }],
    [
      'an inspection that fails in a loop over the parts',
      { mount: { lazy: true, inspect: crash }, routes: [{ path: '/', handler: readParts }] },
    ],
    [
      'a loop over the parts that fails',
      { mount: { lazy: true }, routes: [{ path: '/', handler: failInParts }] },
    ],
  ])('%s is answered while the client waits after the first bytes of a file', async (_, description) => {
    const connection = await open(description)
    const body = form('X', [file('f', 'f'), 'x'.repeat(100_000)])
    connection.write(head({ type: multipartX, body })).write(body.slice(0, 200))
    expect((await connection.answer()).status).toBe(500)
  })

  describe.each(refusals)('$of', ({ description, status }) => {
    test('reaches a client that goes on sending, of which at most 1 MiB more is read', async () => {
      let socket: Socket | undefined
      const connection = await open({
        ...description,
        above: looking((request) => (socket = request.socket)),
      })
      connection.write(head({ type: multipartX, framing: 'chunked' }))
      connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\n`))
      const piece = chunk('x'.repeat(64 * 1024))
      const sending = setInterval(() => connection.write(piece), 1)
      try {
        expect((await connection.answer()).status).toBe(status)
        await connection.closed()
      } finally {
        clearInterval(sending)
      }
      // The rest is what was in buffers when the error occurred and when 1 MiB was read.
      expect(socket!.bytesRead).toBeLessThan(MiB + 512 * 1024)
      expect(socket!.bytesRead).toBeGreaterThan(MiB)
    })

    test('keeps the connection of a client whose body ends soon', async () => {
      const connection = await open(description)
      const body = form('X', [file('f', 'f'), 'x'.repeat(100_000)])
      connection.write(head({ type: multipartX, body })).write(body.slice(0, 50_000))
      const answer = await connection.answer()
      expect(answer.status).toBe(status)
      connection.write(body.slice(50_000))
      await expectInStep(connection, answer)
    })

    test('reaches a client that has sent everything and half-closed the connection', async () => {
      const connection = await open(description)
      const body = form('X', [file('f', 'f'), 'x'.repeat(300_000)])
      connection
        .write(head({ type: multipartX, body }))
        .write(body)
        .end()
      expect((await connection.answer()).status).toBe(status)
    })
  })

  test('a slow error handler of the app answers a client that has sent its 1 MiB before', async () => {
    let socket: Socket | undefined
    const connection = await open({
      mount: { limits, errors: 'next' },
      routes,
      errorHandler: true,
      above: looking((request) => (socket = request.socket)),
      onError: () => vi.waitFor(() => expect(socket!.bytesRead).toBeGreaterThan(MiB), 60_000),
    })
    connection.write(head({ type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${file('f', 'f')}\r\n\r\n`))
    const piece = chunk('x'.repeat(64 * 1024))
    const sending = setInterval(() => connection.write(piece), 1)
    try {
      expect((await connection.answer()).status).toBe(413)
      await connection.closed()
    } finally {
      clearInterval(sending)
    }
  })

  describe('a client that asks with Expect: 100-continue', () => {
    /** A connection to an app that has had a request. On the first, Node itself sends 100 Continue. */
    async function openAgain(description: Description): Promise<Connection> {
      const connection = await open(description)
      connection.write(head({ framing: 'none' }))
      await connection.answer()
      connection.destroy()
      const next = await Connection.open(apps.at(-1)!.port)
      connections.push(next)
      return next
    }

    const parsers = [JSONParser, MultiPartParser]
    const large = { ...expecting, 'Content-Length': '50000000' }

    test.each([
      ['a length over the limit', json, large, 'LIMIT_BODY_SIZE'],
      ['a media type that the route does not accept', 'text/csv', large, 'UNSUPPORTED_MEDIA_TYPE'],
      [
        'a multipart form over the limit',
        multipartX,
        { ...large, 'Content-Length': '200000000' },
        'LIMIT_BODY_SIZE',
      ],
      [
        'an unknown encoding',
        json,
        { ...expecting, 'Content-Length': '100', 'Content-Encoding': 'zstd' },
        'UNSUPPORTED_ENCODING',
      ],
    ])('is refused for %s without a 100 Continue', async (_, type, headers, code) => {
      const connection = await openAgain({ routes: [{ path: '/', parsers }] })
      connection.write(head({ type, headers, framing: 'none' }))
      const answer = await connection.answer()
      expect([answer.json.code, answer.headers['connection']]).toEqual([code, 'close'])
      expect(connection.interim).toEqual([])
    })

    test('is refused by the framework without a 100 Continue', async () => {
      const connection = await openAgain({
        mount: { errors: 'next', limits: { textSize: 100 } },
        routes,
        errorHandler: true,
      })
      connection.write(head({ type: json, headers: large, framing: 'none' }))
      const answer = await connection.answer()
      expect([answer.status, answer.headers['connection']]).toEqual([413, 'close'])
      expect(connection.interim).toEqual([])
    })

    test('is answered once and cut off if it sends its body after a refusal', async () => {
      const connection = await openAgain({ mount: { limits: { textSize: 100 } }, routes })
      connection.write(head({ type: json, headers: large, framing: 'none' }))
      connection.write('x'.repeat(3 * MiB))
      expect((await connection.answer()).json.code).toBe('LIMIT_BODY_SIZE')
      await connection.closed()
      expect(connection.interim).toEqual([])
    })

    test.each(['length', 'chunked'] as const)(
      'gets one 100 Continue, and its body is read: %s',
      async (framing) => {
        const connection = await openAgain({ mount: {}, routes })
        for (let round = 1; round <= 2; round += 1) {
          const body = form('X', [field('a'), '1'])
          connection.write(head({ type: multipartX, headers: expecting, body, framing }))
          await expect.poll(() => interimCount(connection)).toBe(round)
          connection.write(
            framing === 'chunked' ? Buffer.concat([chunk(body), Buffer.from(lastChunk)]) : body,
          )
          expect((await connection.answer()).json.data).toEqual({ a: '1' })
        }
        expect(connection.interim).toEqual([100, 100])
      },
    )

    test('gets a 100 Continue if the handler itself reads the body', async () => {
      const handler = async ({ request }: Handling): Promise<unknown> => (await buffer(request)).toString()
      const connection = await openAgain({ mount: { lazy: true }, routes: [{ path: '/', handler }] })
      connection.write(head({ type: 'text/plain', headers: expecting, body: 'hello' }))
      await expect.poll(() => interimCount(connection)).toBe(1)
      connection.write('hello')
      expect((await connection.answer()).json).toBe('hello')
    })

    test('gets no 100 Continue if the handler does not read the body', async () => {
      const handler = (): string => 'no need'
      const connection = await openAgain({ mount: { lazy: true }, routes: [{ path: '/', handler }] })
      connection.write(head({ type: 'text/plain', headers: expecting, body: 'hello' }))
      const answer: Answer = await connection.answer()
      expect([answer.json, answer.headers['connection']]).toEqual(['no need', 'close'])
      expect(connection.interim).toEqual([])
    })

    test('is answered as usual if it sends its body at once', async () => {
      const connection = await openAgain({ routes: [{ path: '/', parsers: [PlainTextParser] }] })
      connection.write(head({ type: 'text/plain', headers: expecting, body: 'hello' })).write('hello')
      const answer = await connection.answer()
      expect(answer.json.data).toBe('hello')
      await expectInStep(connection, answer)
    })
  })
})

function interimCount(connection: Connection): number {
  return connection.interim.length
}
