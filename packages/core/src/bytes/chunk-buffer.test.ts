import { setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ChunkBuffer } from './chunk-buffer.js'

const KiB = 1024
const { signal: never } = new AbortController()
setMaxListeners(0, never)

/** An endless source that counts the bytes it has produced. */
function endless(chunkSize: number): { stream: Readable; produced: () => number } {
  let produced = 0
  const stream = new Readable({
    read() {
      produced += chunkSize
      this.push(Buffer.alloc(chunkSize))
    },
  })
  return { stream, produced: () => produced }
}

/** Bytes of memory that the chunks hold, shared buffers counted once. */
function footprint(chunks: readonly Uint8Array[]): number {
  return [...new Set(chunks.map((chunk) => chunk.buffer))].reduce((sum, buffer) => sum + buffer.byteLength, 0)
}

test('all bytes arrive in order, in chunks of any size', async () => {
  const parts = [1, 5000, 1, 1, 70_000, 4095, 4096, 0, 3].map((size, index) => Buffer.alloc(size, index + 1))
  const buffer = new ChunkBuffer(Readable.from(parts, { objectMode: false }), never)
  await buffer.fill(Infinity)
  expect(Buffer.concat(buffer.drain()).equals(Buffer.concat(parts))).toBe(true)
})

test('a source is paused at 512 KiB if the buffer is not drained', async () => {
  const { stream, produced } = endless(64 * KiB)
  const buffer = new ChunkBuffer(stream, never)
  await buffer.fill(1)
  await delay(50)
  expect(buffer.size).toBeLessThanOrEqual(512 * KiB)
  expect(produced()).toBeLessThanOrEqual(512 * KiB + 2 * 64 * KiB)
  buffer.stop()
  stream.destroy()
})

test('a paused source goes on when the buffer is drained', async () => {
  const { stream, produced } = endless(64 * KiB)
  const buffer = new ChunkBuffer(stream, never)
  await buffer.fill(1024 * KiB)
  await delay(20)
  const before = produced()
  buffer.drain()
  await buffer.fill(1024 * KiB)
  expect(produced()).toBeGreaterThan(before)
  buffer.stop()
  stream.destroy()
})

test('many uploads at once share one budget', async () => {
  const sources = Array.from({ length: 200 }, () => endless(16 * KiB))
  const buffers = sources.map(({ stream }) => new ChunkBuffer(stream, never))
  const least = (): number => Math.min(...buffers.map((buffer) => buffer.size))
  await expect.poll(least).toBeGreaterThanOrEqual(64 * KiB)
  await delay(200)
  const held = buffers.reduce((sum, buffer) => sum + buffer.size, 0)
  expect(held).toBeLessThanOrEqual(16 * KiB * KiB + 200 * 16 * KiB)
  for (const buffer of buffers) buffer.stop()
  for (const { stream } of sources) stream.destroy()
})

test('a file that arrives byte by byte takes about its size in memory, and few chunks', async () => {
  const size = 300 * KiB
  const bytes = Array.from({ length: size }, (_, index) => Buffer.from([index & 255]))
  const buffer = new ChunkBuffer(Readable.from(bytes, { objectMode: false }), never)
  await buffer.fill(Infinity)
  const chunks = buffer.drain()
  expect(chunks.length).toBeLessThan(30)
  expect(footprint(chunks)).toBeLessThan(2 * size)
  expect(Buffer.concat(chunks).every((byte, index) => byte === (index & 255))).toBe(true)
})

test('a file that arrives byte by byte is complete, even if the buffer is drained in between', async () => {
  const stream = new Readable({ read() {} })
  const buffer = new ChunkBuffer(stream, never)
  const taken: Uint8Array[] = []
  for (let round = 0; round < 20; round++) {
    for (const byte of [1, 2, 3, 4, 5]) stream.push(Buffer.from([byte]))
    await buffer.fill(5)
    taken.push(...buffer.drain())
  }
  expect(Array.from(Buffer.concat(taken))).toEqual(Array.from({ length: 100 }, (_, index) => (index % 5) + 1))
  buffer.stop()
})

test('a small slice does not keep its large buffer in memory', async () => {
  const slices = Array.from({ length: 50 }, () => Buffer.alloc(64 * KiB).subarray(100, 100 + 8 * KiB))
  const buffer = new ChunkBuffer(Readable.from(slices, { objectMode: false }), never)
  await buffer.fill(Infinity)
  expect(footprint(buffer.drain())).toBeLessThan(2 * 50 * 8 * KiB)
})

test('a large chunk is not copied', async () => {
  const chunk = Buffer.alloc(64 * KiB).subarray(500)
  const buffer = new ChunkBuffer(Readable.from([chunk], { objectMode: false }), never)
  await buffer.fill(Infinity)
  expect(buffer.drain()[0]?.buffer).toBe(chunk.buffer)
})

test('a stream that failed before it was read fails the buffer with the same error', async () => {
  const broken = new Error('cut off')
  const stream = new Readable({ read() {} }).on('error', () => undefined)
  stream.destroy(broken)
  await delay(1)
  await expect(new ChunkBuffer(stream, never).fill(1)).rejects.toBe(broken)
})

test('a stream that is closed before its end is an error, not a short file', async () => {
  const stream = new Readable({ read() {} })
  const buffer = new ChunkBuffer(stream, never)
  stream.push('abc')
  setTimeout(() => stream.destroy(), 5)
  await expect(buffer.fill(Infinity)).rejects.toThrow('closed before its end')
})

test('a stream that has already ended is an empty file', async () => {
  const stream = Readable.from([], { objectMode: false })
  await stream.resume().toArray()
  const buffer = new ChunkBuffer(stream, never)
  await buffer.fill(Infinity)
  expect(buffer.drain()).toEqual([])
})

test('an error of the stream after stop() does not end the process', async () => {
  const stream = new Readable({ read() {} })
  const buffer = new ChunkBuffer(stream, never)
  buffer.stop()
  stream.destroy(new Error('too late'))
  await delay(5)
  expect(stream.errored?.message).toBe('too late')
})
