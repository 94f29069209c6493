/** Stores files in the bucket that the environment names. */
import { createServer } from 'node:http'
import express from 'express'
import { multipart } from '../../../packages/express/dist/index.mjs'
import { s3 } from '../../../packages/s3/dist/index.mjs'
import { answer } from '../formgate.mjs'

export function serve(options) {
  const { S3_BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint } = process.env
  const app = express()
  const storage = s3({ bucket, config: { forcePathStyle: endpoint !== undefined } })
  app.use(multipart({ storage, ...(options.limits && { limits: options.limits }) }))
  app.post('/', (req, res) => res.json(answer(req, options)))
  return createServer(app)
}
