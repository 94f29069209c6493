import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { randomUUID } from 'node:crypto'
import multipart from '@fastify/multipart'
import Fastify from 'fastify'
import { found, removeLater } from '../answer.mjs'

export async function serve({ storage, directory }) {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
  await app.register(multipart, { limits: { fileSize: Infinity, parts: Infinity } })
  app.post('/', async (request) => {
    const fields = {}
    const files = []
    for await (const part of request.parts()) {
      if (part.type === 'field') fields[part.fieldname] = part.value
      else if (storage === 'disk') files.push(await toDisk(part, directory))
      else files.push({ size: (await part.toBuffer()).length })
    }
    removeLater(files.flatMap(({ path }) => path ?? []))
    return found(fields, files)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}

async function toDisk(part, directory) {
  const path = join(directory, randomUUID())
  const target = createWriteStream(path)
  await pipeline(part.file, target)
  return { path, size: target.bytesWritten }
}
