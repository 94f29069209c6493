import { createServer } from 'node:http'
import express from 'express'
import { form, multipart } from '../../../packages/express/dist/index.mjs'
import { typed } from '../answer.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export function serve(options) {
  const app = express()
  app.use(options.schema ? form(options.schema) : multipart(mountOptions(options)))
  app.post('/', (req, res) => {
    if (options.schema) return res.json(typed(req.data))
    if (options.hash) return answer(req, options).then((digests) => res.json(digests))
    res.json(answer(req, options))
  })
  return createServer(app)
}
