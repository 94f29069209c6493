/** The echo app on Koa. */
import { FileUploadParser, JSONParser, PlainTextParser, multipart, parsers } from '@formgate/koa'
import { Router } from '@koa/router'
import Koa, { type Context } from 'koa'
import { CsvParser } from './csv-parser.js'
import { echo, legacyForms, mountOptions, pages } from './echo.js'

export function createKoaApp(directory: string): Koa {
  const router = new Router()
  for (const [path, { type, bytes }] of Object.entries(pages)) {
    router.get(path, (ctx) => {
      ctx.set('Content-Type', type)
      ctx.body = bytes
    })
  }
  router.post('/latin1', parsers([legacyForms]), answer)

  router.use(multipart(mountOptions(directory)))
  router.post('/echo', answer)
  router.post('/json', parsers([JSONParser]), answer)
  router.post('/csv', parsers([CsvParser]), answer)
  router.post('/text', parsers([PlainTextParser]), answer)
  router.post('/raw', parsers([FileUploadParser]), answer)
  router.put('/raw/:filename', parsers([FileUploadParser]), answer)

  const app = new Koa()
  app.use(router.routes())
  // Koa reports each client that hangs up during the answer, as curl does after a 413.
  app.on('error', (error: Error & { headerSent?: boolean }) => {
    if (error.headerSent !== true) console.error(error)
  })
  return app
}

async function answer(ctx: Context): Promise<void> {
  ctx.body = await echo(ctx.request)
}
