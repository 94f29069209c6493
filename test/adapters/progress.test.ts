import { gzipSync } from 'node:zlib'
import { FileUploadParser, JSONParser, type FrameworkRequest, type Progress } from '@formgate/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Connection, exchange, file, form, head, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

describe.each(frameworks)('$name', ({ start }) => {
  let app: App
  let told: Progress[] = []
  let requests: FrameworkRequest[] = []
  let fail: (() => unknown) | undefined

  beforeAll(async () => {
    app = await start({
      mount: {
        lazy: true,
        onProgress(progress, request) {
          told.push(progress)
          requests.push(request)
          return fail?.() as void
        },
      },
      errorHandler: true,
      routes: [
        { path: '/', handler: async ({ parse }) => Object.keys((await parse()).files) },
        { path: '/json', parsers: [JSONParser] },
        { path: '/raw/:filename', parsers: [FileUploadParser] },
        { path: '/none', parsers: [JSONParser], options: { onProgress: () => undefined } },
        {
          path: '/parts',
          handler: async ({ parts }) => {
            for await (const part of parts()) if (part.kind === 'file') part.stream.resume()
          },
        },
      ],
    })
  })
  afterAll(() => app.close())
  beforeEach(() => {
    told = []
    requests = []
    fail = undefined
  })

  const body = form('X', [file('f', 'f'), 'x'.repeat(500_000)])

  test.each(['/', '/parts', '/raw/a.bin'])(
    'onProgress of %s reports the bytes received and expected, up to the last one',
    async (path) => {
      const type = path === '/raw/a.bin' ? 'application/octet-stream' : multipartX
      expect((await exchange(app.port, { path, type, body })).status).toBe(200)
      expect(told.length).toBeGreaterThan(3)
      expect(told.at(-1)).toEqual({ received: body.length, expected: body.length })
      for (const [at, { received }] of told.entries())
        expect(received).toBeGreaterThan(told[at - 1]?.received ?? 0)
      for (const request of requests) expect(request).toMatchObject({ url: path })
    },
  )

  test('onProgress is called while the body arrives', async () => {
    const connection = await Connection.open(app.port)
    connection.write(head({ type: multipartX, body })).write(body.slice(0, 1000))
    await expect.poll(() => told.at(-1)).toEqual({ received: 1000, expected: body.length })
    connection.write(body.slice(1000))
    await connection.answer()
    connection.destroy()
  })

  test('without a Content-Length, the expected bytes are undefined', async () => {
    await exchange(app.port, { type: multipartX, body, framing: 'chunked' })
    expect(told.at(-1)).toEqual({ received: body.length, expected: undefined })
  })

  test('progress counts the bytes of a compressed body as they were sent', async () => {
    const packed = gzipSync(JSON.stringify({ a: 'x'.repeat(100_000) }))
    const headers = { 'Content-Encoding': 'gzip' }
    await exchange(app.port, { path: '/json', type: 'application/json', headers, body: packed })
    expect(told.at(-1)).toEqual({ received: packed.length, expected: packed.length })
  })

  test('onProgress of a route replaces that of the app', async () => {
    await exchange(app.port, { path: '/none', type: 'application/json', body: '{}' })
    expect(told).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('A fault in onProgress')
      },
    ],
    ['rejects', () => Promise.reject(new Error('A fault in onProgress'))],
  ])('an onProgress that %s fails only its request', async (_how, make) => {
    fail = make
    for (const path of ['/', '/parts']) {
      const answer = await exchange(app.port, { path, type: multipartX, body })
      expect(answer.json).toEqual({ handler: 'own', status: 500 })
    }
    fail = undefined
    expect((await exchange(app.port, { type: multipartX, body })).status).toBe(200)
  })

  test('an onProgress that rejects after the body was read is a process warning', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error): void => void warnings.push(warning)
    process.on('warning', listen)
    const small = form('X', [file('f', 'f'), 'x'])
    fail = () => new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), 50))
    expect((await exchange(app.port, { type: multipartX, body: small })).status).toBe(200)
    await expect
      .poll(() => warnings)
      .toEqual([expect.objectContaining({ name: 'FormgateWarning', code: 'FORMGATE_PROGRESS' })])
    process.off('warning', listen)
  })
})
