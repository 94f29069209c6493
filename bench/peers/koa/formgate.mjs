import { createServer } from 'node:http'
import Koa from 'koa'
import { multipart } from '../../../packages/koa/dist/index.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export function serve(options) {
  const app = new Koa()
  app.use(multipart(mountOptions(options)))
  app.use((ctx) => {
    if (options.hash) return answer(ctx.request, options).then((digests) => (ctx.body = digests))
    ctx.body = answer(ctx.request, options)
  })
  return createServer(app.callback())
}
