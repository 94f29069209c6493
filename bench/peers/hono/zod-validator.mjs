import { createAdaptorServer } from '@hono/node-server'
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { typed } from '../answer.mjs'
import { signUpOfTexts } from '../schema.mjs'

export function serve() {
  const app = new Hono()
  app.post('/', zValidator('form', signUpOfTexts), (c) => c.json(typed(c.req.valid('form'))))
  return createAdaptorServer({ fetch: app.fetch })
}
