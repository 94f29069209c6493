/** Hono alone: the body is drained. */
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { drained } from '../answer.mjs'

export function serve() {
  const app = new Hono()
  app.post('/', async (c) => {
    await new Promise((resolve) => c.env.incoming.on('end', resolve).resume())
    return c.json(drained)
  })
  return createAdaptorServer({ fetch: app.fetch })
}
