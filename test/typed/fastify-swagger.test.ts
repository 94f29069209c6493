/** Forms in the document of @fastify/swagger. */
import swagger from '@fastify/swagger'
import { form, openapi } from '@formgate/fastify'
import { fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { field, file, form as bodyOf, multipartX } from '../adapters/client.js'

const Photo = z.object({
  title: z.string().min(3),
  likes: z.number().int(),
  taken: z.date().optional(),
  image: z.file().max(5),
  more: z.array(z.file()),
})
const upload = (image: string) => ({
  method: 'POST' as const,
  headers: { 'content-type': multipartX },
  payload: bodyOf(
    'X',
    [field('title'), 'Harbour'],
    [field('likes'), '7'],
    [field('taken'), '2020-01-01'],
    [file('image', 'a.png', 'image/png'), image],
  ),
})

describe.each(['3.0', '3.1'] as const)('OpenAPI %s', (version) => {
  const described = { consumes: ['multipart/form-data'], body: openapi(Photo, { version }) }
  const start = async (
    more:
      | { config: { swaggerTransform: () => { url: string; schema: object } } }
      | { validatorCompiler: () => () => boolean; schema: object },
  ) => {
    const app = fastify()
    await app.register(swagger, { openapi: { openapi: `${version}.0` } })
    app.post('/photos', { ...form(Photo), ...more }, async ({ data, body }) => ({
      isSame: data === body,
      likes: data.likes,
      year: data.taken?.getUTCFullYear(),
      bytes: data.image.size,
      more: data.more.length,
    }))
    await app.ready()
    return app
  }

  test.each([
    ['in its config', { config: { swaggerTransform: () => ({ url: '/photos', schema: described }) } }],
    [
      'in its schema, without validation by Fastify',
      { schema: described, validatorCompiler: () => () => true },
    ],
  ])('a form that a route describes %s is documented, and taken as the schema says', async (_where, more) => {
    const app = await start(more)
    expect((await app.inject({ ...upload('12345'), url: '/photos' })).json()).toEqual({
      isSame: true,
      likes: 7,
      year: 2020,
      bytes: 5,
      more: 0,
    })
    const refused = await app.inject({ ...upload('123456'), url: '/photos' })
    expect([refused.statusCode, refused.json().code]).toEqual([413, 'LIMIT_FILE_SIZE'])
    const { requestBody } = app.swagger().paths!['/photos']!.post as { requestBody: object }
    const binary =
      version === '3.0'
        ? { type: 'string', format: 'binary' }
        : { contentMediaType: 'application/octet-stream' }
    expect(requestBody).toMatchObject({
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: {
              title: { type: 'string', minLength: 3 },
              image: binary,
              more: { type: 'array', items: binary },
            },
            required: ['title', 'likes', 'image'],
          },
        },
      },
    })
    await app.close()
  })
})
