/** Formgate on Fastify. */
import { FileUploadParser, MultiPartParser, multipart, parsers } from '@formgate/fastify'
import Fastify from 'fastify'
import { large, tiny } from './limits.js'

export async function createFastifyApp() {
  const app = Fastify()

  // What a route sets for itself acts while the body arrives, so these stand outside the scope of multipart().
  app.put('/raw/:filename', parsers([FileUploadParser], { limits: large }), echo)
  app.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)

  await app.register(async (scope) => {
    await scope.register(multipart)
    scope.post('/echo', echo)
  })
  return app
}

/** @param {import('fastify').FastifyRequest} request */
async function echo({ data, files }) {
  return { data, files }
}
