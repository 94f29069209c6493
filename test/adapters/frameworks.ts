/** Starts the same small app on Express, Koa or Fastify, from one description. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { Router } from '@koa/router'
import type {
  BodyError,
  BodyOptions,
  BodyResult,
  BodyType,
  FilesByField,
  FormOptions,
  MountOptions,
  ParserLike,
  Part,
  RouteOptions,
  Schema,
} from '@formgate/core'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import express, { type Express, type Request as ExpressRequest } from 'express'
import { fastify, type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { afterEach } from 'vitest'

/** What a handler gets on every framework. */
export interface Handling {
  /** `req.data`, read anew each time. */
  readonly data: unknown
  /** `req.files`, read anew each time. */
  readonly files: FilesByField
  readonly parse: () => Promise<BodyResult>
  readonly parts: () => AsyncIterableIterator<Part>
  /** Node's request. */
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The functions for a typed body that every adapter exports. */
export interface TypedWords {
  readonly form: (schema: Schema, options?: FormOptions) => unknown
  readonly body: (type?: BodyType, options?: BodyOptions) => unknown
}

export interface Route {
  /** Default POST. */
  readonly method?: string
  readonly path: string
  /** The parser list of the route. */
  readonly parsers?: readonly ParserLike[]
  readonly options?: RouteOptions
  /** One or more typed bodies of the route, made with `form()` and `body()` of the framework. */
  readonly typed?: (words: TypedWords) => unknown
  /** A stream is sent as it is, everything else as JSON. */
  readonly handler?: (handling: Handling) => unknown
}

export interface Description {
  /** `multipart()`, or several inside each other; none by default. */
  readonly mount?: MountOptions | readonly MountOptions[]
  readonly routes?: readonly Route[]
  /** Whether the app has an error handler, which answers `{ handler: 'own', code, status }`. */
  readonly errorHandler?: boolean
  /** Called, and awaited, for every error that reaches that handler. */
  readonly onError?: (error: Error) => unknown
  /** Whether Express has `problems()` after its routes. Default true. */
  readonly problems?: boolean
  /** Whether it speaks HTTP/2, without TLS. Express does not. Default false. */
  readonly http2?: boolean
  /** Middleware above Formgate. */
  readonly above?: {
    readonly express?: (app: Express) => void
    readonly koa?: (app: Koa) => void
    readonly fastify?: (app: FastifyInstance) => void | Promise<void>
  }
}

export interface App {
  readonly port: number
  /** How often a handler of a described route has run. */
  readonly handled: () => number
  close(): Promise<void>
}

export interface Framework {
  readonly name: 'Express' | 'Koa' | 'Fastify'
  readonly start: (description: Description) => Promise<App>
}

/** `start` for the tests around the call: the apps are closed after each of them. */
export function startForEach(start: Framework['start']): Framework['start'] {
  const apps: App[] = []
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))
  return async (description) => {
    const app = await start(description)
    apps.push(app)
    return app
  }
}

/** The default handler. */
const echo = ({ data, files }: Handling): unknown => ({ data, files })

function mountsOf({ mount }: Description): readonly MountOptions[] {
  return mount === undefined ? [] : ([mount].flat() as readonly MountOptions[])
}

/** The typed bodies of a route, as its framework takes them. */
function typedOf<Own>(typed: Route['typed'], words: object): readonly Own[] {
  return typed === undefined ? [] : ([typed(words as TypedWords)].flat() as readonly Own[])
}

/** The answer of the app's error handler. */
async function ownAnswer(
  error: unknown,
  { onError }: Description,
): Promise<{ status: number; text: string }> {
  await onError?.(error as Error)
  const { code, status = 500 } = error as Partial<BodyError>
  return { status, text: JSON.stringify({ handler: 'own', code, status }) }
}

