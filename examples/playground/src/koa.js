/** Formgate on Koa. */
import { FileUploadParser, MultiPartParser, multipart, parsers } from '@formgate/koa'
import { Router } from '@koa/router'
import Koa from 'koa'
import { large, tiny } from './limits.js'

export function createKoaApp() {
  const app = new Koa()
  const router = new Router()

  // What a route sets for itself acts while the body arrives, so these stand above multipart(), which reads it.
  router.put('/raw/:filename', parsers([FileUploadParser], { limits: large }), echo)
  router.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)

  router.use(multipart())
  router.post('/echo', echo)

  app.use(router.routes())
  return app
}

/** @param {import('koa').Context} ctx */
function echo(ctx) {
  ctx.body = { data: ctx.request.data, files: ctx.request.files }
}
