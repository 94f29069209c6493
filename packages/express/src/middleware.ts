/** The middlewares: one for everything below it, one for a single route. */
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
  runStep,
  type BodyStep,
  type RequestBody,
} from '@formgate/core/adapter'
import type { NextFunction, Request, Response } from 'express-serve-static-core'
import { settle } from './settle.js'
import { shareShape } from './shared-shape.js'

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
  return middleware(mountStep(options))
}

/**
 * The parser list of one route, with or without a `multipart()` above it.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): Middleware {
  return middleware(parsersStep(list, options))
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
  return middleware(formStep(schema, options))
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
  return middleware(bodyStep(type, options))
}

/**
 * Answers, after the routes, what a handler throws when it reads the `data` of a media type that nobody parses: Express
 * has no place where `multipart()` could catch it.
 */
export function problems(): ErrorMiddleware {
  return (error, req, res, next) =>
    settle(error, bodyOf(req as Request, res as Response), res as Response, next)
}

function middleware(step: BodyStep): Middleware {
  const reading: Middleware = async (req, res, next) => {
    shareShape(req as Request)
    shareShape(res as Response)
    const requestBody = bodyOf(req as Request, res as Response)
    try {
      await runStep(requestBody, step)
    } catch (error) {
      return settle(error, requestBody, res as Response, next, step.route)
    }
    next()
  }
  return noteStep(reading, step)
}

/** The body of a request; the first call gives the request its properties. */
function bodyOf(req: Request, res: Response): RequestBody {
  return openBody({ request: req, response: res, target: req, params: () => req.params })
}
