// A server in a process of its own, so that what it holds can be measured: node server.js <folder of the page's modules> <directory>
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createGzip } from 'node:zlib'
import { disk, MultiPartParser, parsers } from '@formgate/express'
import { fromMulter, transform } from '@formgate/pipelines'
import express from 'express'
import { z } from 'zod'

const [modules = '', directory = ''] = process.argv.slice(2)
const limits = { bodySize: Infinity, fileSize: Infinity }
/** @param {string} name */
const load = (name) => import(join(modules, `${name}.mjs`))

// Without its types, which declare `req.files` for all files.
const need = createRequire(import.meta.url)
const multer = need('multer')
const whole = disk({ directory })
/** @type {Record<string, () => object>} */
const options = {
  gzip: () => ({
    storage: transform({ through: () => createGzip({ level: 1 }), results: { original: {} } }, whole),
  }),
  multer: () => ({ storage: fromMulter(multer.diskStorage({ destination: directory })) }),
  untar: await load('untar').then(({ untar }) => () => ({
    storage: untar(whole, { bytes: 2 ** 31, entries: 10_000 }),
  })),
  scan: await load('clamav').then(({ clamav }) => () => ({
    inspect: clamav({ port: Number(process.env['CLAMD_PORT']) }),
    storage: whole,
  })),
  pictures: await load('pictures').then(({ pictures }) => () => ({ storage: pictures })),
}
const sqlite = /** @type {any} */ (process.getBuiltinModule('node:sqlite'))
if (sqlite !== undefined) {
  const [{ rowsInto }, { table }] = await Promise.all([load('rows'), load('table')])
  const orders = table(new sqlite.DatabaseSync(join(directory, 'orders.db')))
  const Order = z.object({ item: z.string().min(1), count: z.coerce.number().int().positive() })
  options['rows'] = () => ({ storage: rowsInto(orders, Order) })
}

process.chdir(directory)
const app = express()
app.get('/held', (_req, res) => {
  res.json({ rss: process.memoryUsage.rss(), files: readdirSync(directory, { recursive: true }) })
})
for (const [name, make] of Object.entries(options)) {
  app.post(`/${name}`, parsers([MultiPartParser], { limits, ...make() }), (req, res) => {
    const files = Object.values(req.files).flat()
    res.json(files.map(({ size, results }) => [size, Object.values(results).map((file) => file.size)]))
  })
}
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.stdout.write(`${port}\n`)
})
// A large file may take its time on a busy machine.
server.requestTimeout = 0
