import Fastify from 'fastify'
import { multipart } from '../../../packages/fastify/dist/index.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export async function serve(options) {
  const app = Fastify()
  await app.register(multipart, mountOptions(options))
  app.post('/', async (request) => answer(request, options))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
