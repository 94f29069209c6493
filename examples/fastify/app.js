/** An app on Fastify: a sign-up with an avatar, backups as raw files, contacts as CSV, and a JSON API. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  accept,
  BaseParser,
  body,
  BodyError,
  FileUploadParser,
  form,
  hash,
  multipart,
  parsers,
  sniff,
} from '@formgate/fastify'
import Fastify from 'fastify'
import { z } from 'zod'

const SignUp = z.strictObject({
  username: z.string().regex(/^\w{3,20}$/, 'Use 3 to 20 letters, digits or underscores'),
  age: z.number().int().min(18).optional(),
  newsletter: z.boolean(),
  // The declared type and the first bytes must both be those of a picture.
  avatar: z.file().max(200_000).check(accept('image/png', 'image/jpeg'), sniff()),
})

const Contacts = z.array(z.strictObject({ name: z.string().min(1), email: z.email() })).min(1)

const Item = z.strictObject({ price: z.number().nonnegative(), count: z.int().positive() })
const Quote = z.strictObject({ items: z.array(Item).min(1).max(100) })

/** Reads CSV without quoted cells. The first row has the names of the columns. */
class CsvParser extends BaseParser {
  mediaType = 'text/csv'

  /** @param {import('node:stream').Readable} stream */
  async parse(stream) {
    const lines = (await text(stream)).trimEnd().split(/\r?\n/)
    const [header = [], ...rows] = lines.map((line) => line.split(','))
    const bad = rows.findIndex((row) => row.length !== header.length || row.join().includes('"'))
    if (bad === -1) return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])))
    const detail = `Line ${bad + 2} does not have ${header.length} unquoted cells.`
    throw new BodyError('MALFORMED_FORM', { detail })
  }
}

/** Extensions by the type that the first bytes of a file show. The client's name does not count. */
const extensions = new Map([
  ['image/png', '.png'],
  ['image/apng', '.png'],
  ['image/jpeg', '.jpg'],
])

/** @param {string} uploads The directory for files that are kept. Do not let a web server serve it directly. */
export async function createApp(uploads) {
  mkdirSync(uploads, { recursive: true, mode: 0o700 })
  const app = Fastify()
  // In your own app, add authentication as an onRequest hook: nothing is read before it.
  await app.register(multipart, { lazy: true, limits: { textSize: 64 * 1024 } })

  const oneFile = { files: 1, fields: 10, fieldSize: 1000, bodySize: 1_000_000 }
  app.post('/sign-up', form(SignUp, { limits: oneFile }), async (request, reply) => {
    const { username, age, newsletter, avatar } = request.data
    const extension = extensions.get(avatar.detectedType ?? '')
    if (extension === undefined) throw new BodyError('FILE_REFUSED', { field: 'avatar' })
    const picture = await keep(avatar, extension)
    return reply.code(201).send({ username, age, newsletter, picture })
  })

  const limits = { fileSize: 1_000_000, bodySize: 1_000_000 }
  const readBackup = parsers([FileUploadParser], { limits, inspect: hash('sha256') })
  app.put('/backups/:filename', readBackup, async (request, reply) => {
    const [backup] = request.files['file'] ?? []
    if (backup === undefined) throw new BodyError('FILE_REFUSED', { detail: 'The body is empty.' })
    const { name, size, hash: sha256 } = backup
    return reply.code(201).send({ name, size, sha256, id: await keep(backup, '.backup') })
  })

  app.post('/contacts', body(Contacts, { parsers: [CsvParser] }), async (request, reply) => {
    return reply.code(201).send({ imported: request.data.length })
  })

  app.post('/quotes', body(Quote, { contentType: 'application/json' }), async (request) => {
    const total = request.data.items.reduce((sum, { price, count }) => sum + price * count, 0)
    return { total }
  })

  return app

  /**
   * Keeps a file under a generated name. Other files are removed when the response has ended.
   *
   * @param {import('@formgate/fastify').UploadedFile} file
   * @param {string} extension
   */
  async function keep(file, extension) {
    const name = randomUUID() + extension
    await file.moveTo(join(uploads, name))
    return name
  }
}
