import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BodyError } from '../errors.js'
import { RequestFiles } from './request-files.js'
import { memory, MemoryFile } from '../storages/memory.js'
import type { FileInfo, Storage, StoredFile } from '../storages/storage.js'

const info: FileInfo = {
  field: 'photo',
  name: 'a.png',
  originalName: 'a.png',
  type: 'image/png',
  headers: {},
  request: { headers: {} },
}

const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)
beforeEach(() => process.on('unhandledRejection', note))
afterEach(async () => {
  await delay(5)
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

function bytes(content = 'abc'): Readable {
  return Readable.from([Buffer.from(content)], { objectMode: false })
}

function endless(): Readable {
  const stream = new Readable({ read() {} })
  stream.push('begin')
  return stream
}

/** A storage in memory that records which files it holds. */
function shelf(remove: () => Promise<void> = async () => undefined): { storage: Storage; held: Set<string> } {
  const held = new Set<string>()
  const storage: Storage = {
    async store(stream, { field }, signal) {
      const stored = await memory().store(stream, info, signal)
      if (!stored) return undefined
      held.add(field)
      return storedAs(stored.size, async () => {
        await remove()
        held.delete(field)
      })
    },
  }
  return { storage, held }
}

function storedAs(size: number, remove: () => Promise<void>): StoredFile {
  return { size, createReadStream: () => Readable.from([]), remove }
}

const decline: Storage = { store: async () => undefined }

function failWith(error: Error): Storage {
  return {
    store: async () => {
      throw error
    },
  }
}

test('a file goes to the first storage that accepts it', async () => {
  const { storage, held } = shelf()
  const file = await new RequestFiles([decline, storage, failWith(new Error('not tried'))]).store(
    bytes('four'),
    info,
  )
  expect(file).toMatchObject({ field: 'photo', name: 'a.png', size: 4 })
  expect([...held]).toEqual(['photo'])
})

test('a file that no storage accepts is a 400, and its bytes are drained', async () => {
  const stream = bytes('x'.repeat(200_000))
  const error = await new RequestFiles([decline, decline])
    .store(stream, info)
    .catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'UNHANDLED_FILE', status: 400, field: 'photo' })
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('a storage that declines a file after reading from it is a 500', async () => {
  const careless: Storage = {
    async store(stream) {
      await new Promise((resolve) => stream.once('data', resolve))
      return undefined
    },
  }
  const error = await new RequestFiles([careless, memory()])
    .store(bytes(), info)
    .catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
})

test.each([
  ['ENOSPC', 'STORAGE_FULL', 507],
  ['EDQUOT', 'STORAGE_FULL', 507],
  ['EMFILE', 'STORAGE_FAILED', 500],
])('a storage that fails with %s is a %s (%i)', async (code, expected, status) => {
  const cause = Object.assign(new Error('at /secret/path'), { code })
  const stream = bytes()
  const error = await new RequestFiles([failWith(cause)]).store(stream, info).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: expected, status, field: 'photo', cause, expose: false })
  expect(String(error)).not.toContain('/secret')
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('a storage that throws at once fails like one that rejects', async () => {
  const rash: Storage = {
    store() {
      throw new Error('no bucket')
    },
  }
  await expect(new RequestFiles([rash]).store(bytes(), info)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  })
})

test('an error of the stream is passed on unchanged, even if the storage wraps it', async () => {
  const limit = new BodyError('LIMIT_FILE_SIZE', { limit: 5 })
  const wrapping: Storage = {
    store: (stream) =>
      new Promise((_, reject) => {
        stream.once('error', (error) => reject(new Error('upload failed', { cause: error })))
        stream.resume()
      }),
  }
  for (const storage of [memory(), wrapping]) {
    const stream = endless()
    const storing = new RequestFiles([storage]).store(stream, info)
    stream.destroy(limit)
    await expect(storing).rejects.toBe(limit)
  }
})

test('a BodyError of a storage is passed on unchanged', async () => {
  const quota = new BodyError('STORAGE_FULL', { detail: 'Your 5 GB are used up.' })
  await expect(new RequestFiles([failWith(quota)]).store(bytes(), info)).rejects.toBe(quota)
})

test('discard() removes every file that was stored', async () => {
  const { storage, held } = shelf()
  const requestFiles = new RequestFiles([storage])
  await Promise.all(['a', 'b', 'c'].map((field) => requestFiles.store(bytes(), { ...info, field })))
  expect(held.size).toBe(3)
  await requestFiles.discard()
  expect(held.size).toBe(0)
})

test('a file that fails stops the other files of the request', async () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const storages: Storage[] = [
    {
      store: (stream, file, signal) =>
        (file.field === 'bad' ? failWith(full) : memory()).store(stream, file, signal),
    },
  ]
  const requestFiles = new RequestFiles(storages)
  const sibling = requestFiles.store(endless(), info)
  const bad = requestFiles.store(bytes(), { ...info, field: 'bad' })
  await expect(bad).rejects.toMatchObject({ code: 'STORAGE_FULL', field: 'bad' })
  await expect(sibling).rejects.toMatchObject({ code: 'STORAGE_FULL', field: 'bad' })
  expect(requestFiles.signal.aborted).toBe(true)
})

