/** Koa alone: the body is drained. */
import { createServer } from 'node:http'
import Koa from 'koa'
import { drained } from '../answer.mjs'

export function serve() {
  const app = new Koa()
  app.use(async (ctx) => {
    await new Promise((resolve) => ctx.req.on('end', resolve).resume())
    ctx.body = drained
  })
  return createServer(app.callback())
}
