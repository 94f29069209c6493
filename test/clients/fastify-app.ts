/** The echo app on Fastify. */
import { FileUploadParser, JSONParser, PlainTextParser, multipart, parsers } from '@formgate/fastify'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { CsvParser } from './csv-parser.js'
import { echo, legacyForms, mountOptions, pages } from './echo.js'

export function createFastifyApp(directory: string): FastifyInstance {
  const app = Fastify()
  for (const [path, { type, bytes }] of Object.entries(pages)) {
    app.get(path, (_request, reply) => reply.header('Content-Type', type).send(bytes))
  }
  app.post('/latin1', parsers([legacyForms]), answer)

  // In its own context, so that the route above gets its form unread.
  app.register(async (mounted) => {
    await mounted.register(multipart, mountOptions(directory))
    mounted.post('/echo', answer)
    mounted.post('/json', parsers([JSONParser]), answer)
    mounted.post('/csv', parsers([CsvParser]), answer)
    mounted.post('/text', parsers([PlainTextParser]), answer)
    mounted.post('/raw', parsers([FileUploadParser]), answer)
    mounted.put('/raw/:filename', parsers([FileUploadParser]), answer)
  })
  return app
}

async function answer(request: FastifyRequest): Promise<object> {
  return echo(request)
}
