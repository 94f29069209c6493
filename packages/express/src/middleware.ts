/** The middlewares: one for everything below it, one for a single route. */
import type {
  BodyData,
  BodyOptions,
  BodyType,
  FilesByField,
  FormOptions,
  MountOptions,
  ParserLike,
  Part,
  RouteOptions,
  Schema,
} from '@formgate/core'
import {
  noteStep,
  openBody,
  resolveMount,
  RouteConfig,
  sendProblem,
  TypedRoute,
  type BodyStep,
  type RequestBody,
} from '@formgate/core/adapter'
import type { NextFunction, Request, Response } from 'express-serve-static-core'
import { endForLateListeners } from './end-for-late-listeners.js'
import { shareShape } from './shared-shape.js'

declare module 'express-serve-static-core' {
  // A merge repeats the parameters of the interface that it merges with, its `any` included.
  // oxlint-disable-next-line typescript/no-explicit-any
  interface Request<P, ResBody, ReqBody, ReqQuery, LocalsObj extends Record<string, any>> {
    /** Fields and files together, or whatever the parser returned. */
    data: ReqBody
    /** The files of the request by field name; always lists. */
    files: FilesByField
    /** Parses the body now, if that has not been done. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: ReqBody; files: FilesByField }>
    /** The parts of a multipart form as they arrive, stored nowhere. For `multipart({ lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
  }
}

/** A middleware that leaves the types of its route alone. */
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
 * Mounts Formgate for everything below it: `req.data` and `req.files`, whatever was sent.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function multipart(options: MountOptions = {}): Middleware {
  const config = resolveMount(options)
  return middleware((body) => body.mount(config), { kind: 'mount', config })
}

/**
 * The parser list of one route, with or without a `multipart()` above it.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): Middleware {
  const route = RouteConfig.ofParsers(list, options)
  return middleware((body) => body.route(route), { kind: 'route', route })
}

/**
 * A form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * @throws TypeError for what is no schema, an unknown option or an invalid value
 */
export function form<Type extends Schema, const Options extends FormOptions>(
  schema: Type,
  options?: Options,
): TypedMiddleware<BodyData<Type, Options>> {
  return typed(TypedRoute.ofForm(schema, options))
}

/**
 * A body of any listed media type that a schema validates and types; with `bytes()` or `stream()` the raw body.
 *
 * @throws TypeError for what is no schema, an unknown option or an invalid value, and options that exclude each other
 */
export function body<
  Type extends BodyType | undefined = undefined,
  const Options extends BodyOptions = BodyOptions,
>(type?: Type, options?: Options): TypedMiddleware<BodyData<Type, Options>> {
  return typed(new TypedRoute(type, options))
}

function typed<Data>(route: TypedRoute): TypedMiddleware<Data> {
  return middleware((requestBody) => requestBody.typed(route), {
    kind: 'route',
    route: route.config,
    typed: route,
  })
}

/**
 * Answers, after the routes, what a handler throws when it reads the `data` of a media type that nobody parses: Express
 * has no place where `multipart()` could catch it.
 */
export function problems(): ErrorMiddleware {
  return (error, req, res, next) => settle(error, req as Request, res as Response, next)
}

function middleware(read: (body: RequestBody) => Promise<unknown>, step: BodyStep): Middleware {
  const route = step.kind === 'route' ? step.route : undefined
  const reading: Middleware = async (req, res, next) => {
    shareShape(req as Request)
    shareShape(res as Response)
    try {
      await read(bodyOf(req as Request, res as Response))
    } catch (error) {
      return settle(error, req as Request, res as Response, next, route)
    }
    next()
  }
  return noteStep(reading, step)
}

function bodyOf(req: Request, res: Response): RequestBody {
  return openBody({ request: req, response: res, target: req, params: () => req.params })
}

async function settle(
  error: unknown,
  req: Request,
  res: Response,
  next: NextFunction,
  route?: RouteConfig,
): Promise<void> {
  const body = bodyOf(req, res)
  const reaction = await body.react(error, route)
  if (reaction.kind === 'answer') sendProblem(res, reaction)
  else if (reaction.kind === 'pass on') {
    if (body.source.isIncoming) endForLateListeners(req, res)
    next(error)
  }
}
