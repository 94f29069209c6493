/** The middlewares of Formgate. */
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
  type Framework,
  type RequestBody,
  type RouteStep,
} from '@formgate/core/adapter'
import type { Context, DefaultState, Middleware, Request } from 'koa'

/**
 * Reads the bodies of all routes below into `ctx.request.data` and `ctx.request.files`.
 *
 * ```ts
 * app.use(multipart({ limits: { fileSize: 5_000_000 } }))
 * app.use((ctx) => void (ctx.body = { data: ctx.request.data, files: ctx.request.files }))
 * ```
 *
 * @throws TypeError for an invalid option
 */
export function multipart(options: MountOptions<Request> = {}): Middleware {
  const step = mountStep(options)
  const mounted: Middleware = async (ctx, next) => {
    const body = bodyOf(ctx)
    try {
      const reading = body.run(step)
      if (reading !== undefined) await reading
      // Inside the try: a handler may read `data` of a media type without a parser, which throws.
      await next()
    } catch (error) {
      await settle(error, body, ctx)
    }
  }
  return noteStep(mounted, step)
}

/**
 * Sets the parsers of one route, with or without a `multipart()` above.
 *
 * ```ts
 * router.post('/rpc', parsers([JSONParser]), (ctx) => void (ctx.body = ctx.request.data))
 * ```
 *
 * @param list classes or instances. The first that reads the media type is used; if there is none, the answer is a 415.
 * @throws TypeError for an invalid parser or option
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions<Request> = {}): Middleware {
  return routeMiddleware(parsersStep(list, options))
}

/** A middleware that gives `ctx.request.data` of its route a type. */
export type TypedMiddleware<Data> = Middleware<DefaultState, { request: { data: Data } }>

/**
 * Reads a form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * ```ts
 * router.post('/users', form(z.object({ age: z.number() })), (ctx) => void (ctx.body = ctx.request.data.age))
 * ```
 *
 * @throws TypeError for an invalid schema or option
 */
export function form<Type extends Schema, const Options extends FormOptions<Request>>(
  schema: Type,
  options?: Options,
): TypedMiddleware<BodyData<Type, Options>> {
  return routeMiddleware(formStep(schema, options))
}

/**
 * Reads a body of any listed media type, which a schema validates and types; with `bytes()` or `stream()` the raw body.
 *
 * ```ts
 * router.post('/orders', body(z.object({ count: z.number() })), (ctx) => void (ctx.body = ctx.request.data.count))
 * ```
 *
 * @throws TypeError for an invalid schema or option, or options that exclude each other
 */
export function body<
  Type extends BodyType | undefined = undefined,
  const Options extends BodyOptions<Request> = BodyOptions<Request>,
>(type?: Type, options?: Options): TypedMiddleware<BodyData<Type, Options>> {
  return routeMiddleware(bodyStep(type, options))
}

function routeMiddleware(step: RouteStep): Middleware {
  const reading: Middleware = async (ctx, next) => {
    const requestBody = bodyOf(ctx)
    try {
      await requestBody.run(step)
    } catch (error) {
      return settle(error, requestBody, ctx)
    }
    await next()
  }
  return noteStep(reading, step)
}

/** Returns the body of a request. The first call adds `data`, `files` and so on to the request. */
function bodyOf(ctx: Context): RequestBody {
  return openBody(koa, ctx.req, ctx.res, ctx.request)
}

const koa: Framework<Request> = {
  name: 'koa',
  route: (request) => routed(request)?._matchedRoute?.toString(),
  params: (request) => routed(request)?.params,
}

/** The context, in which @koa/router leaves these. The request of a mock may have none. */
function routed({ ctx }: Request) {
  return ctx as { params?: RouteParams; _matchedRoute?: string | RegExp } | undefined
}

async function settle(error: unknown, body: RequestBody, ctx: Context): Promise<void> {
  const reaction = await body.react(error)
  if (reaction.kind === 'pass on') throw error
  if (reaction.kind === 'drop') return
  ctx.status = reaction.status
  ctx.body = reaction.body
  // After the body, which sets a type and removes the length.
  ctx.set(reaction.headers)
}
