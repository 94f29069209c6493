/** Decorated routes of Nest, on Express and on Fastify, below Nest's own body parsers. */
import { readdir } from 'node:fs/promises'
import {
  accept,
  BodyError,
  bytes,
  disk,
  FileUploadParser,
  type FilesByField,
  FormData,
  FormFile,
  FormFiles,
  FormgateModule,
  JSONParser,
  memory,
  MultiPartParser,
  type Out,
  PlainTextParser,
  type Storage,
  type UploadedFile,
  UseBody,
  UseForm,
  UseParsers,
} from '@formgate/nest'
import {
  Body,
  Controller,
  ForbiddenException,
  Header,
  Param,
  ParseIntPipe,
  Post,
  Put,
  RawBody,
  UploadedFiles,
  UseGuards,
  type CanActivate,
} from '@nestjs/common'
import { Test } from '@nestjs/testing'
import request from 'supertest'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { newDirectory } from '../neighbours/server.js'
import { createApp, platforms } from './apps.js'

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

const User = z.object({
  username: z.string().min(3),
  age: z.number().int().optional(),
  image: z.file().max(1000).check(accept('image/png')),
})
type User = Out<typeof User>

@Controller()
class Users {
  @Post('users')
  @UseForm(User)
  create(@FormData() user: User, @FormData('age', ParseIntPipe) age: number): unknown {
    return { user, age, isFile: user.image instanceof File }
  }

  @Post('body')
  @UseBody(z.object({ age: z.number() }))
  typed(@FormData() data: unknown, @Body() body: unknown): unknown {
    return { data, isBody: data === body }
  }

  @Post('bytes')
  @UseBody(bytes({ max: 100 }))
  raw(@FormData() data: Buffer): string {
    return data.toString('hex')
  }

  @Post('json')
  @UseParsers([JSONParser])
  json(@FormData() data: unknown): unknown {
    return { data }
  }

  @Post('text')
  @UseParsers([PlainTextParser])
  text(@FormData() data: unknown): unknown {
    return { data }
  }

  @Post('files')
  @UseParsers([MultiPartParser])
  files(
    @FormFile() first: UploadedFile | undefined,
    @FormFile('photo') photo: UploadedFile | undefined,
    @FormFiles('photo') photos: UploadedFile[],
    @FormFiles() all: FilesByField,
    @UploadedFiles() ofNest: FilesByField,
  ): unknown {
    const count = Object.values(all).flat().length
    return { first, photo, photos: photos.length, count, isSame: all === ofNest }
  }

  @Put('files/:filename')
  @UseParsers([FileUploadParser])
  upload(@FormFile() file: UploadedFile, @Param('filename') name: string): unknown {
    return { size: file.size, name, stored: file.name }
  }

  @Post('plain')
  plain(@Body() body: unknown): unknown {
    return { body: body ?? null }
  }
}

