/** The lower bound: node:http drains the body. */
import { createServer } from 'node:http'
import { drained } from '../answer.mjs'

export function serve() {
  return createServer((req, res) => {
    req.on('end', () => res.end(JSON.stringify(drained))).resume()
  })
}
