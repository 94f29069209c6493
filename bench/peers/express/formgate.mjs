import { createServer } from 'node:http'
import express from 'express'
import { multipart } from '../../../packages/express/dist/index.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export function serve(options) {
  const app = express()
  app.use(multipart(mountOptions(options)))
  app.post('/', (req, res) => {
    if (options.hash) return answer(req, options).then((digests) => res.json(digests))
    res.json(answer(req, options))
  })
  return createServer(app)
}
