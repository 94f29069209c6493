import { createServer } from 'node:http'
import Koa from 'koa'
import { form, multipart } from '../../../packages/koa/dist/index.mjs'
import { typed } from '../answer.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export function serve(options) {
  const app = new Koa()
  app.use(options.schema ? form(options.schema) : multipart(mountOptions(options)))
  app.use((ctx) => {
    if (options.schema) return void (ctx.body = typed(ctx.request.data))
    if (options.hash) return answer(ctx.request, options).then((digests) => (ctx.body = digests))
    ctx.body = answer(ctx.request, options)
  })
  return createServer(app.callback())
}
