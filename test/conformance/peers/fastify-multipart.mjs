/** @fastify/multipart. */
// @ts-nocheck -- Runs in another folder, with packages that are not installed here.
import multipart from '@fastify/multipart'
import createFastify from 'fastify'
import { answer, limitsOf, serve } from './serve.mjs'

const fastify = createFastify()
await fastify.register(multipart)
fastify.post('/', async (request) => {
  const fields = []
  const files = []
  for await (const part of request.parts({ limits: limitsOf(request.raw) })) {
    if (part.type === 'file') files.push([part.fieldname, part.filename, (await part.toBuffer()).length])
    else fields.push([part.fieldname, part.value])
  }
  return { fields, files }
})
fastify.setErrorHandler((error, _request, reply) => {
  void reply.code(error.statusCode ?? 500).send({ error: error.message })
})
fastify.addHook('onSend', async (_request, _reply, payload) => payload)
await fastify.ready()
serve((request, response) => {
  try {
    fastify.routing(request, response)
  } catch (error) {
    answer(response, 500, { error: error.message })
  }
})
