import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { eachPiece } from './body-stream.js'

test('after a piece that could not be taken no other is offered', async () => {
  const stream = new Readable({ read: () => undefined })
  for (const piece of ['one', 'two', 'three']) stream.push(piece)
  const taken: string[] = []
  const reading = eachPiece(stream, (piece) => {
    taken.push(String(piece))
    throw new Error(`Not ${String(piece)}.`)
  })
  await expect(reading).rejects.toThrow('Not one.')
  expect(taken).toEqual(['one'])
})

test('a stream that is closed before its end is an error', async () => {
  const stream = new Readable({ read: () => undefined })
  const reading = eachPiece(stream, () => undefined)
  stream.destroy()
  await expect(reading).rejects.toThrow('The stream was closed.')
})
