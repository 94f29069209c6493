import { buffer } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { RejectedContent } from './rejected-file.js'

const info = { field: 'f', name: 'a', originalName: 'a', type: '', headers: {} }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const held = (): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test.each([1, 3, 1000, 5000])('the first 4 KiB are kept from chunks of %i bytes', async (step) => {
  const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, at) => at % 251))
  const content = new RejectedContent()
  for (let at = 0; at < bytes.length; at += step) content.add(bytes, at, Math.min(at + step, bytes.length))
  expect(content.size).toBe(10_000)
  const file = content.toFile(info)
  expect(file.size).toBe(10_000)
  const sample = await buffer(file.createReadStream({ start: 0, end: 4095 }))
  expect(sample.equals(bytes.subarray(0, 4096))).toBe(true)
  expect(() => file.createReadStream({ start: 0, end: 4096 })).toThrow(/was not stored/)
})

test('a file that arrives byte by byte takes no additional memory', () => {
  const chunk = Buffer.from('x')
  const before = held()
  const contents = Array.from({ length: 100 }, () => new RejectedContent())
  for (const content of contents) for (let at = 0; at < 4096; at += 1) content.add(chunk, 0, 1)
  expect(held() - before).toBeLessThan(4 * 100 * 4096)
  expect(contents.every(({ size }) => size === 4096)).toBe(true)
})
