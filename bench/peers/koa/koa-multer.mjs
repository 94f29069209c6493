import { createServer } from 'node:http'
import multer from '@koa/multer'
import Koa from 'koa'
import { found, removeLater } from '../answer.mjs'

export function serve({ storage, directory }) {
  const upload = multer(storage === 'disk' ? { dest: directory } : { storage: multer.memoryStorage() })
  const app = new Koa()
  app.use(upload.any())
  app.use((ctx) => {
    const { body } = ctx.request
    const files = ctx.files ?? ctx.request.files
    ctx.body = found(body, files)
    if (storage === 'disk') removeLater(files.map(({ path }) => path))
  })
  return createServer(app.callback())
}
