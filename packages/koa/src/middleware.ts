/** The middlewares: one for everything below it, one for a single route. */
import type { FilesByField, MountOptions, ParserLike, RouteOptions, RouteParams } from '@formgate/core'
import { openBody, resolveMount, RouteConfig, type RequestBody } from '@formgate/core/adapter'
import type { Context, Middleware } from 'koa'

declare module 'koa' {
  interface Request {
    /** Fields and files together, or whatever the parser returned. */
    data: unknown
    /** The files of the request by field name; always lists. */
    files: FilesByField
    /** Parses the body now, if that has not been done. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: unknown; files: FilesByField }>
  }
}

/**
 * Mounts Formgate for everything below it: `ctx.request.data` and `ctx.request.files`, whatever was sent.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function multipart(options: MountOptions = {}): Middleware {
  const config = resolveMount(options)
  return async (ctx, next) => {
    const body = bodyOf(ctx)
    try {
      await body.mount(config)
      // Inside the try: a handler may read the data of a media type that nobody parses.
      await next()
    } catch (error) {
      await settle(error, body, ctx)
    }
  }
}

/**
 * The parser list of one route, with or without a `multipart()` above it.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): Middleware {
  const route = new RouteConfig(list, options)
  return async (ctx, next) => {
    const body = bodyOf(ctx)
    try {
      await body.route(route)
    } catch (error) {
      return settle(error, body, ctx, route)
    }
    await next()
  }
}

function bodyOf(ctx: Context): RequestBody {
  const params = (): RouteParams | undefined => (ctx as { params?: RouteParams }).params
  return openBody({ request: ctx.req, response: ctx.res, target: ctx.request, params })
}

async function settle(error: unknown, body: RequestBody, ctx: Context, route?: RouteConfig): Promise<void> {
  const reaction = await body.react(error, route)
  if (reaction.kind === 'pass on') throw error
  if (reaction.kind === 'drop') return
  ctx.status = reaction.status
  ctx.body = reaction.body
  // After the body, which sets a type and takes away a length of its own.
  ctx.set(reaction.headers)
}
