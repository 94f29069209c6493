/** The middlewares of Formgate. */
import type {
  BodyData,
  BodyOptions,
  BodyType,
  FormOptions,
  MountOptions,
  ParserLike,
  RouteOptions,
  Schema,
} from '@formgate/core'
import {
  bodyStep,
  formStep,
  mountStep,
  noteStep,
  openBody,
  parsersStep,
  type BodyStep,
  type Framework,
  type RequestBody,
} from '@formgate/core/adapter'
import type { NextFunction, Request, Response } from 'express-serve-static-core'
import { routePattern as route } from './layers.js'
import { refuse, settle } from './settle.js'
import { shareShape } from './shared-shape.js'

/** A middleware that does not change the types of its route. */
export type Middleware = (req: unknown, res: unknown, next: NextFunction) => Promise<void>

/** A middleware that gives `req.data` of its route a type. */
export type TypedMiddleware<Data> = (req: { data: Data }, res: unknown, next: NextFunction) => Promise<void>

/** An error-handling middleware. */
export type ErrorMiddleware = (
  error: unknown,
  req: unknown,
  res: unknown,
  next: NextFunction,
) => Promise<void>

/**
 * Reads the bodies of all routes below into `req.data` and `req.files`.
 *
 * ```ts
 * app.use(multipart({ limits: { fileSize: 5_000_000 } }))
 * app.post('/posts', (req, res) => res.json({ data: req.data, files: req.files }))
 * ```
 *
 * @throws TypeError for an invalid option
 */
export function multipart(options: MountOptions<Request> = {}): Middleware {
  return middleware(mountStep(options))
}

/**
 * Sets the parsers of one route, with or without a `multipart()` above.
 *
 * ```ts
 * app.post('/rpc', parsers([JSONParser]), (req, res) => res.json(req.data))
 * ```
 *
 * @param list classes or instances. The first that reads the media type is used; if there is none, the answer is a 415.
 * @throws TypeError for an invalid parser or option
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions<Request> = {}): Middleware {
  return middleware(parsersStep(list, options))
}

/**
 * Reads a form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * ```ts
 * app.post('/users', form(z.object({ age: z.number() })), (req, res) => res.json(req.data.age))
 * ```
 *
 * @throws TypeError for an invalid schema or option
 */
export function form<Type extends Schema, const Options extends FormOptions<Request>>(
  schema: Type,
  options?: Options,
): TypedMiddleware<BodyData<Type, Options>> {
  return middleware(formStep(schema, options))
}

/**
 * Reads a body of any listed media type, which a schema validates and types; with `bytes()` or `stream()` the raw body.
 *
 * ```ts
 * app.post('/orders', body(z.object({ count: z.number() })), (req, res) => res.json(req.data.count))
 * ```
 *
 * @throws TypeError for an invalid schema or option, or options that exclude each other
 */
export function body<
  Type extends BodyType | undefined = undefined,
  const Options extends BodyOptions<Request> = BodyOptions<Request>,
>(type?: Type, options?: Options): TypedMiddleware<BodyData<Type, Options>> {
  return middleware(bodyStep(type, options))
}

/**
 * Answers, below all routes, each `BodyError` with a 4xx status that handlers and middleware pass on, also under
 * `errors: 'next'`. On Express `multipart()` cannot catch what a handler throws, such as the 415 of `req.data`.
 *
 * ```ts
 * app.use(problems()) // after the routes
 * ```
 */
export function problems(): ErrorMiddleware {
  return (error, req, res, next) =>
    settle(error, bodyOf(req as Request, res as Response), res as Response, next, 'respond')
}

function middleware(step: BodyStep): Middleware {
  const reading: Middleware = async (req, res, next) => {
    shareShape(req as Request)
    shareShape(res as Response)
    const requestBody = bodyOf(req as Request, res as Response)
    try {
      const reading = requestBody.run(step)
      if (reading !== undefined) await reading
    } catch (error) {
      return settle(error, requestBody, res as Response, next)
    }
    // body-parser 1, of Express 4, reads the request unless this is set.
    if (requestBody.isRead) (req as { _body?: boolean })._body = true
    next()
  }
  return noteStep(reading, step)
}

/** Returns the body of a request. The first call adds `data`, `files` and so on to the request. */
function bodyOf(req: Request, res: Response): RequestBody {
  return openBody(isExpress4(req) ? express4 : express, req, res, req)
}

const express: Framework<Request> = { name: 'express', route, params: (req) => req.params }
const express4: Framework<Request> = { ...express, refuse }

/** False for a mock, which has no app. */
function isExpress4(req: Request): boolean {
  return (req.app as { lazyrouter?: unknown } | undefined)?.lazyrouter !== undefined
}
