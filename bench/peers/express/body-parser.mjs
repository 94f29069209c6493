/** express.json() and express.urlencoded(). */
import { createServer } from 'node:http'
import express from 'express'
import { found } from '../answer.mjs'

export function serve() {
  const app = express()
  app.use(express.json(), express.urlencoded())
  app.post('/', (req, res) => {
    res.json(found(req.body))
  })
  return createServer(app)
}
