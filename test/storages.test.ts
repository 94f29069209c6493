import { existsSync, readdirSync, statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import fs from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { disk, memory, spool } from '@formgate/core'
import { safeFileName } from '@formgate/core/storage'
import type { DiskOptions, FileInfo, Storage, StoredFile } from '@formgate/core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { info, openFilesIn, source, storageContract } from './storage-contract.js'
import type { Fault, StorageUnderTest } from './storage-contract.js'

const KiB = 1024
const day = 24 * 60 * 60 * 1000
const never = (): AbortSignal => new AbortController().signal

let root = ''
/** The prototype of every FileHandle, where a test makes the system fail. */
let handles: FileHandle
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'storages-'))
  const handle = await open(join(root, 'probe'), 'w')
  handles = Object.getPrototypeOf(handle)
  await handle.close()
})
afterAll(() => rm(root, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

function newDirectory(): Promise<string> {
  return mkdtemp(join(root, 'directory-'))
}

async function store(storage: Storage, stream: Readable, file: FileInfo = info): Promise<StoredFile> {
  const stored = await storage.store(stream, file, never())
  if (stored === undefined) throw new Error('The storage declined the file.')
  return stored
}

function inDirectory(make: (directory: string) => Storage): () => Promise<StorageUnderTest> {
  return async () => {
    const directory = await newDirectory()
    return {
      storage: make(directory),
      directory,
      close: () => rm(directory, { recursive: true, force: true }),
    }
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code })
}

const faults: Record<string, Fault> = {
  async 'because its directory has vanished'({ storage, directory = '' }) {
    await (await store(storage, source(1024 * KiB))).remove()
    await rm(directory, { recursive: true })
    return async () => expect(existsSync(directory)).toBe(false)
  },
  async 'at its first write'() {
    return onWrite(() => Promise.reject(systemError('EIO')))
  },
  async 'in the middle, because the disk is full'() {
    let calls = 0
    return onWrite((chunks, write) => (calls++ < 3 ? write(chunks) : Promise.reject(systemError('ENOSPC'))))
  },
  async 'at close'() {
    return onWrite((chunks, write, handle) => {
      const close = handle.close.bind(handle)
      handle.close = async () => {
        handle.close = close
        await close()
        throw systemError('EDQUOT')
      }
      return write(chunks)
    })
  },
}

type Write = (chunks: readonly Uint8Array[]) => Promise<{ bytesWritten: number }>

/** Replaces every write to a file until the returned function is called. */
function onWrite(
  instead: (chunks: readonly Uint8Array[], write: Write, handle: FileHandle) => ReturnType<Write>,
): () => Promise<void> {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the handle that it was called on
  const { writev } = handles
  const spy = vi.spyOn(handles, 'writev').mockImplementation(async function (this: FileHandle, buffers) {
    const chunks = buffers.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
    const { bytesWritten } = await instead(chunks, (some) => writev.call(this, some), this)
    return { bytesWritten, buffers }
  })
  return async () => spy.mockRestore()
}

storageContract('memory()', { make: async () => ({ storage: memory(), close: async () => undefined }) })
storageContract('disk()', { make: inDirectory((directory) => disk({ directory })), faults })
storageContract('disk({ fsync: true, name })', {
  make: inDirectory((directory) => disk({ directory, fsync: true, name: ({ name }) => name })),
  largest: 8 * 1024 * KiB,
  faults,
})
storageContract('disk({ mode, directoryMode })', {
  make: inDirectory((directory) =>
    disk({ directory, mode: 0o600, directoryMode: 0o750, name: async ({ name }) => name }),
  ),
  largest: 8 * 1024 * KiB,
  faults,
})
storageContract('spool()', {
  make: inDirectory((directory) => spool({ directory })),
  edges: [256 * KiB],
  faults,
})
storageContract('spool({ threshold: 0 })', {
  make: inDirectory((directory) => spool({ directory, threshold: 0 })),
  edges: [1],
  largest: 8 * 1024 * KiB,
  faults,
})

describe('memory()', () => {
  test('a file of 64 MiB takes 64 MiB of memory, not twice that', async () => {
    const size = 64 * 1024 * KiB
    const stored = await store(memory(), source(size))
    const buffers = new Set<ArrayBufferLike>()
    for await (const chunk of stored.createReadStream() as AsyncIterable<Uint8Array>)
      buffers.add(chunk.buffer)
    const held = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0)
    expect(held).toBeLessThan(1.05 * size)
  })

  test('an invalid range is a RangeError, as in fs.createReadStream()', async () => {
    const stored = await store(memory(), source(100))
    expect(() => stored.createReadStream({ start: 5, end: 4 })).toThrow(RangeError)
    expect(() => stored.createReadStream({ start: -1 })).toThrow(RangeError)
  })
})

