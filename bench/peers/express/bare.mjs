/** Express alone: the body is drained. */
import { createServer } from 'node:http'
import express from 'express'
import { drained } from '../answer.mjs'

export function serve() {
  const app = express()
  app.post('/', (req, res) => {
    req.on('end', () => res.json(drained)).resume()
  })
  return createServer(app)
}
