import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BodyError } from '../errors.js'
import { FileLedger } from './file-ledger.js'
import { memory, MemoryFile } from './memory.js'
import type { FileInfo, Storage, StoredFile } from './storage.js'

const info: FileInfo = {
  field: 'photo',
  name: 'a.png',
  originalName: 'a.png',
  type: 'image/png',
  headers: {},
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

/** A storage in memory that remembers what it holds. */
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

test('a file goes to the first storage that takes it', async () => {
  const { storage, held } = shelf()
  const file = await new FileLedger([decline, storage, failWith(new Error('not asked'))]).store(
    bytes('four'),
    info,
  )
  expect(file).toMatchObject({ field: 'photo', name: 'a.png', size: 4 })
  expect([...held]).toEqual(['photo'])
})

test('a file that no storage takes is answered 400, and its bytes are discarded', async () => {
  const stream = bytes('x'.repeat(200_000))
  const error = await new FileLedger([decline, decline]).store(stream, info).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'UNHANDLED_FILE', status: 400, field: 'photo' })
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('a storage that declines a file after it has read from it is a fault of the server', async () => {
  const careless: Storage = {
    async store(stream) {
      await new Promise((resolve) => stream.once('data', resolve))
      return undefined
    },
  }
  const error = await new FileLedger([careless, memory()])
    .store(bytes(), info)
    .catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'STORAGE_FAILED', status: 500 })
})

test.each([
  ['ENOSPC', 'STORAGE_FULL', 507],
  ['EDQUOT', 'STORAGE_FULL', 507],
  ['EMFILE', 'STORAGE_FAILED', 500],
])('a storage that fails with %s is answered %s (%i)', async (code, expected, status) => {
  const cause = Object.assign(new Error('at /secret/path'), { code })
  const stream = bytes()
  const error = await new FileLedger([failWith(cause)]).store(stream, info).catch((error: unknown) => error)
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
  await expect(new FileLedger([rash]).store(bytes(), info)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
})

test('what the stream of a file fails with is passed on unchanged, whatever the storage makes of it', async () => {
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
    const storing = new FileLedger([storage]).store(stream, info)
    stream.destroy(limit)
    await expect(storing).rejects.toBe(limit)
  }
})

test('a BodyError of a storage is passed on unchanged', async () => {
  const quota = new BodyError('STORAGE_FULL', { detail: 'Your 5 GB are used up.' })
  await expect(new FileLedger([failWith(quota)]).store(bytes(), info)).rejects.toBe(quota)
})

test('discard() removes every file that was stored', async () => {
  const { storage, held } = shelf()
  const ledger = new FileLedger([storage])
  await Promise.all(['a', 'b', 'c'].map((field) => ledger.store(bytes(), { ...info, field })))
  expect(held.size).toBe(3)
  await ledger.discard()
  expect(held.size).toBe(0)
})

test('a file that fails stops those that are still being stored', async () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const storages: Storage[] = [
    {
      store: (stream, file, signal) =>
        (file.field === 'bad' ? failWith(full) : memory()).store(stream, file, signal),
    },
  ]
  const ledger = new FileLedger(storages)
  const sibling = ledger.store(endless(), info)
  const bad = ledger.store(bytes(), { ...info, field: 'bad' })
  await expect(bad).rejects.toMatchObject({ code: 'STORAGE_FULL', field: 'bad' })
  await expect(sibling).rejects.toMatchObject({ code: 'STORAGE_FULL', field: 'bad' })
  expect(ledger.signal.aborted).toBe(true)
})

test('after discard() nothing is stored any more', async () => {
  const { storage, held } = shelf()
  const ledger = new FileLedger([storage])
  const reason = new BodyError('TRUNCATED_BODY')
  await ledger.discard(reason)
  const stream = bytes()
  await expect(ledger.store(stream, info)).rejects.toBe(reason)
  expect(held.size).toBe(0)
  await expect.poll(() => stream.readableEnded).toBe(true)
})

test('a storage that never settles holds up neither its file nor discard(), and what it stores too late is removed', async () => {
  let finish: (file: StoredFile) => void = () => undefined
  const remove = vi.fn(async () => undefined)
  const stuck: Storage = { store: () => new Promise((resolve) => (finish = resolve)) }
  const ledger = new FileLedger([stuck], { grace: 20 })
  const storing = ledger.store(bytes(), info)
  const start = performance.now()
  const reason = new BodyError('CLIENT_ABORTED')
  await ledger.discard(reason)
  await expect(storing).rejects.toBe(reason)
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(remove).not.toHaveBeenCalled()
  finish(storedAs(3, remove))
  await expect.poll(() => remove).toHaveBeenCalledTimes(1)
})

test('a storage that never settles does not hold up a file whose stream has failed', async () => {
  const stuck: Storage = { store: () => new Promise(() => undefined) }
  const stream = endless()
  const storing = new FileLedger([stuck], { grace: 20 }).store(stream, info)
  stream.destroy(new BodyError('TRUNCATED_BODY'))
  await expect(storing).rejects.toMatchObject({ code: 'TRUNCATED_BODY' })
})

test('a storage that rejects after it was given up causes no unhandled rejection', async () => {
  let fail: (error: Error) => void = () => undefined
  const late: Storage = { store: () => new Promise((_, reject) => (fail = reject)) }
  const ledger = new FileLedger([late], { grace: 5 })
  const storing = ledger.store(bytes(), info)
  await ledger.discard()
  fail(new Error('too late'))
  await expect(storing).rejects.toMatchObject({ code: 'CLIENT_ABORTED' })
})

