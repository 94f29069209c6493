import { setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Intake } from './intake.js'

const KiB = 1024
const { signal: never } = new AbortController()
setMaxListeners(0, never)

/** An endless source that counts what was taken out of it. */
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

/** What the chunks keep in memory, buffers that they share counted once. */
function footprint(chunks: readonly Uint8Array[]): number {
  return [...new Set(chunks.map((chunk) => chunk.buffer))].reduce((sum, buffer) => sum + buffer.byteLength, 0)
}

test('all bytes arrive in order, whatever the size of the chunks', async () => {
  const parts = [1, 5000, 1, 1, 70_000, 4095, 4096, 0, 3].map((size, index) => Buffer.alloc(size, index + 1))
  const intake = new Intake(Readable.from(parts, { objectMode: false }), never)
  await intake.fill(Infinity)
  expect(Buffer.concat(intake.drain()).equals(Buffer.concat(parts))).toBe(true)
})

test('a source that nobody empties is paused at 512 KiB', async () => {
  const { stream, produced } = endless(64 * KiB)
  const intake = new Intake(stream, never)
  await intake.fill(1)
  await delay(50)
  expect(intake.size).toBeLessThanOrEqual(512 * KiB)
  expect(produced()).toBeLessThanOrEqual(512 * KiB + 2 * 64 * KiB)
  intake.stop()
  stream.destroy()
})

test('a paused source goes on when it is emptied', async () => {
  const { stream, produced } = endless(64 * KiB)
  const intake = new Intake(stream, never)
  await intake.fill(1024 * KiB)
  await delay(20)
  const before = produced()
  intake.drain()
  await intake.fill(1024 * KiB)
  expect(produced()).toBeGreaterThan(before)
  intake.stop()
  stream.destroy()
})

test('many uploads at once share one budget', async () => {
  const sources = Array.from({ length: 200 }, () => endless(16 * KiB))
  const intakes = sources.map(({ stream }) => new Intake(stream, never))
  const least = (): number => Math.min(...intakes.map((intake) => intake.size))
  await expect.poll(least).toBeGreaterThanOrEqual(64 * KiB)
  await delay(200)
  const held = intakes.reduce((sum, intake) => sum + intake.size, 0)
  expect(held).toBeLessThanOrEqual(16 * KiB * KiB + 200 * 16 * KiB)
  for (const intake of intakes) intake.stop()
  for (const { stream } of sources) stream.destroy()
})

test('a file that comes byte by byte costs about its size, and few chunks', async () => {
  const size = 300 * KiB
  const bytes = Array.from({ length: size }, (_, index) => Buffer.from([index & 255]))
  const intake = new Intake(Readable.from(bytes, { objectMode: false }), never)
  await intake.fill(Infinity)
  const chunks = intake.drain()
  expect(chunks.length).toBeLessThan(30)
  expect(footprint(chunks)).toBeLessThan(2 * size)
  expect(Buffer.concat(chunks).every((byte, index) => byte === (index & 255))).toBe(true)
})

test('a file that comes byte by byte is whole, however often it is emptied in between', async () => {
  const stream = new Readable({ read() {} })
  const intake = new Intake(stream, never)
  const taken: Uint8Array[] = []
  for (let round = 0; round < 20; round++) {
    for (const byte of [1, 2, 3, 4, 5]) stream.push(Buffer.from([byte]))
    await intake.fill(5)
    taken.push(...intake.drain())
  }
  expect(Array.from(Buffer.concat(taken))).toEqual(Array.from({ length: 100 }, (_, index) => (index % 5) + 1))
  intake.stop()
})

test('a small slice does not keep the large buffer that it was cut from', async () => {
  const slices = Array.from({ length: 50 }, () => Buffer.alloc(64 * KiB).subarray(100, 100 + 8 * KiB))
  const intake = new Intake(Readable.from(slices, { objectMode: false }), never)
  await intake.fill(Infinity)
  expect(footprint(intake.drain())).toBeLessThan(2 * 50 * 8 * KiB)
})

test('a large chunk is kept as it is, not copied', async () => {
  const chunk = Buffer.alloc(64 * KiB).subarray(500)
  const intake = new Intake(Readable.from([chunk], { objectMode: false }), never)
  await intake.fill(Infinity)
  expect(intake.drain()[0]?.buffer).toBe(chunk.buffer)
})

test('a stream that failed before it was read fails the intake with its own error', async () => {
  const broken = new Error('cut off')
  const stream = new Readable({ read() {} }).on('error', () => undefined)
  stream.destroy(broken)
  await delay(1)
  await expect(new Intake(stream, never).fill(1)).rejects.toBe(broken)
})

test('a stream that is closed before its end fails, rather than passing for a short file', async () => {
  const stream = new Readable({ read() {} })
  const intake = new Intake(stream, never)
  stream.push('abc')
  setTimeout(() => stream.destroy(), 5)
  await expect(intake.fill(Infinity)).rejects.toThrow('closed before its end')
})

test('a stream that has ended already is an empty file', async () => {
  const stream = Readable.from([], { objectMode: false })
  await stream.resume().toArray()
  const intake = new Intake(stream, never)
  await intake.fill(Infinity)
  expect(intake.drain()).toEqual([])
})

test('an error that comes after the intake was given up does not end the process', async () => {
  const stream = new Readable({ read() {} })
  const intake = new Intake(stream, never)
  intake.stop()
  stream.destroy(new Error('too late'))
  await delay(5)
  expect(stream.errored?.message).toBe('too late')
})
