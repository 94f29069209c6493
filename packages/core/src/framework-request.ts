/** A request as the functions among the options see it. */
import type { IncomingHttpHeaders } from 'node:http'

/**
 * The request that the handler gets: `req` on Express, `ctx.request` on Koa, `request` on Fastify, Node's own on a plain
 * server. This is what all of them have; annotate a parameter with the framework's own type for the rest of it.
 */
export interface FrameworkRequest {
  readonly headers: IncomingHttpHeaders
  readonly method?: string | undefined
  readonly url?: string | undefined
}