test('a storage whose removal never ends does not hold up the answer', async () => {
  const { storage } = shelf(() => new Promise(() => undefined))
  const ledger = new FileLedger([storage], { grace: 20 })
  await ledger.store(bytes(), info)
  const start = performance.now()
  await ledger.discard()
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('a removal that fails is told to the operator once per cause, and never to the client', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const readOnly = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
  const { storage } = shelf(() => Promise.reject(readOnly))
  for (let request = 0; request < 3; request++) {
    const ledger = new FileLedger([storage])
    await ledger.store(bytes(), info)
    await ledger.release()
  }
  await delay(5)
  process.off('warning', listen)
  const ours = warnings.filter((warning) => warning.name === 'FormgateWarning')
  expect(ours.map((warning) => warning.message)).toEqual([
    'An uploaded file could not be removed: EROFS: read-only file system',
  ])
})

test('release() removes what was neither kept nor moved', async () => {
  const { storage, held } = shelf()
  const ledger = new FileLedger([storage])
  const kept = await ledger.store(bytes(), { ...info, field: 'kept' })
  await ledger.store(bytes(), { ...info, field: 'other' })
  kept.keep()
  await ledger.release()
  expect([...held]).toEqual(['kept'])
})

test.each([0, 1])(
  'a file that arrives after the response has ended, and %i files before, is not stored',
  async (count) => {
    const { storage, held } = shelf()
    const ledger = new FileLedger([storage])
    for (let index = 0; index < count; index++) await ledger.store(bytes(), info)
    await ledger.release()
    await expect(ledger.store(bytes(), info)).rejects.toThrow('The response has ended.')
    expect(held.size).toBe(0)
  },
)

test('fifty files at once cause no warning about listeners', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const ledger = new FileLedger([memory()])
  const streams = Array.from({ length: 50 }, () => endless())
  const storing = streams.map((stream) => ledger.store(stream, info))
  await delay(5)
  for (const stream of streams) stream.push(null)
  const files = await Promise.all(storing)
  process.off('warning', listen)
  expect(files.map((file) => file.size)).toEqual(streams.map(() => 5))
  expect(warnings).toEqual([])
})

test('an aborted request leaves no timer behind that would hold up the end of the process', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const ledger = new FileLedger([memory()], { grace: 60_000 })
  const storing = ledger.store(endless(), info)
  const discarding = ledger.discard()
  expect(timers()).toBe(before + 1)
  await discarding
  await expect(storing).rejects.toMatchObject({ code: 'CLIENT_ABORTED' })
  expect(timers()).toBe(before)
})

test('a stream that is discarded by its storage before its end does not block the body', async () => {
  const hasty: Storage = { store: async () => new MemoryFile([]) }
  const stream = bytes('x'.repeat(100_000))
  await new FileLedger([hasty]).store(stream, info)
  await expect.poll(() => stream.readableEnded).toBe(true)
})

/** What a storage without streams is given; it takes what is called "whole". */
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

test('a file that has come whole is taken without a stream, and removed with the response', async () => {
  const { storage, taken } = shelfOfBytes()
  const ledger = new FileLedger([storage])
  const file = ledger.storeBytes(Buffer.from('abc'), { ...info, name: 'whole' })
  expect(taken).toEqual(['bytes of abc'])
  expect(await file?.text()).toBe('abc')
  await ledger.release()
  await expect(file?.text()).rejects.toThrow('was removed and can be read no more')
})

test('a storage may want a stream all the same, and of several the first is asked', () => {
  const { storage, taken } = shelfOfBytes()
  expect(new FileLedger([storage]).storeBytes(Buffer.from('abc'), info)).toBe(undefined)
  const first: Storage = { store: async () => undefined }
  const ledger = new FileLedger([first, storage])
  expect(ledger.takesBytes).toBe(false)
  expect(ledger.storeBytes(Buffer.from('abc'), { ...info, name: 'whole' })).toBe(undefined)
  expect(taken).toEqual([])
})

test('what a storage throws when it is given bytes fails the request as ever', async () => {
  const full = Object.assign(new Error('no room'), { code: 'ENOSPC' })
  const ledger = new FileLedger([shelfOfBytes(full).storage])
  expect(() => ledger.storeBytes(Buffer.from('abc'), info)).toThrow(
    expect.objectContaining({ code: 'STORAGE_FULL', cause: full }),
  )
  await expect(ledger.store(bytes(), info)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
})

test('after the response, and beside inspectors, nothing is taken without a stream', async () => {
  const released = new FileLedger([memory()])
  await released.release()
  expect(released.storeBytes(Buffer.from('abc'), info)).toBe(undefined)
  const inspecting = { inspectors: [() => undefined], request: { headers: {} } }
  expect(new FileLedger([memory()], { inspecting }).takesBytes).toBe(false)
})

test('a file kept in memory keeps no buffer of more than about twice its size', () => {
  const piece = Buffer.alloc(64 * 1024)
  const small = MemoryFile.of(piece.subarray(0, 20_000))
  const large = MemoryFile.of(piece.subarray(0, 40_000))
  const buffers = [small, large].map((file) => (file.createReadStream().read() as Buffer).buffer)
  expect(buffers[0]!.byteLength).toBeLessThanOrEqual(20_000)
  expect(buffers[1]).toBe(piece.buffer)
})
