/** The middlewares: one for everything below it, one for a single route. */
import type {
  BodyData,
  BodyOptions,
  BodyType,
  FormOptions,
  MountOptions,
  ParserLike,
  RouteOptions,
  RouteParams,
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
  type RequestBody,
  type RouteStep,
} from '@formgate/core/adapter'
import type { Context, DefaultState, Middleware } from 'koa'

/**
 * Mounts Formgate for everything below it: `ctx.request.data` and `ctx.request.files`, whatever was sent.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function multipart(options: MountOptions = {}): Middleware {
  const step = mountStep(options)
  const mounted: Middleware = async (ctx, next) => {
    const body = bodyOf(ctx)
    try {
      await runStep(body, step)
      // Inside the try: a handler may read the data of a media type that nobody parses.
      await next()
    } catch (error) {
      await settle(error, body, ctx)
    }
  }
  return noteStep(mounted, step)
}

/**
 * The parser list of one route, with or without a `multipart()` above it.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): Middleware {
  return routeMiddleware(parsersStep(list, options))
}

/** A middleware that gives `ctx.request.data` of its route a type. */
export type TypedMiddleware<Data> = Middleware<DefaultState, { request: { data: Data } }>

/**
 * A form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * @throws TypeError for what is no schema, an unknown option or an invalid value
 */
export function form<Type extends Schema, const Options extends FormOptions>(
  schema: Type,
  options?: Options,
): TypedMiddleware<BodyData<Type, Options>> {
  return routeMiddleware(formStep(schema, options))
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
  return routeMiddleware(bodyStep(type, options))
}

function routeMiddleware(step: RouteStep): Middleware {
  const reading: Middleware = async (ctx, next) => {
    const requestBody = bodyOf(ctx)
    try {
      await runStep(requestBody, step)
    } catch (error) {
      return settle(error, requestBody, ctx, step.route)
    }
    await next()
  }
  return noteStep(reading, step)
}

/** The body of a request; the first call gives the request its properties. */
function bodyOf(ctx: Context): RequestBody {
  const params = (): RouteParams | undefined => (ctx as { params?: RouteParams }).params
  return openBody({ request: ctx.req, response: ctx.res, target: ctx.request, params })
}

async function settle(
  error: unknown,
  body: RequestBody,
  ctx: Context,
  route?: RouteStep['route'],
): Promise<void> {
  const reaction = await body.react(error, route)
  if (reaction.kind === 'pass on') throw error
  if (reaction.kind === 'drop') return
  ctx.status = reaction.status
  ctx.body = reaction.body
  // After the body, which sets a type and takes away a length of its own.
  ctx.set(reaction.headers)
}
