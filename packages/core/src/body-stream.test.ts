import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BodyStream, type BodyBounds } from './body-stream.js'
import { BodyError } from './errors.js'

/** What is read of these chunks, and what the stream fails with, where the body may have so many bytes. */
function readChunks(chunks: readonly string[], limit: number): ReturnType<typeof read> {
  return read(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), { limit, idle: Infinity })
}

async function read(
  origin: Readable,
  bounds: Pick<BodyBounds, 'limit' | 'idle'>,
): Promise<[text: string, error: string | undefined]> {
  const body = new BodyStream(origin, {
    ...bounds,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  let text = ''
  body.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const error = await new Promise<Error | undefined>((resolve) => {
    body.on('error', resolve).on('end', () => resolve(undefined))
  })
  return [text, error instanceof BodyError ? error.code : error?.message]
}

test.each([[['abcdef']], [['abc', 'def']], [['a', 'b', 'c', 'd', 'e', 'f']]])(
  'of a body that is too long the bytes up to the limit are read, cut as %j',
  async (chunks) => {
    expect(await readChunks(chunks, 6)).toEqual(['abcdef', undefined])
    expect(await readChunks(chunks, 5)).toEqual(['abcde', 'LIMIT_BODY_SIZE'])
    expect(await readChunks(chunks, 0)).toEqual(['', 'LIMIT_BODY_SIZE'])
  },
)

test('a body that has come whole may wait for its reader', async () => {
  const body = new BodyStream(Readable.from([Buffer.from('abc')]), {
    limit: 10,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    idle: 30,
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  await once(body, 'readable')
  await delay(100)
  expect(await text(body)).toBe('abc')
})

test('a client that was held back has all of its time again', async () => {
  const origin = new Readable({ read: () => undefined })
  const body = new BodyStream(origin, {
    limit: Infinity,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    idle: 2000,
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  origin.push(Buffer.alloc(100_000))
  await once(body, 'readable')
  await delay(1200)
  expect(body.isHeldBack).toBe(true)
  const rest = text(body)
  await delay(1200)
  origin.push(null)
  expect(await rest).toHaveLength(100_000)
})

test('what has been read to its end before is empty at once, and waits for no time limit', async () => {
  const origin = Readable.from([Buffer.from('abc')])
  await origin.toArray()
  expect(await read(origin, { limit: 10, idle: 50 })).toEqual(['', undefined])
})
