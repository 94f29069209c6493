/** The types that handlers on Fastify get, without any cast. */
import type { Readable } from 'node:stream'
import {
  body,
  bytes,
  form,
  JSONParser,
  multipart,
  type Out,
  parsers,
  stream,
  type UploadedFile,
} from '@formgate/fastify'
import {
  fastify,
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RouteHandler,
} from 'fastify'
import { z } from 'zod'
import { is, type Equal } from './equal.js'
import { Login, Payment, User, type LoginData, type UserData } from './schemas.js'

const app = fastify()
await app.register(multipart, { lazy: true })

app.post('/users', form(User), async ({ data, files }, reply) => {
  const same: UserData = data
  is<Equal<typeof data.username, string>>()
  is<Equal<typeof data.age, number | undefined>>()
  is<Equal<typeof data.image, UploadedFile>>()
  is<Equal<typeof data.scans, UploadedFile[] | undefined>>()
  is<Equal<typeof files, Record<string, UploadedFile[]>>>()
  const moved: UploadedFile = await data.image.moveTo('uploads/image')
  // @ts-expect-error the schema has no such field
  void data.nickname
  return reply.send({ same, moved, path: data.image.path })
})

// Beside other options of the route.
app.post('/a', { ...form(User), onRequest: async ({ headers }) => void headers.host }, async ({ data }) => {
  is<Equal<typeof data.username, string>>()
})
app.post(
  '/b',
  {
    ...form(User),
    onRequest: [(_request, _reply, done) => done()],
    config: { a: 1 },
    schema: { params: {} },
  },
  async ({ data }) => is<Equal<typeof data.username, string>>(),
)
app.post<{ Params: { id: string }; Body: z.output<typeof Login> }>('/c/:id', form(Login), async (request) => {
  is<Equal<typeof request.params.id, string>>()
  is<Equal<typeof request.data, LoginData>>()
})
// A route that names some of its types.
app.post<{ Params: { id: string } }>('/m/:id', form(User), async ({ params, data }) => {
  is<Equal<typeof params.id, string>>()
  is<Equal<typeof data, unknown>>()
})
app.post<{ Querystring: { q: string } }>('/n', { ...form(User) }, async ({ query }) =>
  is<Equal<typeof query.q, string>>(),
)
app.post<{ Params: { id: string }; Body: Out<typeof User> }>('/o/:id', form(User), async ({ data }) =>
  is<Equal<typeof data.image, UploadedFile>>(),
)
app.post<{ Body: z.output<typeof User> }>('/p', form(User), async ({ data }) =>
  is<Equal<typeof data.image, File>>(),
)
// @ts-expect-error the schema gives another body
app.post<{ Body: { other: number } }>('/q', form(Login), async ({ data }) => data.other)

// Controllers in a file of their own.
async function save(
  request: FastifyRequest<{ Params: { id: string }; Body: Out<typeof User> }>,
  reply: FastifyReply,
) {
  is<Equal<typeof request.data.image, UploadedFile>>()
  return reply.send([request.params.id, request.data.image.keep()])
}
const show: RouteHandler<{ Body: Out<typeof User> }> = async ({ data }) => {
  is<Equal<typeof data.image, UploadedFile>>()
  return data.image
}
class Users {
  readonly create = async ({ data }: FastifyRequest<{ Body: Out<typeof User> }>) => data.image.keep()
}
app.post('/saved/:id', form(User), save)
app.post('/shown', { ...form(User), preHandler: async (request: FastifyRequest) => void request.data }, show)
app.post('/created', form(User), new Users().create)
app.route({ method: 'POST', url: '/routed/:id', ...form(User), handler: save })
// @ts-expect-error the controller is for another schema
app.post('/saved/:id', form(Login), save)

app.route({
  method: 'POST',
  url: '/d',
  ...form(User),
  handler: async ({ data }) => is<Equal<typeof data.username, string>>(),
})
app.put('/raw', { ...parsers([JSONParser]) }, async ({ data }) => is<Equal<typeof data, unknown>>())
app.post('/payments', form(Payment), async ({ data }) => {
  if (data.kind === 'cash') is<Equal<typeof data.receipt, UploadedFile>>()
  else is<Equal<typeof data.number, string>>()
})

app.post('/e', body(z.array(z.number())), async ({ data }) => is<Equal<typeof data, number[]>>())
app.post('/f', body(Login.optional()), async ({ data }) => is<Equal<typeof data, LoginData | undefined>>())
app.post('/g', body(bytes()), async ({ data }) => is<Equal<typeof data, Buffer>>())
app.post('/h', body(stream()), async ({ data }) => is<Equal<typeof data, Readable>>())
app.post('/i', body(User, { validate: false }), async ({ data }) => is<Equal<typeof data, unknown>>())
app.post('/j', body(), async ({ data }) => is<Equal<typeof data, unknown>>())
app.post('/k', form(Login, { default: null }), async ({ data }) => is<Equal<typeof data, LoginData | null>>())
app.post('/l', async ({ data }) => is<Equal<typeof data, unknown>>())

// Servers of every kind: HTTP/2, a custom logger, a type provider.
fastify({ http2: true }).post('/', form(Login), async ({ data }) => is<Equal<typeof data.name, string>>())
declare const loggerInstance: FastifyBaseLogger & { readonly extra: 1 }
fastify({ loggerInstance }).post('/', form(Login), async ({ data }) => is<Equal<typeof data.name, string>>())

interface ZodProvider extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
}
fastify()
  .withTypeProvider<ZodProvider>()
  .post('/:id', { ...form(Login), schema: { params: z.object({ id: z.string() }) } }, async (request) => {
    is<Equal<typeof request.data.name, string>>()
    is<Equal<typeof request.params.id, string>>()
  })
