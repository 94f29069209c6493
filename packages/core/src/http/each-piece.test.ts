import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { forEachChunk } from './body-stream.js'

test('after a chunk that could not be taken no other is offered', async () => {
  const stream = new Readable({ read: () => undefined })
  for (const chunk of ['one', 'two', 'three']) stream.push(chunk)
  const taken: string[] = []
  const reading = forEachChunk(stream, (chunk) => {
    taken.push(String(chunk))
    throw new Error(`Not ${String(chunk)}.`)
  })
  await expect(reading).rejects.toThrow('Not one.')
  expect(taken).toEqual(['one'])
})

test('a stream that is closed before its end is an error', async () => {
  const stream = new Readable({ read: () => undefined })
  const reading = forEachChunk(stream, () => undefined)
  stream.destroy()
  await expect(reading).rejects.toThrow('The stream was closed.')
})
