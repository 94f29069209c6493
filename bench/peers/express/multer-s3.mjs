/** Stores files in the bucket that the environment names. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import express from 'express'
import multer from 'multer'
import multerS3 from 'multer-s3'
import { found } from '../answer.mjs'

export function serve() {
  const { S3_BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint } = process.env
  const s3 = new S3Client({ forcePathStyle: endpoint !== undefined })
  const key = (req, file, done) => done(null, randomUUID())
  const upload = multer({ storage: multerS3({ s3, bucket, key }) })
  const app = express()
  app.post('/', upload.any(), (req, res) => res.json(found(req.body, req.files)))
  return createServer(app)
}
