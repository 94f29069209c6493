/** Middleware that shows each request to a test. */
import type { IncomingMessage } from 'node:http'
import type { Description } from './frameworks.js'

/** Looks at every request before Formgate sees it. */
export function looking(look: (request: IncomingMessage) => void): NonNullable<Description['above']> {
  return {
    express: (app) => app.use((req, _res, next) => (look(req), next())),
    koa: (app) => app.use((ctx, next) => (look(ctx.req), next())),
    fastify: (app) => {
      app.addHook('onRequest', async (request) => look(request.raw))
    },
  }
}
