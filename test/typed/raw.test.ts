/** `bytes()` and `stream()`: the body as it is. */
import { bytes, stream, type BodyOptions } from '@formgate/core'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test, vi } from 'vitest'
import { Connection, head, type Sent } from '../adapters/client.js'
import { frameworks, type Handling } from '../adapters/frameworks.js'
import { mounts, serve, serveApp } from './app.js'

const binary = (size: number): Sent => ({ type: 'application/octet-stream', body: Buffer.alloc(size, 'ab') })

const describeData = ({ data }: Handling): unknown =>
  Buffer.isBuffer(data) ? { bytes: data.length, first: data.toString('latin1', 0, 4) } : 'no Buffer'

const lengthOf = async ({ data }: Handling): Promise<unknown> => ({
  bytes: data instanceof Readable ? (await buffer(data)).length : 'no Readable',
})

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const above = mount === undefined ? {} : { mount }

  test('bytes() gives a Buffer for any media type that is unread', async () => {
    const send = await serve(framework, ({ body }) => body(bytes()), { ...above, handler: describeData })
    expect((await send(binary(100_000))).json).toEqual({ bytes: 100_000, first: 'abab' })
    expect((await send({ ...binary(10), framing: 'chunked' })).json).toMatchObject({ bytes: 10 })
    expect((await send({ body: 'no type' })).json).toEqual({ bytes: 7, first: 'no t' })
    expect((await send({ type: 'image/png', body: 'x' })).json).toMatchObject({ bytes: 1 })
  })

  test('bytes() below an eager multipart() that has read the body is a 415 that says what to change', async () => {
    const send = await serve(framework, ({ body }) => body(bytes()), { ...above, handler: describeData })
    const answer = await send({ type: 'application/json', body: '{"a":1}' })
    if (mount !== undefined && mount.lazy === undefined) {
      expect(answer.status).toBe(415)
      expect(answer.json.hint).toContain('multipart({ lazy: true })')
    } else {
      expect(answer.json).toEqual({ bytes: 7, first: '{"a"' })
    }
  })

  test('bytes({ min, max }) answers 422 below, 413 above, and admits both bounds', async () => {
    const send = await serve(framework, ({ body }) => body(bytes({ min: 5, max: 8 })), {
      ...above,
      handler: describeData,
    })
    const short = await send(binary(4))
    expect(short.json).toMatchObject({
      status: 422,
      code: 'VALIDATION_FAILED',
      errors: [{ path: '', message: 'Data should have at least 5 bytes', code: 'too_small' }],
    })
    expect((await send(binary(5))).json).toMatchObject({ bytes: 5 })
    expect((await send(binary(8))).json).toMatchObject({ bytes: 8 })
    expect((await send(binary(9))).json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE', limit: 8 })
    const chunked = await send({ ...binary(9), framing: 'chunked' })
    expect(chunked.json).toMatchObject({ status: 413, limit: 8 })
    expect((await send({})).json).toMatchObject({ status: 422 })
  })

  test('bytes() without a body is an empty Buffer or the default', async () => {
    const of = (options?: BodyOptions) =>
      serve(framework, ({ body }) => body(bytes(), options), { ...above, handler: describeData })
    for (const framing of ['length', 'chunked'] as const) {
      expect((await (await of())({ framing })).json).toMatchObject({ bytes: 0 })
      expect((await (await of({ default: Buffer.from('abc') }))({ framing })).json).toMatchObject({
        bytes: 3,
      })
    }
  })

  test('too few bytes() are answered with the status of the route', async () => {
    const send = await serve(framework, ({ body }) => body(bytes({ min: 1 }), { status: 400 }), above)
    expect((await send({})).status).toBe(400)
  })

  test('contentType limits what bytes() and stream() accept', async () => {
    for (const type of [bytes(), stream()]) {
      const send = await serve(
        framework,
        ({ body }) => body(type, { contentType: ['image/*', 'application/pdf'] }),
        { ...above, handler: () => 'taken' },
      )
      expect((await send({ type: 'image/png', body: 'x' })).status).toBe(200)
      expect((await send({ type: 'application/pdf', body: 'x' })).status).toBe(200)
      const other = await send({ type: 'text/plain', body: 'x' })
      expect(other.status).toBe(415)
      expect(other.headers['accept']).toBe('image/*, application/pdf')
    }
  })

  test('stream() gives the unread body up to the size limit', async () => {
    const send = await serve(framework, ({ body }) => body(stream(), { limits: { bodySize: 100_000 } }), {
      ...above,
      handler: lengthOf,
    })
    expect((await send(binary(100_000))).json).toEqual({ bytes: 100_000 })
    expect((await send({ ...binary(70_000), framing: 'chunked' })).json).toEqual({ bytes: 70_000 })
    expect((await send({})).json).toEqual({ bytes: 0 })
    expect((await send(binary(100_001))).json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE' })
    const chunked = await send({ ...binary(100_001), framing: 'chunked' })
    expect(chunked.status).toBe(413)
  })

  test('a handler may leave a stream() unread', async () => {
    const send = await serve(framework, ({ body }) => body(stream()), { ...above, handler: () => 'done' })
    expect((await send(binary(10))).json).toBe('done')
    expect((await send(binary(3_000_000))).json).toBe('done')
  })

  test('a client that disconnects before a stream() is read is an error for the handler alone', async () => {
    const told = vi.fn<(code: unknown) => void>()
    let began: () => void = () => undefined
    const beginning = new Promise<void>((resolve) => (began = resolve))
    const app = await serveApp(framework, ({ body }) => body(stream()), {
      ...above,
      async handler({ data, request }) {
        began()
        await new Promise((resolve) => request.once('close', resolve))
        await buffer(data as Readable).catch((error: unknown) => told((error as { code?: unknown }).code))
        return 'too late'
      },
    })
    const connection = await Connection.open(app.port)
    connection.write(head({ type: 'image/png', framing: 'none', headers: { 'Content-Length': '1000000' } }))
    connection.write('some')
    await beginning
    connection.destroy()
    await vi.waitFor(() => expect(told).toHaveBeenCalledWith('CLIENT_ABORTED'), { timeout: 30_000 })
  }, 15_000)
})
