/** A route for uploads, and a page to try it. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { form } from '@formgate/fastify'
import Fastify from 'fastify'
import { describeBodies } from './describe-bodies.js'
import { Album } from './schemas.js'

export async function createApp() {
  const app = Fastify()
  await app.register(swagger, {
    openapi: { openapi: '3.0.3', info: { title: 'Albums', version: '1.0.0' } },
    transformObject: describeBodies({ '/albums': { post: Album } }),
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })

  app.post(
    '/albums',
    { ...form(Album), schema: { summary: 'Creates an album' } },
    async ({ data }, reply) => {
      const { title, year, cover, photos } = data
      const bytes = photos.reduce((sum, { size }) => sum + size, cover.size)
      return reply.code(201).send({ title, year, cover, photos, bytes })
    },
  )
  return app
}
