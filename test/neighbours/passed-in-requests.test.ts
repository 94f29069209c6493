/** Requests that no client sends: a test injects them, or a serverless host builds them from an event. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { field, file, form, multipartX } from '../adapters/client.js'

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown

/** An app on each framework that answers with `data`. */
const apps: readonly (readonly [name: string, start: () => Promise<Handle>])[] = [
  [
    'Express',
    async () => {
      const app = express()
      app.use(onExpress.multipart())
      app.post('/', (req, res) => {
        res.json(req.data)
      })
      return app
    },
  ],
  [
    'Koa',
    async () => {
      const app = new Koa()
      app.use(onKoa.multipart())
      app.use((ctx) => {
        ctx.body = JSON.stringify(ctx.request.data)
      })
      return app.callback()
    },
  ],
  [
    'Fastify',
    async () => {
      const app = fastify()
      await app.register(onFastify.multipart)
      app.post('/', async (request) => request.data)
      await app.ready()
      return (request, response) => app.routing(request, response)
    },
  ],
]

/** Passes in a request as an adapter of a serverless host does: its whole body is in the stream, its socket is none. */
async function passIn(
  handle: Handle,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): Promise<{ status: number; json: any }> {
  const written: Buffer[] = []
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => done(void written.push(chunk)),
  })
  const request = new IncomingMessage(socket as never)
  Object.assign(request, { method: 'POST', url: '/', complete: true, httpVersion: '1.1' })
  Object.assign(request, { httpVersionMajor: 1, httpVersionMinor: 1 })
  Object.assign(request.headers, headers)
  request.push(body)
  request.push(null)
  const response = new ServerResponse(request)
  response.assignSocket(socket as never)
  const finished = new Promise((resolve) => response.on('finish', resolve))
  await handle(request, response)
  await finished
  const [head = '', content = ''] = Buffer.concat(written).toString().split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), json: JSON.parse(content) as unknown }
}

const json = 'application/json'
const [start, end] = form('X', [file('f', 'a.png'), '????']).split('????') as [string, string]
const upload = Buffer.concat([Buffer.from(start), Buffer.from([0x89, 0xff, 0xfe, 0x80]), Buffer.from(end)])
/** Each of the four bytes has become U+FFFD, which has three. */
const mangled = Buffer.from(upload.toString())

describe.each(apps)('a request that is passed to %s', (_, open) => {
  test.each([
    ['a body that an API gateway turned into text', multipartX, upload.length, mangled, upload.length + 8],
    ['a form that was cut', multipartX, upload.length, upload.subarray(0, -20), upload.length - 20],
    ['JSON that is too short', json, 20, '{"a":1}', 7],
    ['JSON that is too long', json, 5, '{"a":1}', 7],
    ['JSON where no byte was declared', json, 0, '{"a":1}', 7],
    ['nothing in place of JSON', json, 7, '', 0],
    ['a form that is too long', 'application/x-www-form-urlencoded', 3, 'a=12', 4],
  ])(
    'is a 400 if its Content-Length is not that of its body: %s',
    async (_what, type, length, body, actual) => {
      const headers = { 'content-type': type, 'content-length': `${length}` }
      const { status, json: problem } = await passIn(await open(), headers, body)
      expect([status, problem.code]).toEqual([400, 'LENGTH_MISMATCH'])
      expect(problem.detail).toBe(
        `The Content-Length header declares ${length} bytes but the body has ${actual}.`,
      )
    },
  )

  test('is read if the length is right, and if there is none', async () => {
    const handle = await open()
    const whole = { 'content-type': json, 'content-length': '7' }
    expect(await passIn(handle, whole, '{"a":1}')).toEqual({ status: 200, json: { a: 1 } })
    const chunked = { 'content-type': json, 'transfer-encoding': 'chunked' }
    expect(await passIn(handle, chunked, '{"a":1}')).toEqual({ status: 200, json: { a: 1 } })
    const parts = {
      'content-type': multipartX,
      'content-length': String(form('X', [field('a'), '1']).length),
    }
    expect((await passIn(handle, parts, form('X', [field('a'), '1']))).json).toEqual({ a: '1' })
    const nothing = { 'content-type': json, 'content-length': '0' }
    expect(await passIn(handle, nothing, '')).toEqual({ status: 200, json: {} })
  })
})

test('app.inject() of Fastify with a wrong Content-Length is a 400, also for bytes after a length of 0', async () => {
  const app = fastify()
  await app.register(onFastify.multipart)
  app.post('/', async (request) => request.data)
  for (const length of ['20', '5', '0']) {
    const headers = { 'content-type': json, 'content-length': length }
    const answer = await app.inject({ method: 'POST', url: '/', headers, payload: '{"a":1}' })
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'LENGTH_MISMATCH'])
  }
  const headers = { 'content-type': json }
  const answer = await app.inject({ method: 'POST', url: '/', headers, payload: '{"a":1}' })
  expect([answer.statusCode, answer.json()]).toEqual([200, { a: 1 }])
})
