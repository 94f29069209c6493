/** Parsers of other packages below an eager multipart(): they find a body that has been read. */
import * as onExpress from '@formgate/express'
import * as onKoa from '@formgate/koa'
import express, { type RequestHandler } from 'express'
import Koa, { type Middleware } from 'koa'
import oldBodyParser from 'koa-bodyparser'
import { describe, expect, test } from 'vitest'
import type { Sent } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { bodyParser } from './koa-parsers.js'
import { listen } from './server.js'

function expressApp(below: RequestHandler): Promise<number> {
  const app = express()
  app.use(onExpress.multipart(), below)
  app.post('/', (req, res) => {
    res.json({ data: req.data, body: req.body as unknown, ended: req.readableEnded })
  })
  return listen(app)
}

function koaApp(below: Middleware): Promise<number> {
  const app = new Koa()
  app.use(onKoa.multipart()).use(below)
  app.use((ctx) => {
    const { data, body } = ctx.request as { data: unknown; body?: unknown }
    ctx.body = { data, body, ended: ctx.req.readableEnded }
  })
  return listen(app.callback())
}

const apps: readonly (readonly [below: string, start: () => Promise<number>])[] = [
  ['express.json()', () => expressApp(express.json())],
  ['express.urlencoded()', () => expressApp(express.urlencoded())],
  ['express.text()', () => expressApp(express.text({ type: '*/*' }))],
  ['express.raw()', () => expressApp(express.raw({ type: '*/*' }))],
  ['koa-bodyparser', () => koaApp(oldBodyParser())],
  ['@koa/bodyparser', () => koaApp(bodyParser())],
]

const multipartBody = '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n'

const bodies: readonly (readonly [kind: string, sent: Sent, data: unknown])[] = [
  ['JSON', { type: 'application/json', body: '{"a":"1"}' }, { a: '1' }],
  ['a URL-encoded form', { type: 'application/x-www-form-urlencoded', body: 'a=1' }, { a: '1' }],
  ['a multipart form', { type: 'multipart/form-data; boundary=X', body: multipartBody }, { a: '1' }],
]

describe.each(apps)('%s below multipart()', (_, start) => {
  for (const [kind, sent, data] of bodies) {
    test.each(deliveries)(`passes on ${kind} that comes %s`, async (_, deliver) => {
      const answer = await deliver(await start(), sent)
      expect([answer.status, answer.json]).toEqual([200, { data, body: data, ended: true }])
    })
  }

  test('passes on a request without a body', async () => {
    const answer = await deliveries[0]![1](await start(), { body: '' })
    expect([answer.status, answer.json.data]).toEqual([200, {}])
  })
})
