/** Bodies that arrive whole with their headers are parsed without a stream. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { BaseParser, JSONParser, type MediaType, type ParserContext, type Progress } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { chunk, Connection, exchange, field, file, form, head, lastChunk, multipartX } from './client.js'
import { frameworks, type Description, type Handling } from './frameworks.js'
import { looking } from './looking.js'

/** Tells whether it was given bytes or a stream. */
class Telling extends BaseParser {
  readonly mediaType: string = 'text/plain'

  override get inflates(): boolean {
    return true
  }

  async parse(stream: Readable): Promise<unknown> {
    return { stream: (await buffer(stream)).toString('latin1') }
  }

  override parseBytes(bytes: Buffer): unknown {
    return { bytes: bytes.toString('latin1') }
  }
}

const type = 'text/plain'
const telling = { mount: { parsers: [Telling] }, routes: [{ path: '/' }] } satisfies Description

describe.each(frameworks)('$name', ({ start }) => {
  async function answerOf(
    description: Description,
    send: (connection: Connection) => unknown,
  ): Promise<unknown> {
    const app = await start(description)
    const connection = await Connection.open(app.port)
    try {
      await send(connection)
      const { json } = await connection.answer()
      return json.data ?? json
    } finally {
      connection.destroy()
      await app.close()
    }
  }

  test('a body that arrives with its headers is parsed as bytes', async () => {
    const sent = { type, body: 'abc' }
    expect(await answerOf(telling, (to) => to.write(head(sent) + 'abc'))).toEqual({ bytes: 'abc' })
    const chunked = head({ ...sent, framing: 'chunked' }) + chunk('abc').toString() + lastChunk
    expect(await answerOf(telling, (to) => to.write(chunked))).toEqual({ bytes: 'abc' })
  })

  test('a body that arrives after its headers, or in chunks, is parsed as a stream', async () => {
    const sent = { type, body: 'abc' }
    const inTwo = (first: string, rest: string): Promise<unknown> => {
      let isThere = false
      const app = { ...telling, above: looking(() => (isThere = true)) }
      return answerOf(app, async (to) => {
        to.write(first)
        await expect.poll(() => isThere).toBe(true)
        to.write(rest)
      })
    }
    expect(await inTwo(head(sent), 'abc')).toEqual({ stream: 'abc' })
    expect(await inTwo(head(sent) + 'a', 'bc')).toEqual({ stream: 'abc' })
  })

  test('a compressed body, or one whose progress is watched, is parsed as a stream', async () => {
    const body = gzipSync('abc')
    const zipped = { type, body, headers: { 'Content-Encoding': 'gzip' } }
    const request = Buffer.concat([Buffer.from(head(zipped)), body])
    expect(await answerOf(telling, (to) => to.write(request))).toEqual({ stream: 'abc' })
    const progress: number[] = []
    const mount = { ...telling.mount, onProgress: ({ received }: Progress) => void progress.push(received) }
    const watched = { ...telling, mount } satisfies Description
    expect(await answerOf(watched, (to) => to.write(head({ type, body: 'abc' }) + 'abc'))).toEqual({
      stream: 'abc',
    })
    expect(progress).toEqual([3])
  })

  test('an overridden parse() sees every body, even if parseBytes() is inherited', async () => {
    class Wrapping extends JSONParser {
      override async parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<unknown> {
        return { wrapped: await super.parse(stream, mediaType, context) }
      }
    }
    const app = { mount: { parsers: [Wrapping] }, routes: [{ path: '/' }] }
    const sent = { type: 'application/json', body: '{"a":1}' }
    expect(await answerOf(app, (to) => to.write(head(sent) + sent.body))).toEqual({ wrapped: { a: 1 } })
  })

  test('a listener on the request sees the body, its end and its close', async () => {
    const seen: unknown[] = []
    const listen = (request: IncomingMessage): void => {
      request.on('data', (chunk: Buffer) => seen.push(String(chunk))).pause()
      request.on('end', () => seen.push('end')).on('close', () => seen.push('close'))
    }
    const sent = { type, body: 'abc' }
    const app = { ...telling, above: looking(listen) }
    expect(await answerOf(app, (to) => to.write(head(sent) + 'abc'))).toEqual({ bytes: 'abc' })
    expect(seen).toEqual(['abc', 'end', 'close'])
  })

  test('a connection carries several such bodies in a row, also in one write', async () => {
    const app = await start(telling)
    const connection = await Connection.open(app.port)
    try {
      const request = (body: string): string => head({ type, body }) + body
      for (const body of ['first', 'second'])
        expect((await connection.write(request(body)).answer()).json.data).toEqual({ bytes: body })
      connection.write(request('third') + request('fourth'))
      expect((await connection.answer()).json.data).toMatchObject({ bytes: 'third' })
      expect(Object.values((await connection.answer()).json.data)).toEqual(['fourth'])
    } finally {
      connection.destroy()
      await app.close()
    }
  })

  test.each<[string, string, string, object]>([
    ['over the limit', 'application/json', `"${'x'.repeat(30)}"`, { status: 413, code: 'LIMIT_BODY_SIZE' }],
    ['of malformed JSON', 'application/json', '{"a":', { status: 400, code: 'MALFORMED_JSON' }],
    ['of a truncated form', multipartX, '--X\r\n', { status: 400, code: 'TRUNCATED_BODY' }],
    [
      'without a boundary',
      'multipart/form-data',
      '--X\r\nContent-Type: a/b\r\n',
      { status: 400, code: 'MISSING_BOUNDARY', hint: expect.stringContaining('boundary "X"') },
    ],
    [
      'in an unknown charset',
      'application/x-www-form-urlencoded; charset=klingon',
      'a=b',
      { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    ],
  ])('a whole body %s is refused', async (_, mediaType, body, expected) => {
    const app = await start({ mount: { limits: { textSize: 20 } }, routes: [{ path: '/' }] })
    try {
      const sent = { type: mediaType, body }
      const { status, json } = await exchange(app.port, sent)
      expect({ status, ...json }).toMatchObject(expected)
    } finally {
      await app.close()
    }
  })

  test('a form with a file is read whole', async () => {
    const body = form('X', [field('a'), '1'], [file('f', 'f.txt'), 'abc'])
    const handler = ({ data, files }: Handling): unknown => ({
      a: (data as { a: string }).a,
      sizes: files['f']?.map(({ size }) => size),
    })
    const app = { mount: {}, routes: [{ path: '/', handler }] }
    const sent = { type: multipartX, body }
    expect(await answerOf(app, (to) => to.write(head(sent) + body))).toEqual({ a: '1', sizes: [3] })
  })
})
