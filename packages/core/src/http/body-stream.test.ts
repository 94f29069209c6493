import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BodyStream, forEachChunk, type BodyBounds } from './body-stream.js'
import { BodyError } from '../errors.js'

/** The text that is read of these chunks within a limit of bytes, and the code of the error. */
function readChunks(chunks: readonly string[], limit: number): ReturnType<typeof read> {
  return read(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), { limit, idle: Infinity })
}

async function read(
  origin: Readable,
  bounds: Pick<BodyBounds, 'limit' | 'idle' | 'total'>,
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
  'the bytes of a body that is too long are read up to the limit, cut as %j',
  async (chunks) => {
    expect(await readChunks(chunks, 6)).toEqual(['abcdef', undefined])
    expect(await readChunks(chunks, 5)).toEqual(['abcde', 'LIMIT_BODY_SIZE'])
    expect(await readChunks(chunks, 0)).toEqual(['', 'LIMIT_BODY_SIZE'])
  },
)

/** A stream that emits all its chunks in one turn of the event loop, as Node's parser does with those of one read. */
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
  ['single bytes and a large chunk', [...letters, 'x'.repeat(5000), 'y']],
  ['single bytes, and more than is kept in one turn', Array.from({ length: 40 }, () => letters).flat()],
])('%s in one turn of the event loop are read in order, up to the limit', async (_, chunks) => {
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
])('a thousand bytes of one turn are handed on in few chunks, taken %s', async (_, wait) => {
  const body = new BodyStream(inOneTurn(letters), {
    limit: 1000,
    idle: 1000,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  const chunks: string[] = []
  let taking = 0
  await body.each((chunk) => {
    expect(taking).toBe(0)
    chunks.push(chunk.toString())
    const busy = wait()
    if (busy === undefined) return undefined
    taking += 1
    return busy.then(() => void (taking -= 1))
  })
  expect(chunks.join('')).toBe(letters.join(''))
  expect(chunks.length).toBeLessThan(30)
})

test('the bytes of a client that disconnects in the same turn are still read', async () => {
  const origin = new Readable({ read: () => undefined })
  setImmediate(() => {
    for (const letter of letters) origin.push(Buffer.from(letter))
    origin.destroy(new Error('gone'))
  })
  const [text, error] = await read(origin, { limit: 1000, idle: 1000 })
  expect(letters.join('').startsWith(text)).toBe(true)
  expect(error).toBe('CLIENT_ABORTED')
})

test('a complete body may wait for its reader', async () => {
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

test('a client that was held back gets its whole idle time again', async () => {
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

test('a stream that was read to its end before is empty at once', async () => {
  const origin = Readable.from([Buffer.from('abc')])
  await origin.toArray()
  expect(await read(origin, { limit: 10, idle: 50 })).toEqual(['', undefined])
})

test('the total time limit ends a body, however often bytes arrive', async () => {
  const origin = new Readable({ read: () => undefined })
  const dripping = setInterval(() => origin.push('x'), 5)
  expect((await read(origin, { limit: 1e6, idle: 1e6, total: 50 }))[1]).toBe('TOTAL_TIMEOUT')
  clearInterval(dripping)
})

test('the total time does not count while the reader holds the client back', async () => {
  const origin = new Readable({ read: () => undefined })
  const body = new BodyStream(origin, {
    limit: 1e6,
    idle: Infinity,
    total: 200,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  const failure = once(body, 'error')
  // Nothing has been read yet.
  await delay(300)
  body.read()
  origin.push(Buffer.alloc(200_000))
  await expect.poll(() => body.isHeldBack).toBe(true)
  // Longer than all of its time, twice.
  await delay(500)
  expect(body.destroyed).toBe(false)
  body.resume()
  expect((await failure)[0]).toMatchObject({ code: 'TOTAL_TIMEOUT', limit: 200 })
})

test('a limit beyond the longest timer of Node does not end a body at once', async () => {
  const origin = new Readable({ read: () => undefined })
  const reading = read(origin, { limit: 9, idle: 2 ** 40, total: 2 ** 40 })
  await delay(30)
  origin.push('abc')
  origin.push(null)
  expect(await reading).toEqual(['abc', undefined])
})

/** A body whose bytes come one by one, as chunks of their own. */
function byteByByte(size: number): Readable {
  const bytes = Buffer.from(Array.from({ length: size }, (_, at) => at % 251))
  return Readable.from(Array.from({ length: size }, (_, at) => bytes.subarray(at, at + 1)))
}

const unbounded = {
  limit: 1e6,
  idle: Infinity,
  tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
  lost: () => new BodyError('CLIENT_ABORTED'),
}

test('single bytes that arrive while the reader is busy are gathered in few chunks, in order', async () => {
  const body = new BodyStream(byteByByte(20_000), unbounded)
  body.read(0)
  await delay(200)
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk as Buffer)
  expect(chunks.length).toBeLessThan(20)
  expect(Buffer.concat(chunks)).toEqual(await buffer(byteByByte(20_000)))
})

test('single bytes that arrive while a chunk is being consumed are gathered too', async () => {
  const chunks: Buffer[] = []
  await new BodyStream(byteByByte(20_000), unbounded).each((chunk) => {
    chunks.push(Buffer.from(chunk))
    return delay(20)
  })
  expect(chunks.length).toBeLessThan(200)
  expect(Buffer.concat(chunks)).toEqual(await buffer(byteByByte(20_000)))
})

test('the limit applies to gathered bytes', async () => {
  for (const limit of [1, 100, 5000, 19_999]) {
    let taken = 0
    const each = new BodyStream(byteByByte(20_000), { ...unbounded, limit }).each((chunk) => {
      taken += chunk.length
      return delay(5)
    })
    await expect(each).rejects.toMatchObject({ code: 'LIMIT_BODY_SIZE' })
    expect(taken).toBe(limit)
  }
})

test('forEachChunk: after a callback has thrown, it is not called again', async () => {
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

test('forEachChunk: a stream that is closed before its end is an error', async () => {
  const stream = new Readable({ read: () => undefined })
  const reading = forEachChunk(stream, () => undefined)
  stream.destroy()
  await expect(reading).rejects.toThrow('The stream was closed.')
})
