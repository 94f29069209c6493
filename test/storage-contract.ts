/** The contract suite of storages, for your own as well. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { FileInfo, Storage, StoredFile } from '@formgate/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const KiB = 1024
const MiB = 1024 * KiB

/** A storage, and how to see what it has stored. */
export interface StorageUnderTest {
  readonly storage: Storage
  /** The directory that it writes to, with nothing else inside. */
  readonly directory?: string
  /** Lists what the storage holds, if it does not write to a directory. */
  readonly leftovers?: () => Promise<string[]>
  /** Removes all that the test has created. */
  close(): Promise<void>
}

/** Makes a storage fail until the returned function is called. */
export type Fault = (subject: StorageUnderTest) => Promise<() => Promise<void>>

export interface StorageContract {
  readonly make: () => Promise<StorageUnderTest>
  /** Sizes at which the storage changes its behavior, in bytes. */
  readonly edges?: readonly number[]
  /** The size of its largest file, in bytes. Default 64 MiB. */
  readonly largest?: number
  /** Each must fail a file of 4 MiB with an error that has a `code`. */
  readonly faults?: Readonly<Record<string, Fault>>
}

/** A storage leaves it as it is. */
export const info: FileInfo = Object.freeze({
  field: 'photo',
  name: 'photo.png',
  originalName: '../photo.png',
  type: 'image/png',
  headers: { 'content-disposition': 'form-data; name="photo"; filename="../photo.png"' },
  request: { headers: {} },
})

export function storageContract(
  name: string,
  { make, edges = [], largest = 64 * MiB, faults = {} }: StorageContract,
): void {
  let subject: StorageUnderTest

  describe(`${name} keeps the storage contract`, () => {
    beforeEach(async () => {
      subject = await make()
    })
    afterEach(() => subject.close())

    const sizes = [0, 1, 4095, 100 * KiB, ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]), largest]
    test.each(sizes)('a file of %i bytes comes back byte for byte', async (size) => {
      const stored = await store(source(size))
      expect(stored.size).toBe(size)
      expect(await digest(stored.createReadStream())).toBe(await digest(source(size)))
      await expectPrivate(stored)
      expect(openFiles()).toEqual([])
      await stored.remove()
      expect(await leftovers()).toEqual([])
    })

    test('a part of a file can be read, both ends included', async () => {
      for (const size of [1000, 1 * MiB]) {
        const stored = await store(source(size))
        const whole = await buffer(source(size))
        for (const range of [
          { start: 10, end: 20 },
          { start: 990 },
          { end: 0 },
          { start: 5, end: size * 2 },
          {},
        ]) {
          const { start = 0, end = Infinity } = range
          expect((await buffer(stored.createReadStream(range))).equals(whole.subarray(start, end + 1))).toBe(
            true,
          )
        }
        await stored.remove()
      }
    })

    test('a file whose bytes come slowly comes back whole', async () => {
      const stored = await store(slowly(5, 100 * KiB))
      expect(await digest(stored.createReadStream())).toBe(await digest(source(500 * KiB)))
      await stored.remove()
    })

    test('a hundred files at once are kept apart', async () => {
      const seeds = Array.from({ length: 100 }, (_, index) => index)
      const files = await Promise.all(seeds.map((seed) => store(source(1 * MiB, seed))))
      for (const seed of seeds) {
        const file = files[seed]
        expect(file && (await digest(file.createReadStream()))).toBe(await digest(source(1 * MiB, seed)))
      }
      expect(openFiles()).toEqual([])
      await Promise.all(files.map(async (file) => file.remove()))
      expect(await leftovers()).toEqual([])
    })

    test('a file can be removed twice', async () => {
      const stored = await store(source(1 * MiB))
      await stored.remove()
      await stored.remove()
      expect(await leftovers()).toEqual([])
    })

    test.each([0, 10, 300 * KiB, 3 * MiB])(
      'a stream that fails after %i bytes fails the file with the same error, and leaves nothing behind',
      async (size) => {
        const error = new Error('cut off')
        const stream = unending(size)
        const storing = outcome(store(stream))
        await drained(stream)
        stream.destroy(error)
        expect(await storing).toBe(error)
        await expectNothingLeft()
      },
    )

    test('a stream that is closed before its end fails the file, and leaves nothing behind', async () => {
      const stream = unending(1 * MiB)
      const storing = outcome(store(stream))
      await drained(stream)
      stream.destroy()
      expect(await storing).toBeInstanceOf(Error)
      await expectNothingLeft()
    })

    test.each([0, 10, 300 * KiB, 3 * MiB])(
      'an abort after %i bytes of an endless stream fails the file with its reason, and leaves nothing behind',
      async (size) => {
        const controller = new AbortController()
        const stream = unending(size)
        const storing = outcome(store(stream, controller.signal))
        await drained(stream)
        const reason = new Error('the request has failed')
        controller.abort(reason)
        expect(await storing).toBe(reason)
        await expectNothingLeft()
        stream.destroy()
      },
    )

    test('a file of a request that has already failed is not stored', async () => {
      const reason = new Error('the request has failed')
      expect(await outcome(store(source(1 * MiB), AbortSignal.abort(reason)))).toBe(reason)
      await expectNothingLeft()
    })

    test.each([100, 1 * MiB])(
      'an abort at the last of %i bytes leaves no file, or one that can be removed',
      async (size) => {
        const controller = new AbortController()
        const stream = source(size)
        stream.once('end', () => controller.abort(new Error('the request has failed')))
        const settled = await outcome(store(stream, controller.signal))
        if (isStored(settled)) await settled.remove()
        else expect(settled).toBe(controller.signal.reason)
        await expectNothingLeft()
      },
    )

    test('aborts at random moments leave nothing behind', async () => {
      const files = Array.from({ length: 60 }, async (_, index) => {
        const controller = new AbortController()
        const storing = outcome(store(slowly(10, 64 * KiB), controller.signal))
        await delay(index)
        controller.abort(new Error('the request has failed'))
        const settled = await storing
        if (isStored(settled)) await settled.remove()
      })
      await Promise.all(files)
      await expectNothingLeft()
    })

    test.each(Object.entries(faults))(
      'a storage that fails %s reports the error, and leaves neither a file nor a descriptor',
      async (_when, fault) => {
        const restore = await fault(subject)
        try {
          expect(await outcome(store(source(4 * MiB)))).toHaveProperty('code', expect.any(String))
          await expectNothingLeft()
        } finally {
          await restore()
        }
      },
    )
  })

  async function store(
    stream: Readable,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<StoredFile> {
    const stored = await subject.storage.store(stream, info, signal)
    if (stored === undefined) throw new Error('The storage declined the file.')
    return stored
  }

  async function leftovers(): Promise<string[]> {
    if (subject.leftovers) return subject.leftovers()
    const { directory } = subject
    if (directory === undefined || !existsSync(directory)) return []
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
  }

  function openFiles(): string[] {
    return subject.directory === undefined ? [] : openFilesIn(subject.directory)
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await leftovers()).toEqual([])
    // A read stream closes its descriptor a moment after its last byte.
    await expect.poll(openFiles, { timeout: 10_000 }).toEqual([])
  }
}

