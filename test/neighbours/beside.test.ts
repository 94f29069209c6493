/** Proxies, sessions, logins and old upload packages, placed as docs/placement.md says, however a body arrives. */
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { fastifyCompress } from '@fastify/compress'
import { fastifyCookie } from '@fastify/cookie'
import { fastifyCors } from '@fastify/cors'
import proxy from '@fastify/http-proxy'
import { Authenticator } from '@fastify/passport'
import { fastifySession } from '@fastify/session'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import compression from 'compression'
import cors from 'cors'
import { csrfSync } from 'csrf-sync'
import express, { type Express } from 'express'
import session from 'express-session'
import { fastify, type FastifyInstance } from 'fastify'
import helmet from 'helmet'
import { createProxyMiddleware } from 'http-proxy-middleware'
import Koa from 'koa'
import compress from 'koa-compress'
import koaSession from 'koa-session'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { describe, expect, test } from 'vitest'
import { field, file, form, multipartX, type Sent } from '../adapters/client.js'
import { deliveries } from './delivery.js'
import { bodyParser, koaBody } from './koa-parsers.js'
import { listen, portOf, whenDone } from './server.js'

// Its types give the requests of Node itself, and with them those of Express, other `files`.
const require = createRequire(import.meta.url)
// The types of these two declare req.files for every file that is compiled with them.
const multer = require('multer') as () => { single(name: string): express.RequestHandler }
const fileUpload = require('express-fileupload') as () => express.RequestHandler

const json = { type: 'application/json', body: '{"username":"ada","password":"open"}' }
const urlEncoded = { type: 'application/x-www-form-urlencoded', body: 'username=ada&password=open' }
const multipart = {
  type: multipartX,
  body: form(
    'X',
    [field('username'), 'ada'],
    [field('password'), 'open'],
    [file('photo', 'a.bin'), 'x'.repeat(300_000)],
  ),
}
const all: readonly (readonly [string, Sent])[] = [
  ['JSON', json],
  ['a URL-encoded form', urlEncoded],
  ['a multipart form', multipart],
]