async function listen(server: Server | Http2Server, handled: () => number): Promise<App> {
  const closeConnections = connectionCloser(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    handled,
    async close() {
      closeConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function connectionCloser(server: Server | Http2Server): () => void {
  if ('closeAllConnections' in server) return () => server.closeAllConnections()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  return () => sessions.forEach((session) => session.destroy())
}

const Express: Framework = {
  name: 'Express',
  async start(description) {
    const { routes = [], above, errorHandler = false, problems = true } = description
    let handled = 0
    const app = express()
    // Express would print every error that reaches its own handler.
    app.set('env', 'test')
    above?.express?.(app)
    for (const options of mountsOf(description)) app.use(onExpress.multipart(options))
    app.get('/alive', (_req, res) => void res.send('alive'))
    for (const { method = 'POST', path, parsers, options, typed, handler = echo } of routes) {
      const own = parsers === undefined ? [] : [onExpress.parsers(parsers, options)]
      own.push(...typedOf<onExpress.Middleware>(typed, onExpress))
      const run = async (req: ExpressRequest, res: express.Response): Promise<void> => {
        handled += 1
        const result: unknown = await handler({
          get data() {
            return req.data as unknown
          },
          get files() {
            return req.files
          },
          parse: () => req.parse(),
          parts: () => req.parts(),
          request: req,
          response: res,
        })
        if (result instanceof Readable) result.pipe(res)
        else res.json(result ?? null)
      }
      // Express 4 does not catch what an async handler throws.
      // oxlint-disable-next-line promise/no-callback-in-promise
      app.all(path, ...own, (req, res, next) => (req.method === method ? run(req, res).catch(next) : next()))
    }
    if (problems) app.use(onExpress.problems())
    if (errorHandler) {
      // Express recognizes an error handler by its four parameters.
      const handle: express.ErrorRequestHandler = async (error, _req, res, _next) => {
        const { status, text } = await ownAnswer(error, description)
        res.status(status).type('json').send(text)
      }
      app.use(handle)
    }
    return listen(createServer(app), () => handled)
  },
}

const OnKoa: Framework = {
  name: 'Koa',
  async start(description) {
    const { routes = [], above, errorHandler = false } = description
    let handled = 0
    const app = new Koa()
    app.silent = true
    if (errorHandler) {
      app.use(async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          const { status, text } = await ownAnswer(error, description)
          ctx.status = status
          ctx.type = 'json'
          ctx.body = text
        }
      })
    }
    above?.koa?.(app)
    for (const options of mountsOf(description)) app.use(onKoa.multipart(options))
    const router = new Router()
    router.get('/alive', (ctx) => void (ctx.body = 'alive'))
    for (const { method = 'POST', path, parsers, options, typed, handler = echo } of routes) {
      const own = parsers === undefined ? [] : [onKoa.parsers(parsers, options)]
      own.push(...typedOf<Koa.Middleware>(typed, onKoa))
      const run = async (ctx: Koa.Context): Promise<void> => {
        handled += 1
        const result: unknown = await handler({
          get data() {
            return ctx.request.data
          },
          get files() {
            return ctx.request.files
          },
          parse: () => ctx.request.parse(),
          parts: () => ctx.request.parts(),
          request: ctx.req,
          response: ctx.res,
        })
        ctx.body = result instanceof Readable ? result : JSON.stringify(result ?? null)
        if (!(result instanceof Readable)) ctx.type = 'json'
      }
      router.register(path, [method], [...own, run] as never)
    }
    app.use(router.routes())
    const handle = app.callback() as never
    return listen(
      description.http2 === true ? createHttp2Server(handle) : createServer(handle),
      () => handled,
    )
  },
}

function createFastify(http2: boolean): FastifyInstance {
  if (!http2) return fastify({ forceCloseConnections: true })
  // The type of such an app differs only in its server.
  return fastify({ http2: true }) as unknown as FastifyInstance
}

const OnFastify: Framework = {
  name: 'Fastify',
  async start(description) {
    const { routes = [], above, errorHandler = false } = description
    let handled = 0
    const app = createFastify(description.http2 === true)
    const closeConnections = connectionCloser(app.server)
    app.addHttpMethod('QUERY', { hasBody: true, overrideExisting: true })
    if (errorHandler) {
      app.setErrorHandler(async (error, _request, reply) => {
        const { status, text } = await ownAnswer(error, description)
        return reply.code(status).type('application/json; charset=utf-8').send(text)
      })
    }
    await above?.fastify?.(app)
    const define = (context: FastifyInstance): void => {
      context.get('/alive', async () => 'alive')
      for (const { method = 'POST', path, parsers, options, typed, handler = echo } of routes) {
        const own = parsers === undefined ? [] : [onFastify.parsers(parsers, options)]
        own.push(...typedOf<onFastify.ParsingRoute>(typed, onFastify))
        context.route({
          method,
          url: path,
          preParsing: own.map(({ preParsing }) => preParsing),
          handler: async (request, reply) => {
            handled += 1
            const result: unknown = await handler({
              get data() {
                return request.data
              },
              get files() {
                return request.files
              },
              parse: () => request.parse(),
              parts: () => request.parts(),
              request: request.raw,
              response: reply.raw,
            })
            if (result instanceof Readable) return reply.send(result)
            return reply.type('application/json; charset=utf-8').send(JSON.stringify(result ?? null))
          },
        })
      }
    }
    // Each mount is in a context inside that of the previous one.
    const nest = async (context: FastifyInstance, mounts: readonly MountOptions[]): Promise<void> => {
      const [first, ...others] = mounts
      if (first === undefined) return define(context)
      await context.register(onFastify.multipart, first)
      if (others.length === 0) return define(context)
      await context.register((inner: FastifyInstance) => nest(inner, others))
    }
    await nest(app, mountsOf(description))
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const close = (): Promise<void> => {
      closeConnections()
      return app.close()
    }
    return { port, handled: () => handled, close }
  },
}

/** False where `vitest.config.ts` puts Express 4 in place of `express`. */
export const isExpress5 = !('lazyrouter' in express.application)

export const everyFramework: readonly Framework[] = [Express, OnKoa, OnFastify]

/** Those of a run: Fastify has no older major, and the tests on the newer ones run it already. */
export const frameworks: readonly Framework[] = isExpress5 ? everyFramework : [Express, OnKoa]