describe.each(platforms)('a route on %s', (platform) => {
  const users = async (...options: Parameters<typeof createApp>[2][]) =>
    request((await createApp(platform, [Users], ...options)).getHttpServer())

  test('with @UseForm() gets the value of its schema, and its fields', async () => {
    const answer = await (
      await users()
    )
      .post('/users')
      .field('username', 'ada')
      .field('age', '36')
      .attach('image', png, { filename: 'me.png', contentType: 'image/png' })
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        user: {
          username: 'ada',
          age: 36,
          image: { field: 'image', name: 'me.png', type: 'image/png', size: png.length },
        },
        age: 36,
        isFile: true,
      },
    ])
  })

  test('answers a form that does not match with every issue, as problem+json', async () => {
    const answer = await (
      await users()
    )
      .post('/users')
      .field('username', 'a')
      .attach('image', png, 'notes.txt')
    expect(answer.status).toBe(422)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.headers['etag']).toBeUndefined()
    expect(answer.body).toMatchObject({
      title: 'Unprocessable Entity',
      status: 422,
      code: 'VALIDATION_FAILED',
    })
    expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual(['username', 'image'])
  })

  test('says in a hint what is wrong with a multipart form', async () => {
    const answer = await (
      await users()
    )
      .post('/users')
      .set('Content-Type', 'multipart/form-data')
      .send('--X\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--X--\r\n')
    expect([answer.status, answer.body.code]).toEqual([400, 'MISSING_BOUNDARY'])
    expect(answer.body.hint).toContain('boundary "X"')
  })

  test('answers a 415 that names the media types it reads', async () => {
    const answer = await (await users()).post('/json').set('Content-Type', 'text/csv').send('a,b')
    expect([answer.status, answer.body.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    expect(answer.headers['accept']).toBe('application/json')
  })

  test.each([
    ['JSON', 'application/json', '{"age":1}', 201],
    ['a URL-encoded form', 'application/x-www-form-urlencoded', 'age=1', 201],
    ['JSON of another type', 'application/json', '{"age":"1"}', 422],
  ])("with @UseBody() validates %s, which Nest's own parser has read", async (_, type, sent, status) => {
    const answer = await (await users()).post('/body').set('Content-Type', type).send(sent)
    expect(answer.status).toBe(status)
    if (status === 201) expect(answer.body).toMatchObject({ data: { age: 1 } })
    else expect(answer.body.errors).toMatchObject([{ path: 'age', code: 'invalid_type' }])
  })

  test('gives the data of a multipart form to @Body() too', async () => {
    const answer = await (await users()).post('/body').field('age', '1')
    expect(answer.body).toEqual({ data: { age: 1 }, isBody: true })
  })

  test("reads JSON itself where the app has switched Nest's parsers off", async () => {
    if (platform === 'Fastify') return
    const answer = await (
      await users({ bodyParser: false })
    )
      .post('/json')
      .set('Content-Type', 'application/json')
      .send('{"a":')
    expect([answer.status, answer.body.code]).toEqual([400, 'MALFORMED_JSON'])
  })

  test('reads a text of any charset', async () => {
    const app = await users()
    const latin1 = Buffer.from('café', 'latin1')
    const type = 'text/plain; charset=iso-8859-1'
    const { body } = await app.post('/text').set('Content-Type', type).send(latin1)
    expect(body).toEqual({ data: 'café' })
  })

  test('with @UseBody(bytes()) gets the bytes of a body', async () => {
    const answer = await (
      await users()
    )
      .post('/bytes')
      .set('Content-Type', 'application/octet-stream')
      .send(png)
    expect(answer.text).toBe(png.toString('hex'))
    const tooLarge = await (
      await users()
    )
      .post('/bytes')
      .set('Content-Type', 'application/octet-stream')
      .send(Buffer.alloc(101))
    expect([tooLarge.status, tooLarge.body.limit]).toEqual([413, 100])
  })

  test('gets files by @FormFile() and @FormFiles(), and by the @UploadedFiles() of Nest', async () => {
    const answer = await (
      await users()
    )
      .post('/files')
      .attach('cover', png, 'cover.png')
      .attach('photo', png, '1.png')
      .attach('photo', png, '2.png')
    expect(answer.body).toMatchObject({
      first: { field: 'cover' },
      photo: { name: '1.png' },
      photos: 2,
      count: 3,
      isSame: true,
    })
  })

  test('without files gets none', async () => {
    const answer = await (await users()).post('/files').field('title', 'Hello')
    expect(answer.body).toEqual({ photos: 0, count: 0, isSame: true })
  })

  test('takes a raw file, whose name is a parameter of the path', async () => {
    const answer = await (await users()).put('/files/me.png').set('Content-Type', 'image/png').send(png)
    expect(answer.body).toEqual({ size: png.length, name: 'me.png', stored: 'me.png' })
  })

  test('without a decorator gets what it got before', async () => {
    const app = await users()
    const json = await app.post('/plain').send({ a: 1 })
    const form = await app.post('/plain').field('a', '1')
    expect([json.body, form.status, form.body]).toEqual([{ body: { a: 1 } }, 201, { body: null }])
    if (platform === 'Express') return
    const text = await app.post('/plain').set('Content-Type', 'text/plain').send('é')
    expect(text.body).toEqual({ body: 'é' })
  })
})

describe.each(platforms)('guards on %s', (platform) => {
  const stored: string[] = []
  const storage: Storage = {
    name: 'watched',
    store: async (stream, info, signal) => {
      stored.push(info.name)
      return memory().store(stream, info, signal)
    },
  }

  class Refuse implements CanActivate {
    async canActivate(): Promise<boolean> {
      // Long enough for the body to arrive.
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new ForbiddenException('Not you')
    }
  }
  class Admit implements CanActivate {
    canActivate = async (): Promise<boolean> => true
  }

  @Controller()
  class Guarded {
    @Post('refused')
    @UseForm(User, { storage })
    @UseGuards(Refuse)
    refused(): string {
      return 'not reached'
    }

    @Post('admitted')
    @UseGuards(Admit)
    @UseForm(User, { storage })
    admitted(@FormData('username') name: string): unknown {
      return { name }
    }
  }

  test('run before a file is stored', async () => {
    const app = request((await createApp(platform, [Guarded])).getHttpServer())
    const send = (path: string) =>
      app
        .post(path)
        .field('username', 'ada')
        .attach('image', png, { filename: 'me.png', contentType: 'image/png' })
    const refused = await send('/refused')
    expect([refused.status, refused.body.message, stored.splice(0)]).toEqual([403, 'Not you', []])
    const admitted = await send('/admitted')
    expect([admitted.status, admitted.body, stored.splice(0)]).toEqual([201, { name: 'ada' }, ['me.png']])
  })
})

describe.each(platforms)('files on %s', (platform) => {
  test('are removed after the answer, unless the handler keeps them', async () => {
    const directory = await newDirectory()
    let during: string[] = []

    @Controller()
    class Photos {
      @Post(':what')
      @UseForm(z.object({ photo: z.file() }), { storage: disk({ directory, name: () => 'photo' }) })
      async save(@FormData('photo') photo: UploadedFile, @Param('what') what: string): Promise<unknown> {
        during = await readdir(directory)
        if (what === 'fail') throw new ForbiddenException()
        if (what === 'keep') photo.keep()
        return {}
      }
    }
    const app = request((await createApp(platform, [Photos])).getHttpServer())
    for (const [what, status] of [
      ['drop', 201],
      ['fail', 403],
      ['keep', 201],
    ] as const) {
      const answer = await app.post(`/${what}`).attach('photo', png, 'photo.png')
      expect([answer.status, during]).toEqual([status, ['photo']])
      const left = what === 'keep' ? ['photo'] : []
      await expect.poll(() => readdir(directory)).toEqual(left)
    }
  })
})

