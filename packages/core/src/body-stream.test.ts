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

/** A stream that gives all its chunks in one turn of the event loop, as Node's parser does with the chunks of one read. */
function inOneTurn(chunks: readonly string[]): Readable {
  const origin = new Readable({ read: () => undefined })
  setImmediate(() => {
    for (const chunk of chunks) origin.push(Buffer.from(chunk))
    origin.push(null)
  })
  return origin
}

const letters = Array.from({ length: 1000 }, (_, at) => String.fromCharCode(97 + (at % 26)))

test.each([
  ['single bytes', letters],
  ['single bytes and a large piece', [...letters, 'x'.repeat(5000), 'y']],
  ['single bytes, and more than is kept in one turn', Array.from({ length: 40 }, () => letters).flat()],
])('%s of one turn are read in order, up to the limit', async (_, chunks) => {
  const all = chunks.join('')
  expect(await read(inOneTurn(chunks), { limit: all.length, idle: 1000 })).toEqual([all, undefined])
  const limit = all.length - 1
  expect(await read(inOneTurn(chunks), { limit, idle: 1000 })).toEqual([
    all.slice(0, limit),
    'LIMIT_BODY_SIZE',
  ])
})

test.each([
  ['at once', () => undefined],
  ['one after the other', () => delay(1)],
])('a thousand bytes of one turn are handed on in few pieces, taken %s', async (_, wait) => {
  const body = new BodyStream(inOneTurn(letters), {
    limit: 1000,
    idle: 1000,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  const pieces: string[] = []
  let taking = 0
  await body.each((piece) => {
    expect(taking).toBe(0)
    pieces.push(piece.toString())
    const busy = wait()
    if (busy === undefined) return undefined
    taking += 1
    return busy.then(() => void (taking -= 1))
  })
  expect(pieces.join('')).toBe(letters.join(''))
  expect(pieces.length).toBeLessThan(30)
})

test('the bytes of a client that goes away in the same turn are still read', async () => {
  const origin = new Readable({ read: () => undefined })
  setImmediate(() => {
    for (const letter of letters) origin.push(Buffer.from(letter))
    origin.destroy(new Error('gone'))
  })
  const [text, error] = await read(origin, { limit: 1000, idle: 1000 })
  expect(letters.join('').startsWith(text)).toBe(true)
  expect(error).toBe('CLIENT_ABORTED')
})

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
    idle: 200,
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  origin.push(Buffer.alloc(100_000))
  await once(body, 'readable')
  await delay(150)
  expect(body.isHeldBack).toBe(true)
  const rest = text(body)
  await delay(150)
  origin.push(null)
  expect(await rest).toHaveLength(100_000)
})

test('what has been read to its end before is empty at once, and waits for no time limit', async () => {
  const origin = Readable.from([Buffer.from('abc')])
  await origin.toArray()
  expect(await read(origin, { limit: 10, idle: 50 })).toEqual(['', undefined])
})
