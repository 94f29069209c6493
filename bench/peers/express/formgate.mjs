import { createServer } from 'node:http'
import express from 'express'
import { multipart } from '../../../packages/express/dist/index.js'
import { answer, mountOptions } from '../formgate.mjs'

export function serve(options) {
  const app = express()
  app.use(multipart(mountOptions(options)))
  app.post('/', async (req, res) => {
    res.json(await answer(req, options))
  })
  return createServer(app)
}
