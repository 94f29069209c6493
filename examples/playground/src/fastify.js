/** Formgate on Fastify. */
import { FileUploadParser, form, MultiPartParser, multipart, parsers } from '@formgate/fastify'
import Fastify from 'fastify'
import { SignUp } from '../public/sign-up-schema.js'
import { large, tiny } from './limits.js'
import { onProgress } from './progress.js'

export async function createFastifyApp() {
  const app = Fastify()

  // Routes with options of their own go outside the scope of multipart(), which would read the body first.
  app.put('/raw/:filename', parsers([FileUploadParser], { limits: large, onProgress }), echo)
  app.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)
  app.post('/sign-up', form(SignUp), async ({ data }, reply) => {
    const { username, age = null, topics, portrait, address } = data
    return reply.code(201).send({ username, age, topics, portrait, city: address.city })
  })

  await app.register(async (scope) => {
    await scope.register(multipart, { onProgress })
    scope.post('/echo', echo)
  })
  return app
}

/** @param {import('fastify').FastifyRequest} request */
async function echo({ data, files }) {
  return { data, files }
}
