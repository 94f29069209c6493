/** The adapters that run an app on AWS Lambda. The requests and responses that they make have no connection. */
import { readdir } from 'node:fs/promises'
import { configure as codegenie } from '@codegenie/serverless-express'
import { awsLambdaFastify } from '@fastify/aws-lambda'
import { spool, type MountOptions } from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { configure as vendia } from '@vendia/serverless-express'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import serverlessHttp from 'serverless-http'
import { describe, expect, test } from 'vitest'
import { field, file, form, multipartX, type Answer, type Sent } from '../adapters/client.js'
import { apiGateway, type LambdaHandler } from './api-gateway.js'
import { deliveries } from './delivery.js'
import { listen, newDirectory } from './server.js'

const [[, deliver]] = deliveries as [(typeof deliveries)[0]]

interface Seen {
  readonly data: unknown
  readonly body: unknown
  readonly files: onExpress.FilesByField
}

/** @param show makes the answer while the request is handled */
type Start = (mount: MountOptions, show: (seen: Seen) => unknown) => Promise<LambdaHandler> | LambdaHandler

type ExpressAdapter = (app: ReturnType<typeof express>) => unknown

const onExpressWith =
  (adapt: ExpressAdapter): Start =>
  (mount, show) => {
    const app = express()
    app.use(onExpress.multipart(mount))
    app.post('/', async (req, res) => {
      const { data, files } = req
      res.json(await show({ data, files, body: req.body as unknown }))
    })
    return adapt(app) as LambdaHandler
  }

const onKoaWith =
  (adapt: (app: Koa) => unknown): Start =>
  (mount, show) => {
    const app = new Koa()
    app.use(onKoa.multipart(mount))
    app.use(async (ctx) => {
      const { data, files, body } = ctx.request as typeof ctx.request & { body: unknown }
      ctx.body = await show({ data, files, body })
    })
    return adapt(app) as LambdaHandler
  }

const onFastifyWith =
  (adapt: (app: ReturnType<typeof fastify>) => unknown): Start =>
  async (mount, show) => {
    const app = fastify()
    await app.register(onFastify.multipart, mount)
    app.post('/', async ({ data, files, body }) => show({ data, files, body }))
    const handler = adapt(app) as LambdaHandler
    await app.ready()
    return handler
  }

const adapters: readonly (readonly [name: string, start: Start])[] = [
  ['@vendia/serverless-express on Express', onExpressWith((app) => vendia({ app }))],
  ['@vendia/serverless-express on Koa', onKoaWith((app) => vendia({ app: app as never }))],
  ['@codegenie/serverless-express on Express', onExpressWith((app) => codegenie({ app }))],
  ['@codegenie/serverless-express on Koa', onKoaWith((app) => codegenie({ app: app as never }))],
  ['serverless-http on Express', onExpressWith((app) => serverlessHttp(app))],
  ['serverless-http on Koa', onKoaWith((app) => serverlessHttp(app))],
  ['serverless-http on Fastify', onFastifyWith((app) => serverlessHttp(app as never))],
  ['@fastify/aws-lambda on Fastify', onFastifyWith((app) => awsLambdaFastify(app))],
]

describe.each(adapters)('%s', (_, start) => {
  const send = async (sent: Sent, show: (seen: Seen) => unknown, mount: MountOptions = {}): Promise<Answer> =>
    deliver(await listen(apiGateway(await start(mount, show))), sent)

  test('leaves no file of an upload behind', async () => {
    const directory = await newDirectory()
    const body = form('X', [file('f', 'a.bin'), 'x'.repeat(400_000)])
    const show = async ({ files }: Seen) => [files['f']?.[0]?.size, (await readdir(directory)).length]
    const { json } = await send({ type: multipartX, body }, show, { storage: spool({ directory }) })
    expect(json).toEqual([400_000, 1])
    await expect.poll(() => readdir(directory)).toEqual([])
  })

  test.each([
    ['JSON', { type: 'application/json', body: '{"a":"é"}' }],
    ['a URL-encoded form', { type: 'application/x-www-form-urlencoded', body: 'a=%C3%A9' }],
    ['a multipart form', { type: multipartX, body: form('X', [field('a'), 'é']) }],
  ])('gives data and body the value of %s', async (__, sent) => {
    const { json } = await send(sent, ({ data, body }) => ({ data, body }))
    expect(json).toEqual({ data: { a: 'é' }, body: { a: 'é' } })
  })

  test('passes a request without a body', async () => {
    const { status, json } = await send({ body: '' }, ({ data }) => data)
    expect([status, json]).toEqual([200, {}])
  })
})
