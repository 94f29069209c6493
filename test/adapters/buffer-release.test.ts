/** Releases the memory of the chunks of a large file, but only if no other code can have them. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import {
  disk,
  FileUploadParser,
  hash,
  MultiPartParser,
  spool,
  type Inspector,
  type MountOptions,
  type Storage,
  type UploadedFile,
} from '@formgate/core'
import { multipart } from '@formgate/fastify'
import { fastify } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { Connection, exchange, field, file, form, head, multipartX, type Sent } from './client.js'
import { frameworks, type Description, type Handling } from './frameworks.js'
import { looking } from './looking.js'

const KiB = 1024
const video = Buffer.from(randomBytes(1.5 * KiB * KiB).toString('hex'))
const body = Buffer.from(form('X', [field('a'), '1'], [file('f', 'f'), String(video)], [field('b'), '2']))
const sent: Sent = { type: multipartX, body }
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const digestOfFile = async (stored: UploadedFile): Promise<string> =>
  digestOf(await buffer(stored.createReadStream()))

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'buffer-release-'))
})
afterAll(() => rm(directory, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

const realPush = Reflect.get(Readable.prototype, 'push') as (
  this: Readable,
  chunk: unknown,
  encoding?: BufferEncoding,
) => boolean

/** Keeps each chunk of a request, in a way that Formgate cannot detect. */
function spyOn(request: IncomingMessage, kept: Buffer[]): void {
  vi.spyOn(Readable.prototype, 'push').mockImplementation(function push(this: Readable, chunk, encoding) {
    if (this === request && chunk !== null) kept.push(chunk)
    return realPush.call(this, chunk, encoding)
  })
}

/** Replaces `emit` of a request to keep its chunks. */
function replaceEmit(request: IncomingMessage, kept: Buffer[]): void {
  const emit = request.emit.bind(request)
  request.emit = (event: string, ...args: unknown[]): boolean => {
    if (event === 'data') kept.push(args[0] as Buffer)
    return emit(event, ...args)
  }
}

/** A disk storage that passes each stream to `keep` first. */
function keeping(keep: (stream: Readable, kept: Buffer[]) => Readable | undefined, kept: Buffer[]): Storage {
  const storage = disk({ directory })
  return {
    store(stream, info, signal) {
      const stored = keep(stream, kept)
      return storage.store(stored ?? stream, info, signal)
    },
  }
}

/** Keeps the bytes of every file. */
const keepingInspector =
  (kept: Buffer[]): Inspector =>
  () => ({ chunk: (bytes) => void kept.push(bytes) })

/** Keeps the bytes of every file, and hashes them. */
const wrappingInspector =
  (kept: Buffer[]): Inspector =>
  (...args) => {
    const hashing = hash()(...args)!
    const chunk = (bytes: Buffer): void => {
      kept.push(bytes)
      void hashing.chunk(bytes)
    }
    return { ...hashing, chunk }
  }