/** The files below a directory that this process holds open; empty on systems without /proc. */
export function openFilesIn(directory: string): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(directory) ? [target] : []
    } catch {
      return []
    }
  })
}

/** `size` bytes that depend on their offset and on `seed`, in chunks as from a socket. */
export function source(size: number, seed = 0): Readable {
  let offset = 0
  return new Readable({
    read() {
      if (offset >= size) {
        this.push(null)
        return
      }
      const chunk = Buffer.alloc(Math.min(64 * KiB, size - offset))
      for (let index = 0; index < chunk.length; index += 251) chunk[index] = (offset + index + seed) & 255
      offset += chunk.length
      this.push(chunk)
    },
  })
}

/** The same bytes as `source`, but with pauses. */
function slowly(count: number, chunkSize: number): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    const whole = await buffer(source(count * chunkSize))
    for (let index = 0; index < count; index++) {
      await delay(10)
      yield whole.subarray(index * chunkSize, (index + 1) * chunkSize)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}

/** A stream that never ends after its `size` bytes. */
function unending(size: number): Readable {
  const stream = source(size)
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown) => chunk !== null && push(chunk)
  return stream.on('error', () => undefined)
}

/** Waits until all bytes of an unending stream have been read. */
async function drained(stream: Readable): Promise<void> {
  do await delay(5)
  while (stream.readableLength > 0)
}

async function digest(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream as AsyncIterable<Uint8Array>) hash.update(chunk)
  return hash.digest('hex')
}

async function outcome<T>(promise: Promise<T>): Promise<unknown> {
  try {
    return await promise
  } catch (error) {
    return error
  }
}

function isStored(outcome: unknown): outcome is StoredFile {
  return typeof outcome === 'object' && outcome !== null && 'createReadStream' in outcome
}

async function expectPrivate({ path }: StoredFile): Promise<void> {
  if (path === undefined || process.platform === 'win32') return
  expect((await stat(path)).mode & 0o777).toBe(0o600)
}
