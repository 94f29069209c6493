/** What storages add to their files is typed in the routes that name them. */
import { body, disk, form, memory, multipart, parsers, MultiPartParser } from '@formgate/express'
import type { FileInfo, FrameworkRequest, Storage, StoredFile, UploadedFile } from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { s3, type S3File } from '@formgate/s3'
import { directUploads, type UploadRequest } from '@formgate/s3/direct'
import express, { type Request } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Request as KoaRequest } from 'koa'
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

/** The request in `info` is that of the framework where the storage stands in the options of an adapter. */
const directory = 'uploads'
app.use(
  multipart({
    storage: disk({
      directory,
      name({ request }) {
        // The type of Express that extends its own core, as in handlers.
        return request.get('X-Tenant') ?? 'none'
      },
    }),
    filter: ({ request }, same) => request.get('X') === same.get('X'),
    inspect: (info) => void info.request.get('X'),
    limits: (request) => ({ files: request.get('X') === undefined ? 1 : 2 }),
  }),
)
app.post(
  '/',
  parsers([MultiPartParser], {
    storage: [
      disk({ directory, name: ({ request }) => request.get('X') ?? '' }),
      s3({
        bucket: 'b',
        key: ({ request }) => request.get('X') ?? '',
        metadata: async ({ request }) => ({ x: request.get('X') ?? '' }),
      }),
    ],
  }),
)
app.post(
  '/',
  form(User, { storage: s3({ bucket: 'b', key: ({ request }) => request.get('X') ?? '' }) }),
  ({ data }) => is<Equal<typeof data.image, UploadedFile<S3File>>>(),
)
onKoa.form(User, {
  storage: disk({
    directory,
    name({ request }) {
      is<Equal<typeof request, KoaRequest>>()
      return String(request.ctx.state['tenant'])
    },
  }),
})
onFastify.form(User, {
  storage: disk({
    directory,
    name({ request }) {
      is<Equal<typeof request, FastifyRequest>>()
      return request.id
    },
  }),
})

/** A storage on its own: declare the request of your framework, with what your middleware adds to it. */
interface Authenticated extends Request {
  readonly user: { readonly id: string }
}
const perUser = disk({ directory, name: ({ request }: FileInfo<Authenticated>) => request.user.id })
is<Equal<typeof perUser, Storage<StoredFile, Authenticated>>>()
form(User, { storage: perUser })
form(User, { storage: s3<Authenticated>({ bucket: 'b', key: ({ request }) => request.user.id }) })
disk({
  directory,
  name({ request }) {
    is<Equal<typeof request, FrameworkRequest>>()
    return 'a'
  },
})
// @ts-expect-error a name is a text
disk({ directory, name: () => 1 })
// @ts-expect-error the request of Koa is not that of Express
form(User, { storage: disk({ directory, name: ({ request }: FileInfo<KoaRequest>) => request.ip }) })

const uploads = directUploads(User, {
  name: 'users',
  bucket: 'bucket',
  secret: 'a secret of at least 32 characters',
  owner: (req: Request) => req.path,
})
app.post('/', form(User, uploads.options), ({ data }) => is<Equal<typeof data.image, UploadedFile<S3File>>>())
app.post('/', form(User, { ...uploads.options, limits: { files: 3 } }), ({ data }) =>
  is<Equal<typeof data.image, UploadedFile<S3File>>>(),
)
app.post('/', body(uploads.request), async (req, res) => {
  is<Equal<typeof req.data, UploadRequest>>()
  res.json(await uploads.sign(req.data, req))
})