function expectStartOnly(kept: readonly Buffer[], whole: Buffer): void {
  const firstEmpty = kept.findIndex(({ length }) => length === 0)
  const start = Buffer.concat(kept.slice(0, firstEmpty))
  expect(start.equals(whole.subarray(0, start.length))).toBe(true)
  expect(start.length).toBeGreaterThanOrEqual(64 * KiB)
  // The first 128 KiB are never released, nor is the last chunk, which holds more than the file.
  expect(kept.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(320 * KiB)
}

describe.each(frameworks)('$name', ({ start }) => {
  /** Sends one file to an app that answers with its digest. */
  async function digestAfter(description: Omit<Description, 'routes'>, request = sent): Promise<string> {
    const handler = ({ files }: Handling): Promise<string> => digestOfFile(Object.values(files).flat()[0]!)
    const app = await start({ ...description, routes: [{ path: '/', handler }] })
    try {
      const answer = await exchange(app.port, request)
      return answer.json
    } finally {
      await app.close()
    }
  }

  test.each<[string, () => MountOptions, Sent]>([
    ['a form that goes to disk()', () => ({ storage: disk({ directory }) }), sent],
    ['a form that goes to spool()', () => ({ storage: spool({ directory }) }), sent],
    ['a form with a hash', () => ({ storage: disk({ directory }), inspect: hash() }), sent],
    ['a bare file', () => ({ parsers: [FileUploadParser] }), { type: 'video/mp4', body: video }],
    ['a form in chunks', () => ({ storage: disk({ directory }) }), { ...sent, framing: 'chunked' }],
  ])('the chunks of %s are released after the first 128 KiB', async (_, mount, request) => {
    const kept: Buffer[] = []
    const headers = { 'Content-Disposition': 'attachment; filename=f' }
    const digest = await digestAfter(
      { mount: mount(), above: looking((incoming) => spyOn(incoming, kept)) },
      { ...request, headers },
    )
    expect(digest).toBe(digestOf(video))
    expectStartOnly(kept, request.body as Buffer)
  })

  test('another listener on the request keeps its chunks', async () => {
    const kept: Buffer[] = []
    const digest = await digestAfter({
      mount: { storage: disk({ directory }) },
      above: looking((request) => request.on('data', (chunk: Buffer) => kept.push(chunk)).pause()),
    })
    expect(digest).toBe(digestOf(video))
    expect(Buffer.concat(kept).equals(body)).toBe(true)
  })

  test('code that replaces a method of the request keeps its chunks', async () => {
    const kept: Buffer[] = []
    const digest = await digestAfter({
      mount: { storage: disk({ directory }) },
      above: looking((request) => replaceEmit(request, kept)),
    })
    expect(digest).toBe(digestOf(video))
    expect(Buffer.concat(kept).equals(body)).toBe(true)
  })

  test('a listener that is added during the upload keeps its chunks', async () => {
    const kept: Buffer[] = []
    let request: IncomingMessage | undefined
    const onProgress: MountOptions['onProgress'] = ({ received }) => {
      if (received < KiB * KiB || request!.listenerCount('data') > 1) return
      request!.on('data', (chunk: Buffer) => kept.push(chunk))
    }
    const digest = await digestAfter({
      mount: { storage: disk({ directory }), onProgress },
      above: looking((incoming) => (request = incoming)),
    })
    expect(digest).toBe(digestOf(video))
    const rest = Buffer.concat(kept)
    expect(rest.length).toBeGreaterThan(KiB * KiB)
    expect(rest.equals(body.subarray(-rest.length))).toBe(true)
  })

  test.each<[string, (stream: Readable, kept: Buffer[]) => Readable | undefined]>([
    [
      'listens before disk() does',
      (stream, kept) => {
        stream.on('data', (chunk: Buffer) => kept.push(chunk))
        return undefined
      },
    ],
    [
      'listens after disk() does',
      (stream, kept) => {
        process.nextTick(() => stream.on('data', (chunk: Buffer) => kept.push(chunk)))
        return undefined
      },
    ],
    [
      'pipes the file to two places',
      (stream, kept) => {
        stream.pipe(new PassThrough()).on('data', (chunk: Buffer) => kept.push(chunk))
        return stream.pipe(new PassThrough())
      },
    ],
    [
      'copies the file to another stream',
      (stream, kept) => {
        const copy = new PassThrough()
        stream.on('data', (chunk: Buffer) => {
          kept.push(chunk)
          copy.write(chunk)
        })
        return stream.on('end', () => copy.end()) && copy
      },
    ],
  ])('a storage that %s keeps its chunks', async (_, keep) => {
    const kept: Buffer[] = []
    expect(await digestAfter({ mount: { storage: keeping(keep, kept) } })).toBe(digestOf(video))
    expect(digestOf(Buffer.concat(kept))).toBe(digestOf(video))
  })

  test('a storage that reads the first chunk and puts it back may keep it', async () => {
    const kept: Buffer[] = []
    const storage: Storage = {
      async store(stream, info, signal) {
        const first = await new Promise<Buffer>((resolve) => stream.once('data', resolve))
        stream.pause()
        stream.unshift(first)
        kept.push(first)
        return disk({ directory }).store(stream, info, signal)
      },
    }
    expect(await digestAfter({ mount: { storage } })).toBe(digestOf(video))
    expect(kept[0]!.equals(video.subarray(0, kept[0]!.length))).toBe(true)
  })

  test('an inspection keeps its chunks, even beside hash()', async () => {
    const kept: Buffer[] = []
    const inspect = [hash(), keepingInspector(kept)]
    expect(await digestAfter({ mount: { storage: disk({ directory }), inspect } })).toBe(digestOf(video))
    expect(digestOf(Buffer.concat(kept))).toBe(digestOf(video))
  })

  test('an inspection that wraps hash() keeps its chunks', async () => {
    const kept: Buffer[] = []
    const inspect = wrappingInspector(kept)
    expect(await digestAfter({ mount: { storage: disk({ directory }), inspect } })).toBe(digestOf(video))
    expect(digestOf(Buffer.concat(kept))).toBe(digestOf(video))
  })

  test.each([1000, 16 * KiB, 65_537, 300_000])(
    'two large files are stored unchanged from a body in writes of %i bytes',
    async (size) => {
      const contents = [video.subarray(0, 1_234_567), video.subarray(1_234_567)]
      const files = contents.map((content) => [file('f', 'f'), String(content)] as const)
      const two = Buffer.from(form('X', [field('a'), '1'], ...files, [field('b'), '2']))
      const handler = async (handling: Handling): Promise<unknown> =>
        Promise.all(handling.files['f']!.map(digestOfFile))
      const app = await start({ mount: { storage: disk({ directory }) }, routes: [{ path: '/', handler }] })
      const connection = await Connection.open(app.port)
      connection.write(head({ type: multipartX, body: two }))
      for (let at = 0; at < two.length; at += size) {
        connection.write(two.subarray(at, at + size))
        await setImmediate()
      }
      expect((await connection.answer()).json).toEqual(contents.map(digestOf))
      connection.destroy()
      await app.close()
    },
  )
})

test('the payload of an injected request is not released', async () => {
  const app = fastify()
  await app.register(multipart, { storage: disk({ directory }), parsers: [MultiPartParser] })
  app.post('/', ({ files }) => digestOfFile(files['f']![0]!))
  const before = digestOf(body)
  const answer = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': multipartX },
    payload: body,
  })
  expect(answer.body).toBe(digestOf(video))
  expect(digestOf(body)).toBe(before)
  await app.close()
})
