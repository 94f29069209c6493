import { expect, test } from 'vitest'
import { ByteBuffer } from './byte-buffer.js'

test('bytes of several chunks are joined', () => {
  const bytes = new ByteBuffer()
  for (const chunk of ['one ', 'two ', 'three']) bytes.add(Buffer.from(chunk), 0, chunk.length)
  expect(bytes.latin1()).toBe('one two three')
  expect(bytes.size).toBe(13)
})

test('only the given range of each chunk is added', () => {
  const bytes = new ByteBuffer()
  bytes.add(Buffer.from('-one-'), 1, 4)
  bytes.add(Buffer.from('-two-'), 1, 4)
  expect(bytes.toBuffer().toString()).toBe('onetwo')
})

test('bytes are never written into a chunk of which only the start was added', () => {
  const bytes = new ByteBuffer()
  const first = Buffer.from('\r\n--boundary')
  bytes.add(first, 0, 2)
  bytes.add(Buffer.from('xy'), 0, 2)
  expect(bytes.latin1()).toBe('\r\nxy')
  expect(first.toString()).toBe('\r\n--boundary')
})

test('bytes are never written into the first chunk after truncate(0)', () => {
  const bytes = new ByteBuffer()
  bytes.add(Buffer.from('a'), 0, 1)
  bytes.add(Buffer.from('b'), 0, 1)
  bytes.truncate(0)
  const chunk = Buffer.from('keep me')
  bytes.add(chunk, 0, 1)
  bytes.add(Buffer.from('!'), 0, 1)
  expect(bytes.latin1()).toBe('k!')
  expect(chunk.toString()).toBe('keep me')
})

test('bytes behind the added range of a chunk are neither found nor read', () => {
  const bytes = new ByteBuffer()
  bytes.add(Buffer.from('ab\r\n\r\n'), 0, 4)
  expect(bytes.indexOf(Buffer.from('\r\n\r\n'), 0)).toBe(-1)
  expect(bytes.indexOf(Buffer.from('\r\n'), 0)).toBe(2)
  expect(bytes.at(3)).toBe(10)
  expect(bytes.at(4)).toBeUndefined()
})

test('indexes count from the first added byte, not from the start of its chunk', () => {
  const bytes = new ByteBuffer()
  bytes.add(Buffer.from('xxab'), 2, 4)
  expect(bytes.at(0)).toBe(0x61)
  expect(bytes.at(-1)).toBeUndefined()
  expect(bytes.indexOf(Buffer.from('b'), 0)).toBe(1)
  bytes.truncate(1)
  expect(bytes.latin1()).toBe('a')
})

test('memory is reserved for the announced bytes only, unless more arrive', () => {
  const bytes = new ByteBuffer(100_000)
  bytes.add(Buffer.alloc(60_000, 'a'), 0, 60_000)
  bytes.add(Buffer.alloc(40_000, 'b'), 0, 40_000)
  expect(bytes.toBuffer().buffer.byteLength).toBe(100_000)
  bytes.add(Buffer.from('c'), 0, 1)
  expect(bytes.size).toBe(100_001)
  expect(bytes.latin1().endsWith('bc')).toBe(true)
})

test.each([0, 1, 5, Number.NaN])('bytes are joined even if the announced length is %d', (expected) => {
  const bytes = new ByteBuffer(expected)
  for (const chunk of ['one ', 'two ', 'three']) bytes.add(Buffer.from(chunk), 0, chunk.length)
  expect(bytes.latin1()).toBe('one two three')
})
