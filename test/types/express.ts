/** The types that handlers on Express get, without any cast. */
import type { Readable } from 'node:stream'
import {
  body,
  bytes,
  form,
  JSONParser,
  multipart,
  type Out,
  parsers,
  problems,
  stream,
  type UploadedFile,
} from '@formgate/express'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { z } from 'zod'
import { is, type Equal } from './equal.js'
import { Login, Payment, User, type LoginData, type UserData } from './schemas.js'

const app = express()
const router = express.Router()
app.use(multipart({ lazy: true }))
app.use(router)

app.post('/users/:id', form(User), async (req, res) => {
  const { data, params, files } = req
  is<Equal<keyof typeof data, keyof UserData>>()
  const same: UserData = data
  is<Equal<typeof data.username, string>>()
  is<Equal<typeof data.age, number | undefined>>()
  is<Equal<typeof data.born, Date | null>>()
  is<Equal<typeof data.image, UploadedFile>>()
  is<Equal<typeof data.image.path, string | undefined>>()
  is<Equal<typeof data.scans, UploadedFile[] | undefined>>()
  is<Equal<typeof params.id, string>>()
  is<Equal<typeof files, Record<string, UploadedFile[]>>>()
  const moved: UploadedFile = await data.image.moveTo('uploads/image')
  // @ts-expect-error the schema has no such field
  void data.nickname
  // @ts-expect-error the path has no such parameter
  void params.name
  res.json({ same, moved })
})

// With other middleware on both sides, and on a router.
router.put('/users/:id', express.json(), form(User), parsers([JSONParser]), (req, res) => {
  is<Equal<typeof req.data.username, string>>()
  is<Equal<typeof req.params.id, string>>()
  res.json(req.data)
})
app.post('/raw/:name', parsers([JSONParser]), (req) => is<Equal<typeof req.params.name, string>>())

app.post('/payments', form(Payment), (req, res) => {
  if (req.data.kind === 'cash') is<Equal<typeof req.data.receipt, UploadedFile>>()
  else is<Equal<typeof req.data.number, string>>()
  res.end()
})

app.post('/', body(z.array(z.number())), (req) => is<Equal<typeof req.data, number[]>>())
app.post('/', body(Login.optional()), (req) => is<Equal<typeof req.data, LoginData | undefined>>())
app.post('/', body(z.string().transform(Number)), (req) => is<Equal<typeof req.data, number>>())
app.post('/', body(bytes({ max: 5 })), (req) => is<Equal<typeof req.data, Buffer>>())
app.post('/', body(stream()), (req) => is<Equal<typeof req.data, Readable>>())
app.post('/', body(User, { validate: false }), (req) => is<Equal<typeof req.data, unknown>>())
app.post('/', body(), (req) => is<Equal<typeof req.data, unknown>>())
app.post('/', body(undefined, { contentType: 'text/plain' }), (req) => is<Equal<typeof req.data, unknown>>())

// The type of a default is added to that of the data.
app.post('/', form(Login, { default: null }), (req) => is<Equal<typeof req.data, LoginData | null>>())
app.post('/', form(Login, { default: { name: 'x', tags: [] } }), (req) =>
  is<Equal<typeof req.data, LoginData>>(),
)
app.post('/', body(Login, { default: 'none' }), (req) => is<Equal<typeof req.data, LoginData | 'none'>>())
app.post('/', body(Login, { defaultFactory: async () => 1 }), (req) =>
  is<Equal<typeof req.data, LoginData | number>>(),
)
app.post('/', body(bytes(), { default: null }), (req) => is<Equal<typeof req.data, Buffer | null>>())
app.post('/', form(Login, { status: 400, emptyText: 'keep' }), (req) =>
  is<Equal<typeof req.data, LoginData>>(),
)

// Controllers in a file of their own.
const show: RequestHandler<{ id: string }, unknown, Out<typeof User>> = (req, res) => {
  is<Equal<typeof req.data.image, UploadedFile>>()
  res.json(req.params.id)
}
function save(req: Request<{ id: string }, unknown, Out<typeof User>>, res: Response): void {
  is<Equal<typeof req.data.image, UploadedFile>>()
  res.json(req.data.image.keep())
}
async function log(req: Request<object, unknown, z.output<typeof User>>, _res: Response, next: NextFunction) {
  is<Equal<typeof req.data.image, File>>()
  next()
}
app.post('/shown/:id', form(User), show)
app.post('/saved/:id', form(User), log, save)
router.route('/users/:id').post(form(User), show).put(form(User), save)
// @ts-expect-error the controller is for another schema
app.post('/saved/:id', form(Login), save)

// @ts-expect-error form() has no contentType
form(User, { contentType: 'text/plain' })
// @ts-expect-error a plain object is not a schema
form({ username: 'string' })
// @ts-expect-error form() does not accept a stream
form(stream())
// @ts-expect-error no such option
body(User, { statuss: 400 })
// @ts-expect-error an optional property may be left out but not be undefined
body(User, { limits: undefined })

app.use(problems())
