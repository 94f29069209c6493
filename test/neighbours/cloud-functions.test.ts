/** Google Cloud Functions, which have read every body before the function runs. */
import { multipart } from '@formgate/express'
import { http } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import express from 'express'
import { expect, test } from 'vitest'
import { field, file, form, multipartX } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { listen } from './server.js'

/** A function that answers with what it got. */
function functionServer() {
  const app = express()
  app.use(multipart())
  app.post('/', (req, res) => {
    res.json({ data: req.data, files: req.files, body: req.body as unknown })
  })
  http('echo', (req, res) => {
    app(req as never, res)
  })
  return getTestServer('echo')
}

test.each([
  ['JSON', { type: 'application/json', body: '{"a":"é"}' }],
  ['a URL-encoded form', { type: 'application/x-www-form-urlencoded', body: 'a=%C3%A9' }],
  ['a multipart form', { type: multipartX, body: form('X', [field('a'), 'é']) }],
])('a function gets the data of %s, and the same in req.body', async (_, sent) => {
  const port = await listen(functionServer())
  for (const [name, deliver] of deliveries) {
    const { status, json } = await deliver(port, sent)
    const a = { a: 'é' }
    expect([name, status, json]).toEqual([name, 200, { data: a, files: {}, body: a }])
  }
})

test('a function gets the files of a form', async () => {
  const port = await listen(functionServer())
  const body = form('X', [file('f', 'a.bin'), 'x'.repeat(300_000)])
  for (const [, deliver] of deliveries) {
    const { json } = await deliver(port, { type: multipartX, body })
    expect(json.files).toEqual({ f: [{ field: 'f', name: 'a.bin', type: 'text/plain', size: 300_000 }] })
  }
})
