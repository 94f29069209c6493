import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { found, removeLater } from '../answer.mjs'

export function serve({ storage, directory }) {
  const app = new Hono()
  app.post('/', async (c) => {
    const fields = {}
    const files = []
    const paths = []
    for (const [name, value] of await c.req.formData()) {
      if (typeof value === 'string') fields[name] = value
      else files.push(value)
    }
    if (storage === 'disk') {
      for (const file of files) {
        paths.push(join(directory, randomUUID()))
        await pipeline(Readable.fromWeb(file.stream()), createWriteStream(paths.at(-1)))
      }
    }
    removeLater(paths)
    return c.json(found(fields, files))
  })
  return createAdaptorServer({ fetch: app.fetch })
}