describe('disk()', () => {
  const storeIn = async (options: DiskOptions, file: Partial<FileInfo> = {}, size = 10): Promise<string> =>
    (await store(disk(options), source(size), { ...info, ...file })).path ?? ''

  test.each(['rename', 'link'] as const)(
    'a complete file whose %s fails leaves nothing behind',
    async (operation) => {
      const directory = await newDirectory()
      const spy = vi.spyOn(fs, operation).mockRejectedValue(systemError('EIO'))
      syncBuiltinESMExports()
      try {
        const named = operation === 'link' && { name: () => 'name' }
        await expect(storeIn({ directory, ...named })).rejects.toMatchObject({ code: 'EIO' })
      } finally {
        spy.mockRestore()
        syncBuiltinESMExports()
      }
      expect(readdirSync(directory)).toEqual([])
    },
  )

  test('the default name is 128 random bits and the plain extension of the upload', async () => {
    const directory = await newDirectory()
    const path = await storeIn({ directory }, { name: 'Photo of me.PNG' })
    expect(path.startsWith(directory)).toBe(true)
    expect(basename(path)).toMatch(/^[0-9a-f]{32}\.png$/)
    expect(basename(await storeIn({ directory }, { name: 'a.p%00ng' }))).toMatch(/^[0-9a-f]{32}$/)
  })

  test('a file gets its name when it is complete', async () => {
    const directory = await newDirectory()
    const stream = new Readable({ read() {} })
    stream.push(Buffer.alloc(600 * KiB))
    const storing = store(disk({ directory }), stream)
    await vi.waitUntil(() => readdirSync(directory).length > 0, { timeout: 30_000 })
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^formgate-[0-9a-f]{32}\.part$/)])
    stream.push(null)
    const { path = '' } = await storing
    expect(readdirSync(directory)).toEqual([basename(path)])
    expect(basename(path)).not.toContain('.part')
  })

  test('a missing directory is created with mode 0700', async () => {
    const directory = join(await newDirectory(), 'a', 'b')
    await storeIn({ directory })
    expect(statSync(directory).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o700)
  })

  describe.skipIf(process.platform === 'win32')('who can read what it writes', () => {
    let umask = 0
    beforeEach(() => void (umask = process.umask(0)))
    afterEach(() => void process.umask(umask))
    const modeOf = (path: string): string => `0${(statSync(path).mode & 0o7777).toString(8)}`

    test.each([0o000, 0o022, 0o077])('only the owner by default, with the umask %i', async (mask) => {
      process.umask(mask)
      const directory = join(await newDirectory(), 'a', 'b')
      const path = await storeIn({ directory, name: () => 'c/d/photo.png' })
      for (const each of [join(directory, '..'), directory, join(directory, 'c'), join(directory, 'c', 'd')])
        expect(modeOf(each)).toBe('0700')
      expect(modeOf(path)).toBe('0600')
      expect(modeOf(await storeIn({ directory }))).toBe('0600')
    })

    test.each([0o000, 0o022, 0o077])(
      'exactly whom `mode` and `directoryMode` say, with the umask %i',
      async (mask) => {
        process.umask(mask)
        const directory = join(await newDirectory(), 'a', 'b')
        const options = { directory, mode: 0o664, directoryMode: 0o2775 }
        const path = await storeIn({ ...options, name: () => 'c/d/photo.png' })
        for (const each of [
          join(directory, '..'),
          directory,
          join(directory, 'c'),
          join(directory, 'c', 'd'),
        ])
          expect(modeOf(each)).toBe('02775')
        expect(modeOf(path)).toBe('0664')
        expect(modeOf(await storeIn(options))).toBe('0664')
        expect(modeOf(await storeIn({ directory, mode: 0o640, fsync: true }))).toBe('0640')
      },
    )

    test('a directory that exists keeps its permissions', async () => {
      const parent = await newDirectory()
      const directory = join(parent, 'shared')
      await mkdir(join(directory, 'c'), { recursive: true })
      for (const each of [parent, directory, join(directory, 'c')]) await chmod(each, 0o711)
      await storeIn({ directory, directoryMode: 0o755, name: () => 'c/d/photo.png' })
      expect([parent, directory, join(directory, 'c')].map(modeOf)).toEqual(['0711', '0711', '0711'])
      expect(modeOf(join(directory, 'c', 'd'))).toBe('0755')
    })

    test('a file that is being written is private, whatever its mode will be', async () => {
      const directory = await newDirectory()
      const stream = new Readable({ read() {} })
      stream.push(Buffer.alloc(600 * KiB))
      const storing = store(disk({ directory, mode: 0o666 }), stream)
      await vi.waitUntil(() => readdirSync(directory).length > 0, { timeout: 30_000 })
      const [temporary = ''] = readdirSync(directory)
      expect(temporary).toMatch(/\.part$/)
      expect(modeOf(join(directory, temporary))).toBe('0600')
      stream.push(null)
      expect(modeOf((await storing).path!)).toBe('0666')
    })

    test('a mode that cannot be set leaves nothing behind', async () => {
      const directory = await newDirectory()
      vi.spyOn(handles, 'chmod').mockRejectedValue(systemError('EPERM'))
      await expect(storeIn({ directory, mode: 0o640 })).rejects.toMatchObject({ code: 'EPERM' })
      expect(readdirSync(directory)).toEqual([])
      expect(openFilesIn(directory)).toEqual([])
    })

    test('names at once in a folder that is missing all get it with its mode', async () => {
      const directory = await newDirectory()
      const options: DiskOptions = { directory, directoryMode: 0o750, name: ({ name }) => `a/b/${name}` }
      const paths = await Promise.all(Array.from({ length: 20 }, () => storeIn(options)))
      expect(new Set(paths).size).toBe(20)
      expect([join(directory, 'a'), join(directory, 'a', 'b')].map(modeOf)).toEqual(['0750', '0750'])
    })
  })

  test('a relative directory is resolved when the storage is created', async () => {
    const before = process.cwd()
    const [one, other] = [await newDirectory(), await newDirectory()]
    process.chdir(one)
    const storage = disk({ directory: 'uploads' })
    process.chdir(other)
    const stored = await store(storage, source(10)).finally(() => process.chdir(before))
    expect(stored.path?.startsWith(join(one, 'uploads'))).toBe(true)
  })

  test('an existing file is never overwritten', async () => {
    const directory = await newDirectory()
    await writeFile(join(directory, 'photo.png'), 'mine')
    const options: DiskOptions = { directory, name: ({ name }) => name }
    const paths = await Promise.all([storeIn(options), storeIn(options), storeIn(options)])
    for (const path of paths) expect(basename(path)).toMatch(/^photo_[0-9a-f]{8}\.png$/)
    expect(new Set(paths).size).toBe(3)
    expect(await readFile(join(directory, 'photo.png'), 'utf8')).toBe('mine')
    expect(readdirSync(directory)).toHaveLength(4)
  })

  test('a dangling link with the chosen name is not followed', async () => {
    const directory = await newDirectory()
    const outside = join(await newDirectory(), 'outside')
    await symlink(outside, join(directory, 'photo.png'))
    const path = await storeIn({ directory, name: ({ name }) => name })
    expect(basename(path)).toMatch(/^photo_/)
    expect(existsSync(outside)).toBe(false)
  })

  test.each(['link/a.png', 'link/more/a.png', 'in/link/a.png', 'link'])(
    'the name %s cannot leave the directory through a link, and creates no folder outside',
    async (name) => {
      const directory = await newDirectory()
      const outside = await newDirectory()
      await mkdir(join(directory, 'in'))
      await symlink(outside, join(directory, 'link'))
      await symlink(outside, join(directory, 'in', 'link'))
      const storing = storeIn({ directory, name: () => name })
      // A link with the name of the file counts as taken.
      if (name === 'link') expect(basename(await storing)).toMatch(/^link_[0-9a-f]{8}$/)
      else await expect(storing).rejects.toThrow(/symbolic link leads out of the directory/)
      expect(readdirSync(outside)).toEqual([])
      expect(readdirSync(directory).filter((each) => each.endsWith('.part'))).toEqual([])
    },
  )

  test('a link to another place in the directory, or to the directory itself, is followed', async () => {
    const directory = await newDirectory()
    const linked = `${directory}-linked`
    await symlink(directory, linked)
    await mkdir(join(directory, '2026'))
    await symlink('2026', join(directory, 'current'))
    const path = await storeIn({ directory: linked, name: () => 'current/more/a.png' })
    expect(path).toBe(join(linked, 'current', 'more', 'a.png'))
    expect(existsSync(join(directory, '2026', 'more', 'a.png'))).toBe(true)
  })

  test('folders in a name are created', async () => {
    const directory = await newDirectory()
    const path = await storeIn({ directory, name: async ({ field }) => `2026/${field}/a.png` })
    expect(path).toBe(join(directory, '2026', 'photo', 'a.png'))
  })

  test.each([
    '../x',
    'a/../../x',
    '/etc/x',
    'C:\\x',
    'a\0b',
    '',
    '.',
    '..',
    'a//b',
    'a/',
    'CON',
    'x.',
    '\u202egnp.exe',
  ])('the name %j fails the upload, and nothing is written', async (name) => {
    const parent = await newDirectory()
    const directory = join(parent, 'inside')
    await mkdir(directory)
    await expect(storeIn({ directory, name: () => name })).rejects.toThrow(
      `disk({ name }) returned ${JSON.stringify(name)}, which is not a safe path inside the directory.`,
    )
    expect(readdirSync(parent, { recursive: true })).toEqual(['inside'])
  })

  test('a name function that throws fails the upload with its error', async () => {
    const directory = await newDirectory()
    const error = new Error('no tenant')
    const name = (): string => {
      throw error
    }
    await expect(storeIn({ directory, name })).rejects.toBe(error)
    expect(readdirSync(directory)).toEqual([])
  })

  test('a partial write is completed', async () => {
    onWrite(([first = new Uint8Array()], write) => write([first.subarray(0, Math.ceil(first.length / 3))]))
    const directory = await newDirectory()
    const path = await storeIn({ directory }, {}, 700 * KiB)
    vi.restoreAllMocks()
    expect((await readFile(path)).equals(Buffer.concat(await source(700 * KiB).toArray()))).toBe(true)
  })

  test('with fsync, the file and then its directory are synced', async () => {
    const spy = vi.spyOn(handles, 'sync')
    await storeIn({ directory: await newDirectory() })
    expect(spy).toHaveBeenCalledTimes(0)
    await storeIn({ directory: await newDirectory(), fsync: true })
    expect(spy).toHaveBeenCalledTimes(process.platform === 'win32' ? 1 : 2)
  })

  test('a failed sync leaves nothing behind', async () => {
    const directory = await newDirectory()
    const sync = vi.spyOn(handles, 'sync')
    for (const good of [0, 1]) {
      for (let call = 0; call < good; call++) sync.mockResolvedValueOnce()
      sync.mockRejectedValueOnce(systemError('EIO'))
      await expect(storeIn({ directory, fsync: true })).rejects.toMatchObject({ code: 'EIO' })
      expect(readdirSync(directory)).toEqual([])
    }
    expect(openFilesIn(directory)).toEqual([])
  })

  test('a request that fails during the last write leaves no file', async () => {
    const directory = await newDirectory()
    const controller = new AbortController()
    const reason = new Error('the request has failed')
    onWrite((chunks, write) => {
      controller.abort(reason)
      return write(chunks)
    })
    await expect(disk({ directory }).store(source(10), info, controller.signal)).rejects.toBe(reason)
    expect(readdirSync(directory)).toEqual([])
  })

  test('a slow disk pauses the source', async () => {
    const size = 16 * 1024 * KiB
    let taken = 0
    let written = 0
    let ahead = 0
    onWrite(async (chunks, write) => {
      await delay(20)
      const result = await write(chunks)
      written += result.bytesWritten
      return result
    })
    const stream = new Readable({
      read() {
        this.push(taken < size ? Buffer.alloc(64 * KiB) : null)
        taken += 64 * KiB
        ahead = Math.max(ahead, taken - written)
      },
    })
    const stored = await store(disk({ directory: await newDirectory() }), stream)
    expect(stored.size).toBe(size)
    // One batch is being written, one is buffered, and a little waits in the stream.
    expect(ahead).toBeLessThanOrEqual(2 * 1024 * KiB + 3 * 64 * KiB)
  })
})