async function ready(app: FastifyInstance): Promise<number> {
  whenDone(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  return portOf(app.server)
}

/** Expects one answer of an app however the body arrives. */
async function expectAlways(port: number, sent: Sent, expected: unknown): Promise<void> {
  for (const [name, deliver] of deliveries) {
    const answer = await deliver(port, sent)
    expect([name, answer.status, answer.json]).toEqual([name, 200, expected])
  }
}

describe('a proxy', () => {
  const upstream = () =>
    listen(async (req, res) => {
      res.end(JSON.stringify(await text(req)))
    })
  const target = async () => `http://127.0.0.1:${await upstream()}`

  const expressApp = async (build: (app: Express, proxied: string) => unknown) => {
    const app = express()
    build(app, await target())
    app.post('/', (req, res) => {
      res.json(req.data)
    })
    return listen(app)
  }
  const koaApp = async (build: (app: Koa, proxied: Koa.Middleware) => unknown) => {
    const send = createProxyMiddleware({ target: await target() })
    const app = new Koa()
    build(app, async (ctx, next) => {
      if (ctx.path !== '/api') return next()
      ctx.respond = false
      await send(ctx.req, ctx.res)
    })
    app.use((ctx) => {
      ctx.body = ctx.request.data
    })
    return listen(app.callback())
  }
  const fastifyApp = async (build: (app: FastifyInstance, upstream: string) => unknown) => {
    const app = fastify()
    await build(app, await target())
    return ready(app)
  }

  const apps: readonly (readonly [place: string, start: () => Promise<number>])[] = [
    [
      'http-proxy-middleware above multipart() on Express',
      () =>
        expressApp((app, to) =>
          app.use('/api', createProxyMiddleware({ target: to })).use(onExpress.multipart()),
        ),
    ],
    [
      'http-proxy-middleware below a lazy multipart() on Express',
      () =>
        expressApp((app, to) =>
          app.use(onExpress.multipart({ lazy: true })).use('/api', createProxyMiddleware({ target: to })),
        ),
    ],
    [
      'http-proxy-middleware above multipart() on Koa',
      () => koaApp((app, proxied) => app.use(proxied).use(onKoa.multipart())),
    ],
    [
      'http-proxy-middleware below a lazy multipart() on Koa',
      () => koaApp((app, proxied) => app.use(onKoa.multipart({ lazy: true })).use(proxied)),
    ],
    [
      '@fastify/http-proxy beside the context of multipart',
      () =>
        fastifyApp(async (app, to) => {
          await app.register(proxy, { upstream: to, prefix: '/api' })
          await app.register(async (routes) => {
            await routes.register(onFastify.multipart)
          })
        }),
    ],
    [
      '@fastify/http-proxy below a lazy multipart',
      () =>
        fastifyApp(async (app, to) => {
          await app.register(onFastify.multipart, { lazy: true })
          await app.register(proxy, { upstream: to, prefix: '/api' })
        }),
    ],
  ]
  describe.each(apps)('%s', (_, start) => {
    test.each(all)('sends on every byte of %s', async (__, sent) => {
      await expectAlways(await start(), { ...sent, path: '/api' }, sent.body)
    })
  })

  test('above multipart() on Express leaves other routes to it', async () => {
    const port = await expressApp((app, to) =>
      app.use('/api', createProxyMiddleware({ target: to })).use(onExpress.multipart()),
    )
    await expectAlways(port, urlEncoded, { username: 'ada', password: 'open' })
  })
})

describe('an old upload package below a lazy multipart()', () => {
  const title = { username: 'ada', size: 300_000 }

  test.each([
    ['multer', multer().single('photo'), 'file'],
    ['express-fileupload', fileUpload(), 'files.photo'],
  ])('%s reads the body on its route, and form() on others', async (_, old, place) => {
    const app = express()
    app.use(onExpress.multipart({ lazy: true }))
    app.post('/old', old, (req, res) => {
      const found = place.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], req)
      const { size } = found as { size: number }
      res.json({ username: (req.body as Record<string, unknown>)['username'], size })
    })
    app.post('/', async (req, res) => {
      const { data, files } = await req.parse()
      res.json({ username: (data as Record<string, unknown>)['username'], size: files['photo']?.[0]?.size })
    })
    const port = await listen(app)
    await expectAlways(port, { ...multipart, path: '/old' }, title)
    await expectAlways(port, multipart, title)
  })

  test.each([
    ['JSON', json],
    ['a URL-encoded form', urlEncoded],
  ])('koa-body reads %s', async (_, sent) => {
    const app = new Koa()
    app.use(onKoa.multipart({ lazy: true })).use(koaBody())
    app.use((ctx) => {
      ctx.body = ctx.request.body
    })
    await expectAlways(await listen(app.callback()), sent, { username: 'ada', password: 'open' })
  })
})

