/** Fastify's own JSON parser, and @fastify/formbody for URL-encoded forms. */
import formbody from '@fastify/formbody'
import Fastify from 'fastify'
import { found } from '../answer.mjs'

export async function serve() {
  const app = Fastify()
  await app.register(formbody)
  app.post('/', async (request) => found(request.body))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