describe('spool()', () => {
  test('a file of up to threshold bytes stays in memory', async () => {
    const directory = await newDirectory()
    const storage = spool({ directory, threshold: 1000 })
    expect((await store(storage, source(1000))).path).toBeUndefined()
    expect(readdirSync(directory)).toEqual([])
    const { path = '' } = await store(storage, source(1001))
    expect(basename(path)).toMatch(/^formgate-[0-9a-f]{32}\.part$/)
  })

  test('the default threshold is 256 KiB', async () => {
    const storage = spool({ directory: await newDirectory() })
    expect((await store(storage, source(256 * KiB))).path).toBeUndefined()
    expect((await store(storage, source(256 * KiB + 1))).path).toBeDefined()
  })

  test('by default a large file goes to the temporary directory of the system', async () => {
    const stored = await store(spool(), source(300 * KiB))
    expect(stored.path?.startsWith(join(tmpdir(), 'formgate-'))).toBe(true)
    await stored.remove()
  })

  test('a threshold of Infinity never writes a file', async () => {
    const directory = await newDirectory()
    const stored = await store(spool({ directory, threshold: Infinity }), source(3 * 1024 * KiB))
    expect(stored.size).toBe(3 * 1024 * KiB)
    expect(stored.path).toBeUndefined()
    expect(readdirSync(directory)).toEqual([])
  })
})

