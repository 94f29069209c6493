/** The same answers over HTTP/2, on the frameworks that speak it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk } from '@formgate/core'
import { multipart as onFastify } from '@formgate/fastify'
import { multipart as onKoa } from '@formgate/koa'
import { fastify } from 'fastify'
import Koa from 'koa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { field, file, form, multipartX } from './client.js'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'http2-'))
})
afterAll(() => rm(directory, { recursive: true }))

const options = () => ({ storage: disk({ directory }), limits: { fileSize: 100_000, textSize: 1000 } })

interface Running {
  readonly port: number
  close(): Promise<void>
}

/** Closes the server, and does not wait for sessions to end by themselves. */
function ending(server: Http2Server, close: () => Promise<unknown>): () => Promise<void> {
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  return async () => {
    const closed = close()
    for (const session of sessions) session.destroy()
    await closed
  }
}

const starts: Record<string, () => Promise<Running>> = {
  async Koa() {
    const app = new Koa()
    app.silent = true
    app.use(onKoa(options()))
    app.use((ctx) => {
      ctx.body = JSON.stringify({ data: ctx.request.data, files: ctx.request.files })
    })
    const server: Http2Server = createServer(app.callback() as never)
    await new Promise<void>((resolve) => server.listen(0, resolve))
    return {
      port: (server.address() as AddressInfo).port,
      close: ending(server, () => new Promise((resolve) => server.close(resolve))),
    }
  },
  async Fastify() {
    const app = fastify({ http2: true })
    await app.register(onFastify, options())
    app.all('/', async ({ data, files }) => ({ data, files }))
    await app.listen({ port: 0 })
    return { port: (app.server.address() as AddressInfo).port, close: ending(app.server, () => app.close()) }
  },
}

describe.each(Object.entries(starts))('%s', (_, start) => {
  let running: Running
  let session: ClientHttp2Session
  beforeAll(async () => {
    running = await start()
    session = connect(`http://127.0.0.1:${running.port}`)
  })
  afterAll(async () => {
    session.destroy()
    await running.close()
  })

  function send(
    headers: Record<string, string>,
    body: string | undefined,
    pieces = 1,
  ): Promise<{ status: number; headers: Record<string, unknown>; json: any }> {
    return new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST'
      const stream = session.request({ ':method': method, ':path': '/', ...headers })
      const answer = { status: 0, headers: {}, text: '' }
      stream.setEncoding('utf8')
      stream.on('response', (fields) => Object.assign(answer, { status: fields[':status'], headers: fields }))
      stream.on('data', (piece: string) => (answer.text += piece))
      stream.on('end', () => resolve({ ...answer, json: JSON.parse(answer.text) }))
      stream.on('error', reject)
      stream.setTimeout(8000, () => reject(new Error('No answer.')))
      const size = Math.ceil((body ?? '').length / pieces)
      for (let at = 0; at < (body ?? '').length; at += size) stream.write(body!.slice(at, at + size))
      stream.end()
    })
  }

  test('no body gives {} and {}', async () => {
    expect((await send({}, undefined)).json).toEqual({ data: {}, files: {} })
    expect((await send({}, '')).json).toEqual({ data: {}, files: {} })
    expect((await send({ 'content-type': 'application/json' }, '')).json).toEqual({ data: {}, files: {} })
  })

  test('JSON and forms arrive, with a length and without', async () => {
    const json = { 'content-type': 'application/json' }
    expect((await send(json, '{"a":1}')).json).toEqual({ data: { a: 1 }, files: {} })
    expect((await send({ ...json, 'content-length': '7' }, '{"a":1}')).json.data).toEqual({ a: 1 })
    const upload = form('X', [field('a'), '1'], [file('f', 'f'), 'x'.repeat(50_000)])
    const { json: seen } = await send({ 'content-type': multipartX }, upload, 7)
    expect(seen).toMatchObject({ data: { a: '1' }, files: { f: [{ size: 50_000 }] } })
    await expect.poll(() => readdir(directory)).toEqual([])
  })

  test('mistakes have the same answers, without a Connection header', async () => {
    const tooLarge = form('X', [file('f', 'f'), 'x'.repeat(3_000_000)])
    for (const [type, body, status, code] of [
      ['application/json', '{', 400, 'MALFORMED_JSON'],
      ['application/json', `"${'x'.repeat(1000)}"`, 413, 'LIMIT_BODY_SIZE'],
      ['text/plain', 'x', 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [multipartX, form('Y', [field('a'), '1']), 400, 'BOUNDARY_MISMATCH'],
      [multipartX, tooLarge, 413, 'LIMIT_FILE_SIZE'],
    ] as const) {
      const answer = await send({ 'content-type': type }, body)
      expect([answer.status, answer.json.code]).toEqual([status, code])
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.headers).not.toHaveProperty('connection')
    }
    await expect.poll(() => readdir(directory)).toEqual([])
  })

  test('a client that resets its stream leaves nothing, and the session lives', async () => {
    const stream = session.request({ ':method': 'POST', ':path': '/', 'content-type': multipartX })
    stream.on('error', () => undefined)
    stream.write(`--X\r\n${file('f', 'f')}\r\n\r\nabc`)
    await expect.poll(() => readdir(directory)).toHaveLength(1)
    stream.close(8)
    await expect.poll(() => readdir(directory)).toEqual([])
    expect((await send({ 'content-type': 'application/json' }, '1')).json.data).toBe(1)
  })
})