describe.each(platforms)('rawBody on %s', (platform) => {
  const Order = z.object({ id: z.number() })

  @Controller()
  class Hooks {
    @Post('hook')
    @UseBody(Order, { rawBody: true })
    hook(@FormData() order: unknown, @RawBody() raw: Buffer): unknown {
      return { order, raw: raw.toString() }
    }

    @Put('backup')
    @UseParsers([new FileUploadParser({ mediaType: 'application/json' })])
    backup(@FormFile() file: UploadedFile): unknown {
      return { size: file.size }
    }
  }

  test('of Nest is where a route looks for bytes that were read', async () => {
    const app = request((await createApp(platform, [Hooks], { rawBody: true })).getHttpServer())
    const sent = '{ "id": 7 }'
    const hook = await app.post('/hook').set('Content-Type', 'application/json').send(sent)
    expect(hook.body).toEqual({ order: { id: 7 }, raw: sent })
    const disposition = 'attachment; filename="a.json"'
    const backup = await app
      .put('/backup')
      .set({ 'Content-Type': 'application/json', 'Content-Disposition': disposition })
      .send(sent)
    expect(backup.body).toEqual({ size: sent.length })
  })

  test('is what a raw file of JSON needs, which Nest has read', async () => {
    const app = request((await createApp(platform, [Hooks])).getHttpServer())
    const disposition = 'attachment; filename="a.json"'
    const backup = await app
      .put('/backup')
      .set({ 'Content-Type': 'application/json', 'Content-Disposition': disposition })
      .send('{}')
    expect(backup.status).toBe(500)
  })
})

describe.each(platforms)('FormgateModule on %s', (platform) => {
  @Controller()
  class Limited {
    @Post()
    @UseParsers([MultiPartParser])
    any(@FormData() data: unknown): unknown {
      return data
    }

    @Post('route')
    @UseParsers([MultiPartParser], { limits: { fields: 3 } })
    own(@FormData() data: unknown): unknown {
      return data
    }
  }
  const limits = { fields: 1 }
  const send = async (formgate: NonNullable<Parameters<typeof createApp>[2]>['formgate'], path = '/') => {
    const app = await createApp(
      platform,
      [Limited],
      formgate === undefined ? { options: { limits } } : { formgate },
    )
    return request(app.getHttpServer()).post(path).field('a', '1').field('b', '2')
  }

  test('forRoot() sets the options of all routes, and a route its own on top', async () => {
    const [all, own] = [await send(undefined), await send(undefined, '/route')]
    expect([all.status, all.body.code]).toEqual([413, 'LIMIT_FIELDS'])
    expect([own.status, own.body]).toEqual([201, { a: '1', b: '2' }])
  })

  test('forRootAsync() takes them from other providers', async () => {
    const answer = await send(FormgateModule.forRootAsync({ useFactory: async () => ({ limits }) }))
    expect(answer.body).toMatchObject({ code: 'LIMIT_FIELDS', limit: 1 })
  })

  test('imported as it is has the defaults', async () => {
    expect((await send(FormgateModule)).body).toEqual({ a: '1', b: '2' })
  })

  test('can be part of a program without HTTP', async () => {
    const imports = [FormgateModule.forRoot({ limits })]
    const context = await (await Test.createTestingModule({ imports }).compile()).init()
    await context.close()
    expect(context.get(FormgateModule)).toBeInstanceOf(FormgateModule)
  })

  test('refuses an unknown option when the app starts', async () => {
    await expect(send(FormgateModule.forRoot({ limit: {} } as object))).rejects.toThrow('limit')
  })

  test('need not be there on Express; without it Fastify refuses forms', async () => {
    const answer = await send(null)
    expect(answer.body).toMatchObject(platform === 'Express' ? { a: '1', b: '2' } : { statusCode: 415 })
  })
})

test('a route with two decorators does not start', () => {
  expect(() => {
    class Twice {
      @UseForm(User)
      @UseParsers([JSONParser])
      save(): void {}
    }
    return Twice
  }).toThrow('Twice.save has two of @UseForm(), @UseBody() and @UseParsers(). Remove one.')
})

describe.each(platforms)('a handler on %s', (platform) => {
  @Controller()
  class Refusing {
    @Post()
    @Header('Content-Type', 'text/csv')
    @UseParsers([MultiPartParser])
    refuse(): void {
      throw new BodyError('FILE_REFUSED', { field: 'photo' })
    }
  }

  test('may throw a BodyError, which is answered as problem+json', async () => {
    const app = request((await createApp(platform, [Refusing])).getHttpServer())
    const answer = await app.post('/').field('a', '1')
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, 'FILE_REFUSED', 'photo'])
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })
})