test.each<[string, (directory: string) => Storage]>([
  ['disk()', (directory) => disk({ directory })],
  ['spool()', (directory) => spool({ directory, threshold: 0 })],
])('%s fails if a write takes no bytes, and does not try for ever', async (_, make) => {
  const directory = await newDirectory()
  const writev = vi.spyOn(handles, 'writev').mockResolvedValue({ bytesWritten: 0, buffers: [] })
  await expect(store(make(directory), source(100 * KiB))).rejects.toThrow(
    'A write to the disk wrote no bytes.',
  )
  expect(writev).toHaveBeenCalledTimes(1)
  expect(readdirSync(directory)).toEqual([])
})

describe.each([
  [
    'disk()',
    (directory: string, sweepAge?: number) =>
      disk({ directory, ...(sweepAge !== undefined && { sweepAge }) }),
  ],
  [
    'spool()',
    (directory: string, sweepAge?: number) =>
      spool({ directory, threshold: 0, ...(sweepAge !== undefined && { sweepAge }) }),
  ],
])('%s and the temporary files of a killed process', (_name, make) => {
  const old = `formgate-${'0'.repeat(32)}.part`
  const young = `formgate-${'1'.repeat(32)}.part`
  const foreign = [
    'other.part',
    `formgate-${'2'.repeat(31)}.part`,
    `${'3'.repeat(32)}.part`,
    `formgate-${'4'.repeat(32)}`,
  ]
  const folder = `formgate-${'5'.repeat(32)}.part`

  async function litter(): Promise<string> {
    const directory = await newDirectory()
    for (const name of [old, young, ...foreign]) await writeFile(join(directory, name), 'x')
    await mkdir(join(directory, folder))
    const yesterday = new Date(Date.now() - day - 1000)
    for (const name of [old, ...foreign, folder]) await utimes(join(directory, name), yesterday, yesterday)
    return directory
  }

  test('removes those older than a day when it writes its first file, and nothing else', async () => {
    const directory = await litter()
    const stored = await store(make(directory), source(10))
    await vi.waitUntil(() => !existsSync(join(directory, old)), { timeout: 30_000 })
    await delay(20)
    const expected = [young, ...foreign, folder, basename(stored.path ?? '')]
    expect(readdirSync(directory).toSorted()).toEqual(expected.toSorted())
  })

  test('does not remove an upload that its client gave such a name, in the directory or a folder', async () => {
    const directory = await newDirectory()
    const place = join(directory, 'place')
    for (const inFolder of ['', 'place/']) {
      const stored = disk({ directory, name: ({ originalName }) => inFolder + safeFileName(originalName)! })
      const { path = '' } = await store(stored, source(10), { ...info, originalName: old })
      await utimes(path, new Date(0), new Date(0))
      await store(make(inFolder === '' ? directory : place, 1000), source(10))
      await delay(30)
      expect(existsSync(path)).toBe(true)
    }
    const named = disk({ directory, name: () => old })
    await expect(store(named, source(10))).rejects.toThrow(/not a safe path/)
  })

  test('removes those older than sweepAge', async () => {
    const directory = await litter()
    const now = join(directory, young)
    await utimes(now, new Date(), new Date(Date.now() - 2000))
    await store(make(directory, 1000), source(10))
    await vi.waitUntil(() => !existsSync(now), { timeout: 30_000 })
    expect(existsSync(join(directory, folder))).toBe(true)
  })

  test('removes none with a sweepAge of Infinity', async () => {
    const directory = await litter()
    await store(make(directory, Infinity), source(10))
    await delay(30)
    expect(existsSync(join(directory, old))).toBe(true)
  })
})

