/** `data`, `files` and the other properties that a request gets. */
import { afterEach, describe, expect, test } from 'vitest'
import { exchange, field, file, form, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

const upload = { type: multipartX, body: form('X', [field('a'), '1'], [file('f', 'a.txt'), 'hello']) }

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

  test('reading the body replaces earlier values of data and files', async () => {
    const app = await start({
      mount: {},
      above: {
        express: (express) =>
          void express.use((req, _res, next) => {
            Object.assign(req, { data: 'old', files: null })
            next()
          }),
        koa: (koa) =>
          void koa.use((ctx, next) => {
            Object.assign(ctx.request, { data: 'old', files: null })
            return next()
          }),
        fastify: (fastify) => {
          fastify.decorateRequest('data', null as never)
          fastify.decorateRequest('files', null as never)
        },
      },
      routes: [
        {
          path: '/',
          handler: ({ data, files }) => ({ names: Object.keys(data as object), files: files['f']!.length }),
        },
      ],
    })
    apps.push(app)
    // Twice, since the first request also prepares the prototype.
    for (let round = 0; round < 2; round += 1)
      expect((await exchange(app.port, upload)).json).toEqual({ names: ['a', 'f'], files: 1 })
  })

  test('concurrent requests never see the body of another', async () => {
    const app = await start({ mount: {}, routes: [{ path: '/', handler: ({ data }) => data }] })
    apps.push(app)
    const bodies = Array.from({ length: 50 }, (_, at) => ({ at: String(at) }))
    const answers = await Promise.all(
      bodies.map(({ at }) => exchange(app.port, { type: multipartX, body: form('X', [field('at'), at]) })),
    )
    expect(answers.map(({ json }) => json)).toEqual(bodies)
  })
})
