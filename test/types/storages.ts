/** What storages add to their files is typed in the routes that name them. */
import { form, memory, type Storage, type StoredFile, type UploadedFile } from '@formgate/express'
import { s3, type S3File } from '@formgate/s3'
import express from 'express'
import { is, type Equal } from './equal.js'
import { Payment, User } from './schemas.js'

interface KeyedFile extends StoredFile {
  readonly key: string
}

declare const keyed: Storage<KeyedFile>

const app = express()
app.post('/', form(User, { storage: keyed }), ({ data }, res) => {
  is<Equal<typeof data.image.stored.key, string>>()
  is<Equal<typeof data.scans, UploadedFile<KeyedFile>[] | undefined>>()
  const file: UploadedFile = data.image
  res.json(file)
})
app.post('/', form(Payment, { storage: s3({ bucket: 'bucket' }) }), ({ data }) => {
  if (data.kind === 'cash') is<Equal<typeof data.receipt, UploadedFile<S3File>>>()
})
app.post('/', form(User, { storage: [keyed, memory()] }), ({ data }) => {
  is<Equal<typeof data.image, UploadedFile>>()
  if ('key' in data.image.stored) is<Equal<typeof data.image.stored.key, unknown>>()
})
app.post('/', form(User, { storage: memory() }), ({ data }) => is<Equal<typeof data.image, UploadedFile>>())