describe('sessions and logins', () => {
  const local = new Strategy((username, password, done) => done(null, password === 'open' && { username }))

  test.each(all)('passport-local finds the fields of %s on Express', async (_, sent) => {
    const app = express()
    app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
    app.use(onExpress.multipart())
    app.post('/', passport.authenticate(local, { session: false }), (req, res) => {
      res.json(req.user)
    })
    const port = await listen(app)
    await expectAlways(port, sent, { username: 'ada' })
    const [[, deliver]] = deliveries as [(typeof deliveries)[0]]
    const wrong = { ...urlEncoded, body: 'username=ada&password=closed' }
    expect((await deliver(port, wrong)).status).toBe(401)
  })

  test.each(all)('@fastify/passport finds the fields of %s', async (_, sent) => {
    const authenticator = new Authenticator()
    const app = fastify()
    await app.register(fastifyCookie)
    await app.register(fastifySession, { secret: 's'.repeat(32), cookie: { secure: false } })
    await app.register(authenticator.initialize())
    await app.register(onFastify.multipart)
    const preValidation = authenticator.use('local', local).authenticate('local', { session: false })
    app.post('/', { preValidation }, async (request) => request.user)
    await expectAlways(await ready(app), sent, { username: 'ada' })
  })

  test.each(all)('koa-session keeps what %s brings, above @koa/bodyparser', async (_, sent) => {
    const app = new Koa()
    app.keys = ['keyboard cat']
    app.use(koaSession(app)).use(onKoa.multipart()).use(bodyParser())
    app.use((ctx) => {
      const { username } = ctx.request.data as Record<string, unknown>
      Object.assign(ctx.session ?? {}, { username })
      ctx.body = ctx.session
    })
    await expectAlways(await listen(app.callback()), sent, { username: 'ada' })
  })

  test.each(all.slice(1))('csrf-sync takes the token in %s, and refuses another', async (_, sent) => {
    const { csrfSynchronisedProtection, generateToken } = csrfSync({
      getTokenFromRequest: (req) => (req.body as Record<string, string>)['username'],
    })
    const app = express()
    app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
    app.get('/token', (req, res) => {
      res.json(generateToken(req))
    })
    app.use(onExpress.multipart(), csrfSynchronisedProtection)
    app.post('/', (_req, res) => {
      res.json('passed')
    })
    const port = await listen(app)
    const first = await fetch(`http://127.0.0.1:${port}/token`)
    const token = (await first.json()) as string
    const headers = { Cookie: first.headers.getSetCookie().join('; ').replace(/;.*/, '') }
    const withToken = sent.body!.toString().replace('ada', token)
    await expectAlways(port, { ...sent, headers, body: withToken }, 'passed')
    for (const [, deliver] of deliveries) expect((await deliver(port, { ...sent, headers })).status).toBe(403)
  })
})

describe('compression and CORS', () => {
  const options = { limits: { textSize: 20 } }
  const apps: readonly (readonly [name: string, start: (limits?: typeof options) => Promise<number>])[] = [
    [
      'helmet, cors and compression on Express',
      (limits) => {
        const app = express()
        app.use(helmet(), cors(), compression({ threshold: 0 }), onExpress.multipart(limits))
        app.post('/', (req, res) => {
          res.json(req.data)
        })
        return listen(app)
      },
    ],
    [
      'koa-compress on Koa',
      (limits) => {
        const app = new Koa()
        // Also told of clients that leave after their answer.
        app.silent = true
        app.use(compress({ threshold: 0 })).use(onKoa.multipart(limits))
        app.use((ctx) => {
          ctx.body = ctx.request.data
        })
        return listen(app.callback())
      },
    ],
    [
      '@fastify/cors and @fastify/compress above',
      async (limits) => {
        const app = fastify()
        await app.register(fastifyCors)
        await app.register(fastifyCompress, { threshold: 0 })
        await app.register(onFastify.multipart, limits ?? {})
        app.post('/', async (request) => request.data)
        return ready(app)
      },
    ],
    [
      '@fastify/compress below',
      async (limits) => {
        const app = fastify()
        await app.register(fastifyCors)
        await app.register(onFastify.multipart, limits ?? {})
        await app.register(fastifyCompress, { threshold: 0 })
        app.post('/', async (request) => request.data)
        return ready(app)
      },
    ],
  ]

  describe.each(apps)('%s', (name, start) => {
    test.each(all.slice(0, 2))('%s that comes compressed is answered compressed', async (_, sent) => {
      const port = await start()
      const response = await fetch(`http://127.0.0.1:${port}`, {
        method: 'POST',
        headers: { 'Content-Type': sent.type!, 'Content-Encoding': 'gzip', 'Accept-Encoding': 'gzip' },
        body: gzipSync(sent.body!),
      })
      expect(await response.json()).toEqual({ username: 'ada', password: 'open' })
      expect(response.headers.get('content-encoding')).toBe('gzip')
    })

    test('bodies that come uncompressed are read', async () => {
      await expectAlways(await start(), json, { username: 'ada', password: 'open' })
    })

    test('a 413 is problem+json that pages of other origins can read', async () => {
      const port = await start(options)
      for (const [, deliver] of deliveries) {
        const { status, headers, json: problem } = await deliver(port, json)
        expect([status, problem.code]).toEqual([413, 'LIMIT_BODY_SIZE'])
        if (!name.includes('Koa')) expect(headers['access-control-allow-origin']).toBe('*')
      }
    })
  })
})
