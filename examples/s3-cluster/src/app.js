/** One of several app processes. Stores files in the bucket, and serves those of all processes. */
import { pipeline } from 'node:stream/promises'
import { MultiPartParser, parsers, problems } from '@formgate/express'
import { s3, s3File } from '@formgate/s3'
import express from 'express'

const GiB = 1024 ** 3
const { S3_BUCKET: bucket = '', S3_PREFIX: prefix = 'uploads/', AWS_ENDPOINT_URL_S3: endpoint } = process.env

// Credentials, region and endpoint come from the environment, as the AWS SDK reads it.
const storage = s3({ bucket, prefix, config: { forcePathStyle: endpoint !== undefined } })
const limits = { fileSize: GiB, bodySize: GiB }

const app = express()
app.use((_req, res, next) => {
  res.set('X-Served-By', String(process.pid))
  next()
})

app.post('/files', parsers([MultiPartParser], { storage, limits }), (req, res) => {
  const files = Object.values(req.files).flat()
  // Without keep() an object is removed when the response has ended.
  res.status(201).json(files.map((file) => ({ ...file.keep().toJSON(), url: urlOf(file) })))
})

app.get('/files/:name', async (req, res) => {
  const file = await storage.open(prefix + req.params.name)
  if (file === undefined) {
    res.sendStatus(404)
    return
  }
  res.attachment(file.originalName).set({
    'Content-Type': file.type,
    'Content-Length': String(file.size),
    ETag: file.etag,
    // A browser must not render an upload as a page.
    'X-Content-Type-Options': 'nosniff',
  })
  await pipeline(file.createReadStream(), res)
})

app.use(problems())

/** @param {import('@formgate/express').UploadedFile} file */
function urlOf(file) {
  return `/files/${s3File(file)?.key.slice(prefix.length)}`
}

// All processes listen on the same port: the first process hands each connection to one of them.
app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')
