// A server in a process of its own, so that what it holds can be measured: node server.js
import { multipart } from '@formgate/express'
import { s3 } from '@formgate/s3'
import express from 'express'

const { S3_BUCKET: bucket = '', S3_PREFIX: prefix = '' } = process.env
const storage = s3({ bucket, prefix, config: { forcePathStyle: true } })

const app = express()
app.use(multipart({ storage, limits: { fileSize: Infinity, bodySize: Infinity } }))
app.get('/rss', (_req, res) => void res.json(process.memoryUsage.rss()))
app.post('/upload', (req, res) => void res.json(req.files['f']?.[0]?.size))
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.stdout.write(`${port}\n`)
})