test('after discard() no file is stored', async () => {
  const { storage, held } = shelf()
  const requestFiles = new RequestFiles([storage])
  const reason = new BodyError('TRUNCATED_BODY')
  await requestFiles.discard(reason)
  const stream = bytes()
  await expect(requestFiles.store(stream, info)).rejects.toBe(reason)
  expect(held.size).toBe(0)
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('a storage that never settles delays neither its file nor discard(), and a file that it delivers late is removed', async () => {
  let finish: (file: StoredFile) => void = () => undefined
  const remove = vi.fn(async () => undefined)
  const stuck: Storage = { store: () => new Promise((resolve) => (finish = resolve)) }
  const requestFiles = new RequestFiles([stuck], { grace: 20 })
  const storing = requestFiles.store(bytes(), info)
  const start = performance.now()
  const reason = new BodyError('CLIENT_ABORTED')
  await requestFiles.discard(reason)
  await expect(storing).rejects.toBe(reason)
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(remove).not.toHaveBeenCalled()
  finish(storedAs(3, remove))
  await expect.poll(() => remove).toHaveBeenCalledTimes(1)
})

test('a storage that never settles does not delay the error of a stream', async () => {
  const stuck: Storage = { store: () => new Promise(() => undefined) }
  const stream = endless()
  const storing = new RequestFiles([stuck], { grace: 20 }).store(stream, info)
  stream.destroy(new BodyError('TRUNCATED_BODY'))
  await expect(storing).rejects.toMatchObject({ code: 'TRUNCATED_BODY' })
})

test('a storage that rejects after the grace period causes no unhandled rejection', async () => {
  let fail: (error: Error) => void = () => undefined
  const late: Storage = { store: () => new Promise((_, reject) => (fail = reject)) }
  const requestFiles = new RequestFiles([late], { grace: 5 })
  const storing = requestFiles.store(bytes(), info)
  await requestFiles.discard()
  fail(new Error('too late'))
  await expect(storing).rejects.toMatchObject({ code: 'CLIENT_ABORTED' })
})

test('a removal that never settles does not delay the answer', async () => {
  const { storage } = shelf(() => new Promise(() => undefined))
  const requestFiles = new RequestFiles([storage], { grace: 20 })
  await requestFiles.store(bytes(), info)
  const start = performance.now()
  await requestFiles.discard()
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('a failed removal is a process warning, once per cause', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const readOnly = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
  const { storage } = shelf(() => Promise.reject(readOnly))
  for (let request = 0; request < 3; request++) {
    const requestFiles = new RequestFiles([storage])
    await requestFiles.store(bytes(), info)
    await requestFiles.release()
  }
  await delay(5)
  process.off('warning', listen)
  const ours = warnings.filter((warning) => warning.name === 'FormgateWarning')
  expect(ours.map((warning) => warning.message)).toEqual([
    'Cannot remove an uploaded file: EROFS: read-only file system',
  ])
})

test('release() removes files that were neither kept nor moved', async () => {
  const { storage, held } = shelf()
  const requestFiles = new RequestFiles([storage])
  const kept = await requestFiles.store(bytes(), { ...info, field: 'kept' })
  await requestFiles.store(bytes(), { ...info, field: 'other' })
  kept.keep()
  await requestFiles.release()
  expect([...held]).toEqual(['kept'])
})

test.each([0, 1])(
  'a file that arrives after the end of the response, and %i files before, is not stored',
  async (count) => {
    const { storage, held } = shelf()
    const requestFiles = new RequestFiles([storage])
    for (let index = 0; index < count; index++) await requestFiles.store(bytes(), info)
    await requestFiles.release()
    await expect(requestFiles.store(bytes(), info)).rejects.toThrow('The response has ended.')
    expect(held.size).toBe(0)
  },
)

test('fifty files at once cause no warning about listeners', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const requestFiles = new RequestFiles([memory()])
  const streams = Array.from({ length: 50 }, () => endless())
  const storing = streams.map((stream) => requestFiles.store(stream, info))
  await delay(5)
  for (const stream of streams) stream.push(null)
  const files = await Promise.all(storing)
  process.off('warning', listen)
  expect(files.map((file) => file.size)).toEqual(streams.map(() => 5))
  expect(warnings).toEqual([])
})

test('an aborted request leaves no timer that would keep the process alive', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const requestFiles = new RequestFiles([memory()], { grace: 60_000 })
  const storing = requestFiles.store(endless(), info)
  const discarding = requestFiles.discard()
  expect(timers()).toBe(before + 1)
  await discarding
  await expect(storing).rejects.toMatchObject({ code: 'CLIENT_ABORTED' })
  expect(timers()).toBe(before)
})

test('a stream that the storage has not read to its end does not block the body', async () => {
  const hasty: Storage = { store: async () => new MemoryFile([]) }
  const stream = bytes('x'.repeat(100_000))
  await new RequestFiles([hasty]).store(stream, info)
  await expect.poll(() => stream.readableEnded).toBe(true)
})

/** A storage that takes a file called "whole" as bytes, and records what it gets. */
function shelfOfBytes(refusal?: Error): { storage: Storage; taken: string[] } {
  const taken: string[] = []
  const storage: Storage = {
    store: async (stream) => {
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      taken.push(`stream of ${text}`)
      return new MemoryFile([Buffer.from(text)])
    },
    storeBytes(content, { name }) {
      if (refusal !== undefined) throw refusal
      if (name !== 'whole') return undefined
      taken.push(`bytes of ${String(content)}`)
      return MemoryFile.of(content)
    },
  }
  return { storage, taken }
}

test('a file that arrived whole is stored without a stream, and removed after the response', async () => {
  const { storage, taken } = shelfOfBytes()
  const requestFiles = new RequestFiles([storage])
  const file = requestFiles.storeBytes(Buffer.from('abc'), { ...info, name: 'whole' })
  expect(taken).toEqual(['bytes of abc'])
  expect(await file?.text()).toBe('abc')
  await requestFiles.release()
  await expect(file?.text()).rejects.toThrow('was removed. Files are removed when the response ends')
})

test('a storage may decline bytes, and only the first storage is offered them', () => {
  const { storage, taken } = shelfOfBytes()
  expect(new RequestFiles([storage]).storeBytes(Buffer.from('abc'), info)).toBe(undefined)
  const first: Storage = { store: async () => undefined }
  const requestFiles = new RequestFiles([first, storage])
  expect(requestFiles.acceptsBytes).toBe(false)
  expect(requestFiles.storeBytes(Buffer.from('abc'), { ...info, name: 'whole' })).toBe(undefined)
  expect(taken).toEqual([])
})

test('a storage that throws in storeBytes() fails the request', async () => {
  const full = Object.assign(new Error('no room'), { code: 'ENOSPC' })
  const requestFiles = new RequestFiles([shelfOfBytes(full).storage])
  expect(() => requestFiles.storeBytes(Buffer.from('abc'), info)).toThrow(
    expect.objectContaining({ code: 'STORAGE_FULL', cause: full }),
  )
  await expect(requestFiles.store(bytes(), info)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
})

test('after the response, or with inspectors, no file is stored without a stream', async () => {
  const released = new RequestFiles([memory()])
  await released.release()
  expect(released.storeBytes(Buffer.from('abc'), info)).toBe(undefined)
  const inspecting = { inspectors: [() => undefined], request: { headers: {} } }
  expect(new RequestFiles([memory()], { inspecting }).acceptsBytes).toBe(false)
})

test('a file in memory keeps no buffer of more than twice its size', () => {
  const chunk = Buffer.alloc(64 * 1024)
  const small = MemoryFile.of(chunk.subarray(0, 20_000))
  const large = MemoryFile.of(chunk.subarray(0, 40_000))
  const buffers = [small, large].map((file) => (file.createReadStream().read() as Buffer).buffer)
  expect(buffers[0]!.byteLength).toBeLessThanOrEqual(20_000)
  expect(buffers[1]).toBe(chunk.buffer)
})
