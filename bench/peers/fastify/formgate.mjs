import Fastify from 'fastify'
import { form, multipart } from '../../../packages/fastify/dist/index.mjs'
import { typed } from '../answer.mjs'
import { answer, mountOptions } from '../formgate.mjs'

export async function serve(options) {
  const app = Fastify()
  if (options.schema) app.post('/', form(options.schema), async (request) => typed(request.data))
  else {
    await app.register(multipart, mountOptions(options))
    app.post('/', async (request) => answer(request, options))
  }
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
