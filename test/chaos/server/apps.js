/** The same routes on Express, Koa and Fastify, each on a plain Node server. */
import { createServer } from 'node:http'

/**
 * The package of a framework.
 * @typedef {Pick<typeof import('@formgate/express'), 'disk' | 'spool' | 'memory' | 'JSONParser' | 'FormParser' | 'MultiPartParser' | 'FileUploadParser'>
 *   & { parsers: (list: any, options?: any) => any, form: (schema: any, options?: any) => any,
 *   body: (schema: any, options?: any) => any }} Gate
 */

/**
 * What routes get.
 * @typedef {{ directory: string, phases: import('./phases.js').Phases, census: import('./census.js').Census }} Place
 */

/**
 * @typedef {object} Handling
 * @property {any} data
 * @property {import('@formgate/express').FilesByField} files
 * @property {() => Promise<import('@formgate/express').BodyResult>} parse
 * @property {() => AsyncIterableIterator<import('@formgate/express').Part>} parts
 * @property {string} id the `X-Id` header
 */

/**
 * @typedef {object} Route
 * @property {string} path
 * @property {import('@formgate/express').MountOptions} [mount] a `multipart()` above this route only
 * @property {boolean} [isTimed] whether a timeout above all of it answers after `timeout`
 * @property {any} [own] what `parsers()` or `form()` of the framework returned
 * @property {(handling: Handling) => unknown} handler a stream is sent as it is, everything else as JSON
 */

/** How often Node checks its own limits, in milliseconds. By default every 30 s, too rarely for a run. */
const connectionsCheckingInterval = 250

/** Milliseconds until a timeout above answers. */
const timeout = 50

/** @param {unknown} error */
function answerTo(error) {
  const { status = 500, code = 'UNKNOWN' } = /** @type {{ status?: number, code?: string }} */ (error)
  return { status, body: JSON.stringify({ code }) }
}

/** @param {import('node:http').IncomingMessage} request */
const idOf = (request) => String(request.headers['x-id'] ?? '')

/**
 * @typedef {(census: import('./census.js').Census, routes: (gate: Gate) => Route[]) => Promise<import('node:http').Server>} Start
 */

/** @type {{ express: Start, koa: Start, fastify: Start }} */
export const apps = {
  async express(census, routes) {
    const gate = await import('@formgate/express')
    const { default: express } = await import('express')
    const { default: connectTimeout } = await import('connect-timeout')
    const { pipeline } = await import('node:stream')
    const app = express()
    // Express would print every error that reaches its own handler.
    app.set('env', 'test')
    app.get('/alive', (_req, res) => void res.send('alive'))
    for (const { path, mount, own, handler, isTimed } of routes(gate)) {
      /** @type {import('express').RequestHandler} */
      const run = async (req, res) => {
        const { data, files } = mount?.lazy ? { data: undefined, files: {} } : req
        const parse = () => req.parse()
        const parts = () => req.parts()
        const result = await census.handle(() => handler({ data, files, parse, parts, id: idOf(req) }))
        if (!isStream(result)) return void res.json(result ?? null)
        pipeline(result, res, () => undefined)
      }
      const above = mount ? [gate.multipart(mount)] : []
      if (isTimed) app.use(path, connectTimeout(timeout))
      app.post(path, (req, _res, next) => census.follow(req, next), ...above, ...(own ? [own] : []), run)
    }
    app.use(gate.problems())
    /** @type {import('express').ErrorRequestHandler} */
    const onError = (error, _req, res, _next) => {
      census.error(error)
      const { status, body } = answerTo(error)
      res.status(status).type('json').send(body)
    }
    app.use(onError)
    return createServer({ connectionsCheckingInterval }, app)
  },

  async koa(census, routes) {
    const gate = await import('@formgate/koa')
    const { default: Koa } = await import('koa')
    const { Router } = await import('@koa/router')
    const { setTimeout: delay } = await import('node:timers/promises')
    const app = new Koa()
    // Also emitted for a stream that is being sent when its client leaves.
    app.silent = true
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        census.error(error)
        const { status, body } = answerTo(error)
        ctx.status = status
        ctx.type = 'json'
        ctx.body = body
      }
    })
    const router = new Router()
    router.get('/alive', (ctx) => void (ctx.body = 'alive'))
    /** @type {import('koa').Middleware} */
    const answerLate = async (ctx, next) => {
      const isLate = await Promise.race([next(), delay(timeout, true)])
      if (isLate) ctx.status = 503
    }
    for (const { path, mount, own, handler, isTimed } of routes(gate)) {
      /** @type {import('koa').Middleware} */
      const run = async (ctx) => {
        const { request } = ctx
        const { data, files } = mount?.lazy ? { data: undefined, files: {} } : request
        const parse = () => request.parse()
        const parts = () => request.parts()
        const result = await census.handle(() => handler({ data, files, parse, parts, id: idOf(ctx.req) }))
        ctx.body = isStream(result) ? result : JSON.stringify(result ?? null)
        if (!isStream(result)) ctx.type = 'json'
      }
      const follow = (/** @type {any} */ ctx, /** @type {any} */ next) => census.follow(ctx.request, next)
      const above = mount ? [gate.multipart(mount)] : []
      const first = isTimed ? [answerLate, follow] : [follow]
      router.register(path, ['POST'], /** @type {any} */ ([...first, ...above, ...(own ? [own] : []), run]))
    }
    app.use(router.routes())
    const callback = app.callback()
    return createServer({ connectionsCheckingInterval }, (req, res) => void callback(req, res))
  },

  async fastify(census, routes) {
    const gate = await import('@formgate/fastify')
    const { fastify } = await import('fastify')
    const app = fastify({ http: { connectionsCheckingInterval } })
    app.setErrorHandler((error, _request, reply) => {
      census.error(error)
      const { status, body } = answerTo(error)
      return reply.code(status).type('application/json').send(body)
    })
    app.get('/alive', async () => 'alive')
    for (const { path, mount, own, handler, isTimed } of routes(gate)) {
      await app.register(async (context) => {
        if (mount) await context.register(gate.multipart, mount)
        /** @type {import('fastify').onRequestHookHandler} */
        const onRequest = (request, reply, done) => {
          if (isTimed) setTimeout(() => void (reply.sent || reply.code(503).send({})), timeout).unref()
          void census.follow(request, done)
        }
        context.post(path, {
          ...own,
          onRequest,
          handler: async (
            /** @type {import('fastify').FastifyRequest} */ request,
            /** @type {import('fastify').FastifyReply} */ reply,
          ) => {
            const { data, files } = mount?.lazy ? { data: undefined, files: {} } : request
            const parse = () => request.parse()
            const parts = () => request.parts()
            const id = idOf(request.raw)
            const result = await census.handle(() => handler({ data, files, parse, parts, id }))
            if (isStream(result)) return reply.send(result)
            return reply.type('application/json').send(JSON.stringify(result ?? null))
          },
        })
      })
    }
    await app.ready()
    return app.server
  },
}

/**
 * @param {unknown} value
 * @returns {value is import('node:stream').Readable}
 */
function isStream(value) {
  return typeof (/** @type {{ pipe?: unknown } | null | undefined} */ (value)?.pipe) === 'function'
}
