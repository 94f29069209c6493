import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BodyError } from '../errors.js'
import { RequestFiles } from './request-files.js'
import { hash, type FileInspection, type Inspector } from './inspection.js'
import { memory, MemoryFile } from '../storages/memory.js'
import { spool } from '../storages/spool.js'
import type { FileInfo, Storage } from '../storages/storage.js'

const info: FileInfo = {
  field: 'photo',
  name: 'a.png',
  originalName: 'a.png',
  type: 'image/png',
  headers: {},
  request: { headers: {} },
}
const request = { headers: { 'x-user': 'ada' } }

const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)
beforeEach(() => process.on('unhandledRejection', note))
afterEach(async () => {
  await delay(5)
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

function inspecting(storage: Storage, ...inspectors: readonly Inspector[]): RequestFiles {
  return new RequestFiles([storage], { grace: 50, inspecting: { inspectors, request } })
}

function chunks(...texts: readonly string[]): Readable {
  return Readable.from(
    texts.map((text) => Buffer.from(text)),
    { objectMode: false },
  )
}

/** A storage in memory that records which files it holds. */
function shelf(): { storage: Storage; held: Set<string> } {
  const held = new Set<string>()
  return {
    held,
    storage: {
      async store(stream, { name }, signal) {
        const stored = await memory().store(stream, info, signal)
        held.add(name)
        return {
          size: stored!.size,
          createReadStream: (range) => stored!.createReadStream(range),
          remove: async () => void held.delete(name),
        }
      },
    },
  }
}

const outcome = (promise: Promise<unknown>): Promise<any> => promise.catch((error: unknown) => error)

test('an inspector gets the description of the file, the request, and then every chunk in order', async () => {
  const seen: unknown[] = []
  const inspector: Inspector = (file, signal, { headers }) => {
    seen.push(file.name, signal.aborted, headers['x-user'])
    return {
      chunk: (bytes) => void seen.push(bytes.toString()),
      end: () => void seen.push('end'),
    }
  }
  const file = await inspecting(memory(), inspector).store(chunks('one', 'two'), info)
  expect(seen).toEqual(['a.png', false, 'ada', 'one', 'two', 'end'])
  expect(await file.text()).toBe('onetwo')
})

test.each(['sha256', 'sha1', 'md5', 'blake2b512'])(
  'hash(%j) sets the hash of the file',
  async (algorithm) => {
    const text = 'x'.repeat(100_000)
    const file = await inspecting(memory(), hash(algorithm)).store(chunks(text, text), info)
    expect(file.hash).toBe(
      createHash(algorithm)
        .update(text + text)
        .digest('hex'),
    )
    expect(file.toJSON()).toMatchObject({ hash: file.hash })
  },
)

test('an empty file has the hash of zero bytes', async () => {
  const file = await inspecting(memory(), hash()).store(chunks(), info)
  expect(file.hash).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

test.each(['sha-257', '', null, 7])('hash(%j) throws at the call', (algorithm) => {
  expect(() => hash(algorithm as never)).toThrow(/^Unknown hash/)
})

test('the findings of several inspectors are combined', async () => {
  const detect: Inspector = () => ({
    chunk: () => undefined,
    end: async () => ({ detectedType: 'image/gif' }),
  })
  const file = await inspecting(memory(), hash('md5'), detect).store(chunks('GIF89a'), info)
  expect(file).toMatchObject({ hash: expect.stringMatching(/^\w{32}$/), detectedType: 'image/gif' })
})

/** Transfers the memory of the bytes, as `postMessage` to a worker does. */
const transfer = (bytes: Buffer): void =>
  void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })

/** A chunk that shares its memory with no other. */
const own = (size: number): Buffer => Buffer.alloc(size, 'x')

test.each<[string, () => unknown]>([
  ['resolves with an inspection', async () => ({ chunk: () => undefined })],
  ['resolves with nothing', async () => undefined],
  ['rejects', async () => Promise.reject(new Error('no database'))],
  ['rejects later', () => delay(2).then(() => Promise.reject(new Error('no database')))],
])('an asynchronous inspector that %s fails the request, not the process', async (_, inspect) => {
  const { storage, held } = shelf()
  const error = await outcome(inspecting(storage, inspect as never).store(chunks('one'), info))
  expect(error).toMatchObject({ code: 'INSPECTION_FAILED', status: 500 })
  expect(error.cause.message).toMatch(/^An inspector returned a promise/)
  expect(held.size).toBe(0)
})

test.each([null, 1, 'x', {}, { chunk: 1 }])(
  'an inspector that returns %j fails the request',
  async (inspection) => {
    const error = await outcome(inspecting(memory(), () => inspection as never).store(chunks('one'), info))
    expect(error).toMatchObject({ code: 'INSPECTION_FAILED' })
    expect(error.cause.message).toMatch(/^An inspector must return an object with a chunk\(\) method/)
  },
)

test.each<[string, FileInspection]>([
  ['chunk()', { chunk: () => delay(20).then(() => Promise.reject(new Error('late'))) }],
  ['end()', { chunk: () => undefined, end: () => delay(20).then(() => Promise.reject(new Error('late'))) }],
])('%s that rejects after the end of the request does not end the process', async (_, inspection) => {
  const requestFiles = inspecting(memory(), () => inspection)
  const storing = outcome(requestFiles.store(chunks('one', 'two'), info))
  await delay(5)
  await requestFiles.discard()
  expect(await storing).toMatchObject({ code: 'CLIENT_ABORTED' })
  await delay(30)
})

test('a storage that throws in its data listener fails the request, not the process', async () => {
  const storage: Storage = {
    store: (stream) =>
      new Promise((_, reject) => {
        stream.on('error', reject).on('data', () => {
          throw new Error('the storage')
        })
      }),
  }
  const error = await outcome(
    inspecting(storage, () => ({ chunk: () => delay(1) })).store(chunks('one'), info),
  )
  expect(error).toMatchObject({ code: 'STORAGE_FAILED', cause: { message: 'the storage' } })
})

test.each<[string, (bytes: Buffer) => void | Promise<void>]>([
  ['at once', transfer],
  ['before its promise is settled', (bytes) => delay(1).then(() => transfer(bytes))],
])('an inspector that transfers the memory of a chunk %s is a 500 that says so', async (_, chunk) => {
  const { storage, held } = shelf()
  const stream = Readable.from([own(100_000), own(100_000)], { objectMode: false })
  const error = await outcome(inspecting(storage, () => ({ chunk })).store(stream, info))
  expect(error).toMatchObject({ code: 'INSPECTION_FAILED', status: 500, field: 'photo' })
  expect(error.detail).toMatch(/transferred the memory of a chunk/)
  expect(held.size).toBe(0)
})

test('an inspector does not see a chunk that an earlier one has transferred', async () => {
  let seen = 0
  const error = await outcome(
    inspecting(
      memory(),
      () => ({ chunk: transfer }),
      () => ({ chunk: () => void (seen += 1) }),
    ).store(Readable.from([own(100_000)], { objectMode: false }), info),
  )
  expect([error.code, seen]).toEqual(['INSPECTION_FAILED', 0])
})

test.each<[string, Storage]>([
  ['memory()', memory()],
  ['spool()', spool({ threshold: 1000 })],
])('memory that an inspector transfers later is noticed by %s', async (_, storage) => {
  const inspector: Inspector = () => ({ chunk: (bytes) => void setImmediate(() => transfer(bytes)) })
  const chunks = Array.from({ length: 30 }, () => own(70_000))
  const slow = (async function* () {
    for (const chunk of chunks) {
      await delay(1)
      yield chunk
    }
  })()
  const error = await outcome(
    inspecting(storage, inspector).store(Readable.from(slow, { objectMode: false }), info),
  )
  expect(error.code).toMatch(/^(?:INSPECTION|STORAGE)_FAILED$/)
})

test('a file that every inspector skips goes to the storage as it is', async () => {
  let stored: Readable | undefined
  const storage: Storage = {
    store(stream, file, signal) {
      stored = stream
      return memory().store(stream, file, signal)
    },
  }
  const stream = chunks('abc')
  await inspecting(storage, () => undefined).store(stream, info)
  expect(stored).toBe(stream)
})

test('a chunk reaches the storage after its inspection, and the source waits meanwhile', async () => {
  let inspected = 0
  let read = 0
  const slow: Inspector = () => ({
    async chunk(bytes) {
      await delay(3)
      inspected += bytes.length
    },
  })
  let ahead = 0
  const storage: Storage = {
    async store(stream) {
      let size = 0
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        size += chunk.length
        expect(size).toBeLessThanOrEqual(inspected)
      }
      return new MemoryFile([Buffer.alloc(size)])
    },
  }
  const source = new Readable({
    read() {
      read += 65_536
      ahead = Math.max(ahead, read - inspected)
      this.push(read > 40 * 65_536 ? null : Buffer.alloc(65_536))
    },
  })
  const file = await inspecting(storage, slow, slow).store(source, info)
  expect(file.size).toBe(40 * 65_536)
  expect(ahead).toBeLessThanOrEqual(4 * 65_536)
})

test('an inspector sees a chunk when the one before it has accepted it', async () => {
  const seen: string[] = []
  const inspector =
    (name: string, time: number): Inspector =>
    () => ({
      chunk: (bytes) =>
        time === 0 ? void seen.push(name + bytes) : delay(time).then(() => void seen.push(name + bytes)),
    })
  await inspecting(memory(), inspector('a', 5), inspector('b', 0), inspector('c', 1)).store(
    chunks('1', '2'),
    info,
  )
  expect(seen).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2'])
})

const refusal = new BodyError('FILE_REFUSED', { detail: 'This file is a virus.', field: 'photo' })
const broken = new Error('connect ECONNREFUSED 10.0.0.1:3310')

const failing: Record<string, (error: Error) => Inspector> = {
  'before the first byte': (error) => () => {
    throw error
  },
  'at a chunk': (error) => () => ({
    chunk() {
      throw error
    },
  }),
  'a while after a chunk': (error) => () => ({
    async chunk() {
      await delay(5)
      throw error
    },
  }),
  'at the second chunk': (error) => () => {
    let count = 0
    return {
      async chunk() {
        if ((count += 1) === 2) throw error
      },
    }
  },
  'at the end': (error) => () => ({
    chunk: () => undefined,
    end() {
      throw error
    },
  }),
  'a while after the end': (error) => () => ({
    chunk: () => undefined,
    async end() {
      await delay(5)
      throw error
    },
  }),
}

describe.each(Object.entries(failing))('an inspector that fails %s', (_when, make) => {
  test('with a BodyError refuses the request with it, and no file stays', async () => {
    const { storage, held } = shelf()
    const requestFiles = inspecting(storage, make(refusal))
    const stream = chunks('a', 'b', 'c')
    expect(await outcome(requestFiles.store(stream, info))).toBe(refusal)
    expect(requestFiles.signal.aborted).toBe(true)
    await requestFiles.discard(refusal)
    expect(held.size).toBe(0)
    await expect.poll(() => stream.readableEnded).toBe(true)
  })

  test('with any other error is a 500 that keeps the cause for the log', async () => {
    const { storage, held } = shelf()
    const error = await outcome(inspecting(storage, make(broken)).store(chunks('a', 'b', 'c'), info))
    expect(error).toMatchObject({ code: 'INSPECTION_FAILED', status: 500, expose: false, cause: broken })
    expect(error.message).not.toContain('10.0.0.1')
    expect(held.size).toBe(0)
  })

  test('is answered with its own error, however the storage treats its stream', async () => {
    const storages: Storage[] = [
      // Rejects with another error.
      {
        store: (stream) =>
          new Promise((_, reject) => {
            stream.on('error', (cause) => reject(new Error('upload failed', { cause }))).resume()
          }),
      },
      // Ignores errors.
      { store: (stream) => new Promise(() => void stream.resume()) },
      // Resolves before it has read.
      { store: async () => new MemoryFile([]) },
    ]
    for (const storage of storages) {
      expect(await outcome(inspecting(storage, make(refusal)).store(chunks('a', 'b', 'c'), info))).toBe(
        refusal,
      )
    }
  })
})

test('inspectors see the whole file even if the storage reads only a part', async () => {
  const hasty: Storage = { store: async () => new MemoryFile([]) }
  const file = await inspecting(hasty, hash('md5')).store(chunks('abc', 'def'), info)
  expect(file.hash).toBe(createHash('md5').update('abcdef').digest('hex'))
})

test('storages are tried in turn for an inspected file', async () => {
  const decline: Storage = { store: async () => undefined }
  const inspected = { inspectors: [hash('md5')], request }
  const file = await new RequestFiles([decline, memory()], { inspecting: inspected }).store(
    chunks('abc'),
    info,
  )
  expect(file.hash).toBeDefined()
  const stream = chunks('abc')
  const error = await outcome(new RequestFiles([decline], { inspecting: inspected }).store(stream, info))
  expect(error).toMatchObject({ code: 'UNHANDLED_FILE' })
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('an error of the body is passed on, and aborts the signal of the inspector', async () => {
  let signal: AbortSignal | undefined
  const ends: string[] = []
  const inspector: Inspector = (_file, given): FileInspection => {
    signal = given
    return { chunk: () => undefined, end: () => void ends.push('end') }
  }
  const stream = new Readable({ read() {} })
  stream.push('begin')
  const storing = inspecting(memory(), inspector).store(stream, info)
  const aborted = new BodyError('CLIENT_ABORTED')
  await delay(5)
  stream.destroy(aborted)
  expect(await outcome(storing)).toBe(aborted)
  expect(signal).toMatchObject({ aborted: true, reason: aborted })
  expect(ends).toEqual([])
})

test('an inspection that never settles does not delay a failed request', async () => {
  const stuck: Inspector = () => ({ chunk: () => new Promise(() => undefined) })
  const requestFiles = inspecting(memory(), stuck)
  const storing = requestFiles.store(chunks('abc'), info)
  await delay(5)
  const reason = new BodyError('CLIENT_ABORTED')
  await requestFiles.discard(reason)
  expect(await outcome(storing)).toBe(reason)
})
