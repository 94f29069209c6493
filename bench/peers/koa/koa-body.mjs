import { createServer } from 'node:http'
import Koa from 'koa'
import { koaBody } from 'koa-body'
import { found, removeLater } from '../answer.mjs'
import { formidableOptions } from '../formidable-options.mjs'

export function serve({ storage, directory }) {
  const app = new Koa()
  app.use(koaBody({ multipart: true, formidable: formidableOptions(storage, directory) }))
  app.use((ctx) => {
    const files = Object.values(ctx.request.files ?? {}).flat()
    ctx.body = found(ctx.request.body, files)
    if (storage === 'disk') removeLater(files.map(({ filepath }) => filepath))
  })
  return createServer(app.callback())
}
