import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { FileStreams } from './file-streams.js'

test('bytes that come one by one while a file is not read wait in few chunks, in their order', async () => {
  const streams: Readable[] = []
  const files = new FileStreams()
  const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, at) => at % 251))
  files.open((stream) => streams.push(stream))
  for (let at = 0; at < bytes.length; at += 1) {
    files.add(bytes, at, at + 1)
    void files.flush()
  }
  files.close()
  files.open((stream) => streams.push(stream))
  files.add(bytes, 0, 3)
  files.close()
  const end = files.end()
  const chunks: Buffer[] = []
  for await (const chunk of streams[0]!) chunks.push(chunk as Buffer)
  expect(chunks.length).toBeLessThan(20)
  expect(Buffer.concat(chunks)).toEqual(bytes)
  expect(await buffer(streams[1]!)).toEqual(bytes.subarray(0, 3))
  await end
})

test('bytes behind an unread byte come as soon as it is read, without more from the client', async () => {
  let stream: Readable | undefined
  const files = new FileStreams()
  files.open((opened) => (stream = opened))
  for (const byte of ['a', 'b', 'c']) {
    files.add(Buffer.from(byte), 0, 1)
    await files.flush()
  }
  let text = ''
  stream!.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await expect.poll(() => text).toBe('abc')
})
