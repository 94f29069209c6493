/** Fastify alone: the body is drained. */
import Fastify from 'fastify'
import { drained } from '../answer.mjs'

export async function serve() {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.on('end', () => done(null)).resume()
  })
  app.post('/', async () => drained)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
