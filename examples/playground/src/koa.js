/** Formgate on Koa. */
import { FileUploadParser, form, MultiPartParser, multipart, parsers } from '@formgate/koa'
import { Router } from '@koa/router'
import Koa from 'koa'
import { SignUp } from '../public/sign-up-schema.js'
import { large, tiny } from './limits.js'
import { onProgress } from './progress.js'

export function createKoaApp() {
  const app = new Koa()
  const router = new Router()

  // Routes with options of their own go above multipart(), which would read the body first.
  router.put('/raw/:filename', parsers([FileUploadParser], { limits: large, onProgress }), echo)
  router.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)
  router.post('/sign-up', form(SignUp), (ctx) => {
    const { username, age = null, topics, portrait, address } = ctx.request.data
    ctx.status = 201
    ctx.body = { username, age, topics, portrait, city: address.city }
  })

  router.use(multipart({ onProgress }))
  router.post('/echo', echo)

  app.use(router.routes())
  return app
}

/** @param {import('koa').Context} ctx */
function echo(ctx) {
  ctx.body = { data: ctx.request.data, files: ctx.request.files }
}
