/** What only an app of Express 4 has to fear: it does not catch what an async handler throws. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { multipart, parsers, FileUploadParser, type MountOptions } from '@formgate/express'
import express, { type Express } from 'express'
import { afterEach, expect, test } from 'vitest'

const running: Server[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

async function listen(define: (app: Express) => void, options: MountOptions = {}): Promise<string> {
  const app = express()
  app.set('env', 'test')
  app.use(multipart(options))
  define(app)
  const server = createServer(app)
  running.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const xml = { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' }

test.each(['data', 'files'] as const)(
  'an async handler that reads %s of a media type without a parser: the client gets the 415, and the process lives',
  async (name) => {
    let seen: unknown
    const url = await listen((app) =>
      app.post('/', async (req, res) => {
        seen = req[name]
        await new Promise((resolve) => setImmediate(resolve))
        // Both reach nobody.
        res.setHeader('x-late', 'yes').status(201).json(seen)
        res.end('late')
      }),
    )
    for (let times = 0; times < 2; times += 1) {
      const answer = await fetch(url, xml)
      expect(answer.status).toBe(415)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('accept')).toContain('multipart/form-data')
      expect(answer.headers.has('x-late')).toBe(false)
      expect(await answer.json()).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
      expect(seen).toEqual({})
    }
  },
)

test('a handler that streams its answer after the 415 ends without an error', async () => {
  let ended = false
  const url = await listen((app) =>
    app.post('/', (req, res) => {
      void req.data
      res.setHeader('content-length', 4)
      res.write('late')
      res.end()
      ended = true
    }),
  )
  expect((await fetch(url, xml)).status).toBe(415)
  expect(ended).toBe(true)
})

test('headers of middlewares above stay on the 415, but not those that describe another body', async () => {
  const url = await listen((app) => {
    app.post('/', (req, res) => {
      res.set({ 'access-control-allow-origin': '*', 'content-length': '3' })
      res.send(req.data)
    })
  })
  const answer = await fetch(url, xml)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(await answer.json()).toMatchObject({ status: 415 })
})

test("with errors: 'next' data throws, and the app hands the error on", async () => {
  const url = await listen(
    (app) => {
      app.post('/', async (req, res, next) => {
        try {
          res.json(req.data)
        } catch (error) {
          next(error)
        }
      })
    },
    { errors: 'next' },
  )
  expect((await fetch(url, xml)).status).toBe(415)
})

test('the body stays unread for a route that reads it itself or has parsers of its own', async () => {
  const url = await listen((app) => {
    app.post('/raw', express.raw({ type: 'text/xml' }), (req, res) => void res.send(String(req.body)))
    app.put('/:filename', parsers([FileUploadParser]), (req, res) => void res.json(req.files))
  })
  expect(await (await fetch(`${url}/raw`, xml)).text()).toBe('<a/>')
  const put = await fetch(`${url}/a.xml`, { ...xml, method: 'PUT' })
  expect(await put.json()).toMatchObject({ file: [{ name: 'a.xml', size: 4 }] })
})
