/**
 * Engines of multer, without their types: these declare `req.files` for every file that is compiled with them. The page on
 * pipelines is compiled with them.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { createRequire } from 'node:module'
import { S3Client } from '@aws-sdk/client-s3'
import type { MulterEngine } from '@formgate/pipelines'

type Next = (error: null, value: unknown) => void
type Named = (
  request: { headers?: IncomingHttpHeaders },
  file: { originalname: string; fieldname: string },
  next: Next,
) => void
interface Multer {
  diskStorage(options: { destination: string; filename: Named }): MulterEngine
  memoryStorage(): MulterEngine
}
type MulterS3 = (options: { s3: S3Client; bucket: string; key: Named; metadata: Named }) => MulterEngine

const require = createRequire(import.meta.url)
const multer = require('multer') as Multer
const multerS3 = require('multer-s3') as MulterS3

const filename: Named = (_request, file, next) => next(null, `${Math.random()}-${file.originalname}`)

export function diskEngine(destination: string): MulterEngine {
  return multer.diskStorage({ destination, filename })
}

export function memoryEngine(): MulterEngine {
  return multer.memoryStorage()
}

export function s3Engine(endpoint: string): MulterEngine {
  const s3 = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const metadata: Named = (request, file, next) =>
    next(null, { field: file.fieldname, user: request.headers?.['x-user'] ?? 'nobody' })
  return multerS3({ s3, bucket: 'photos', key: filename, metadata })
}
