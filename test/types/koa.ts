/** The types that handlers on Koa get, without any cast. */
import type { Readable } from 'node:stream'
import {
  body,
  BodyError,
  bytes,
  form,
  JSONParser,
  multipart,
  type Out,
  parsers,
  stream,
  type TypedMiddleware,
  type UploadedFile,
} from '@formgate/koa'
import { Router, type RouterContext } from '@koa/router'
import Koa from 'koa'
import { z } from 'zod'
import { is, type Equal } from './equal.js'
import { Login, Payment, User, type LoginData, type UserData } from './schemas.js'

const app = new Koa()
const router = new Router()
app.use(multipart())
app.use(form(Login))

router.post('/users/:id', form(User), async (ctx) => {
  const { data, files } = ctx.request
  const same: UserData = data
  is<Equal<typeof data.username, string>>()
  is<Equal<typeof data.age, number | undefined>>()
  is<Equal<typeof data.image, UploadedFile>>()
  is<Equal<typeof data.scans, UploadedFile[] | undefined>>()
  is<Equal<typeof files, Record<string, UploadedFile[]>>>()
  const { id } = ctx.params
  const moved: UploadedFile = await data.image.moveTo('uploads/image')
  // @ts-expect-error the schema has no such field
  void data.nickname
  ctx.body = { same, moved, id, path: data.image.path }
})

const auth: Koa.Middleware = async (_ctx, next) => {
  await next()
}
router.post('/after', auth, form(User), async (ctx) => is<Equal<typeof ctx.request.data.username, string>>())
router.post(
  '/before',
  form(User),
  async (_ctx, next) => {
    await next()
  },
  (ctx) => is<Equal<typeof ctx.request.data.username, string>>(),
)
router.put('/raw', parsers([JSONParser]), (ctx) => is<Equal<typeof ctx.request.data, unknown>>())
router.post('/payments', form(Payment), (ctx) => {
  const { data } = ctx.request
  if (data.kind === 'cash') is<Equal<typeof data.receipt, UploadedFile>>()
  else is<Equal<typeof data.number, string>>()
})

router.post('/', body(z.array(z.number())), (ctx) => is<Equal<typeof ctx.request.data, number[]>>())
router.post('/', body(Login.optional()), (ctx) => is<Equal<typeof ctx.request.data, LoginData | undefined>>())
router.post('/', body(bytes()), (ctx) => is<Equal<typeof ctx.request.data, Buffer>>())
router.post('/', body(stream()), (ctx) => is<Equal<typeof ctx.request.data, Readable>>())
router.post('/', body(User, { validate: false }), (ctx) => is<Equal<typeof ctx.request.data, unknown>>())
router.post('/', body(), (ctx) => is<Equal<typeof ctx.request.data, unknown>>())
router.post('/', form(Login, { default: null }), (ctx) =>
  is<Equal<typeof ctx.request.data, LoginData | null>>(),
)

// Controllers in a file of their own.
const show: TypedMiddleware<Out<typeof User>> = async (ctx) => {
  is<Equal<typeof ctx.request.data.image, UploadedFile>>()
  ctx.body = ctx.request.data.image.keep()
}
async function save(ctx: RouterContext<Koa.DefaultState, { request: { data: Out<typeof User> } }>) {
  is<Equal<typeof ctx.request.data.image, UploadedFile>>()
  ctx.body = [ctx.params['id'], ctx.request.data.image.keep()]
}
router.post('/shown', form(User), show)
router.post('/saved/:id', form(User), save)
app.use(form(User)).use(show)
// @ts-expect-error the controller is for another schema
router.post('/shown', form(Login), show)

app.use(router.routes())

// An app that answers errors itself.
app.use(async (ctx, next) => {
  try {
    await next()
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    ctx.set(error.headers)
    ctx.status = error.status
  }
})
