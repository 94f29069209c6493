import { createServer } from 'node:http'
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { found } from '../answer.mjs'

export function serve() {
  const app = new Koa()
  app.use(bodyParser())
  app.use((ctx) => {
    ctx.body = found(ctx.request.body)
  })
  return createServer(app.callback())
}