test.each<[string, () => unknown]>([
  ['directory must be a path, not ""', () => disk({ directory: '' })],
  // @ts-expect-error -- possible without types
  ['directory must be a path, not undefined', () => disk({})],
  // @ts-expect-error -- as above
  ['name must be a function', () => disk({ directory: 'a', name: 'photo.png' })],
  ...[0o1600, 0o700, 0o400, 0o070, 640, 644, 600, 440, 1.5, -1, NaN, Infinity].map(
    (mode): [string, () => unknown] => [
      'mode must be permissions that include 0o600 and no more than 0o666, not 0o',
      () => disk({ directory: 'a', mode }),
    ],
  ),
  // @ts-expect-error -- as above
  ['and no more than 0o666, not "0640"', () => disk({ directory: 'a', mode: '0640' })],
  // @ts-expect-error -- as above
  ['and no more than 0o666, not null', () => disk({ directory: 'a', mode: null })],
  ...[0o600, 750, 755, 700, 777, 2775, 0o10_700].map((directoryMode): [string, () => unknown] => [
    'directoryMode must be permissions that include 0o700 and no more than 0o7777, not 0o',
    () => disk({ directory: 'a', directoryMode }),
  ]),
  ['sweepAge must be 0 or more, not -1', () => disk({ directory: 'a', sweepAge: -1 })],
  ['threshold must be 0 bytes or more, not NaN', () => spool({ threshold: NaN })],
  // @ts-expect-error -- as above
  ['threshold must be 0 bytes or more, not 1mb', () => spool({ threshold: '1mb' })],
  ['sweepAge must be 0 or more, not NaN', () => spool({ sweepAge: NaN })],
])('an invalid option of a storage throws at the call: %s', (message, define) => {
  expect(define).toThrow(message)
})

test('a directory that cannot be created is tried again for the next file', async () => {
  const parent = await newDirectory()
  const directory = join(parent, 'blocked')
  await writeFile(directory, 'a file is in the way')
  const storage = disk({ directory })
  await expect(store(storage, source(10))).rejects.toMatchObject({ code: 'EEXIST' })
  await rm(directory)
  expect((await store(storage, source(10))).size).toBe(10)
  await chmod(directory, 0o700)
})
