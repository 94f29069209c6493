/** Nest, which runs middleware of its modules, and the methods of its controllers, inside functions of its own. */
import 'reflect-metadata'
import { form, multipart } from '@formgate/express'
import { describe as describeRoutes } from '@formgate/express/describe'
import { UseForm } from '@formgate/nest'
import { Body, Controller, Get, Module, Post, Req, type MiddlewareConsumer } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request } from 'express'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { multipartX, field, form as formBody } from '../adapters/client.js'
import { createApp } from '../nest/apps.js'
import { deliveries } from './delivery.js'
import { portOf, whenDone } from './server.js'

@Controller()
class Photos {
  @Post('photos')
  save(@Req() request: Request, @Body() body: unknown): unknown {
    return { data: request.data, body }
  }

  @Get('health')
  health(): string {
    return 'alive'
  }
}

/** @param inModule applies middleware as a module does */
async function nestApp(
  inModule: (consumer: MiddlewareConsumer) => unknown,
  above: readonly ReturnType<typeof multipart>[] = [],
): Promise<NestExpressApplication> {
  @Module({ controllers: [Photos] })
  class App {
    configure(consumer: MiddlewareConsumer): void {
      inModule(consumer)
    }
  }
  const app = await NestFactory.create<NestExpressApplication>(App, { logger: false })
  whenDone(() => app.close())
  for (const middleware of above) app.use(middleware)
  await app.listen(0, '127.0.0.1')
  return app
}

const none = (): void => undefined

describe('describe(app) under Nest', () => {
  const readings = async (...given: Parameters<typeof nestApp>) => {
    const rows = describeRoutes((await nestApp(...given)).getHttpAdapter().getInstance())
    return rows.map(({ method, path, reads, notes }) => [`${method} ${path}`, reads, notes.length])
  }

  test('does not say "never" for a route that a module may give a form()', async () => {
    const A = z.object({ a: z.number() })
    const rows = await readings((consumer) => consumer.apply(form(A)).forRoutes('photos'))
    expect(rows).toEqual([
      ['POST /photos', 'unknown', 1],
      ['GET /health', 'unknown', 1],
    ])
  })

  test('knows what a multipart() of app.use() reads', async () => {
    expect(await readings(none, [multipart()])).toEqual([
      ['POST /photos', 'always', 0],
      ['GET /health', 'always', 0],
    ])
  })

  test('does not see the decorators of @formgate/nest', async () => {
    @Controller()
    class Decorated {
      @Post('users')
      @UseForm(z.object({ a: z.number() }))
      save(): void {}
    }
    const app = await createApp('Express', [Decorated])
    expect(describeRoutes(app.getHttpAdapter().getInstance())).toMatchObject([
      { path: '/users', reads: 'unknown' },
    ])
  })

  test('has a doubt where such a multipart() is lazy', async () => {
    expect(await readings(none, [multipart({ lazy: true })])).toEqual([
      ['POST /photos', 'on demand', 1],
      ['GET /health', 'on demand', 1],
    ])
  })
})

describe('multipart() of app.use(), above the parsers that Nest adds', () => {
  test.each([
    ['JSON', { type: 'application/json', body: '{"a":"1"}' }],
    ['a URL-encoded form', { type: 'application/x-www-form-urlencoded', body: 'a=1' }],
    ['a multipart form', { type: multipartX, body: formBody('X', [field('a'), '1']) }],
  ])('gives @Req() and @Body() the data of %s', async (_, sent) => {
    const port = portOf((await nestApp(none, [multipart()])).getHttpServer())
    for (const [, deliver] of deliveries) {
      const { status, json } = await deliver(port, { ...sent, path: '/photos' })
      expect([status, json]).toEqual([201, { data: { a: '1' }, body: { a: '1' } }])
    }
  })
})

test('a lazy multipart() of app.use() lets a handler stream the parts of a form', async () => {
  @Controller()
  class Streams {
    @Post('photos')
    async save(@Req() request: Request): Promise<unknown> {
      const names: string[] = []
      for await (const part of request.parts()) names.push(part.name)
      return names
    }
  }
  const app = await createApp('Express', [Streams], {
    configure: (app) => app.use(multipart({ lazy: true })),
  })
  await app.listen(0, '127.0.0.1')
  const sent = {
    type: multipartX,
    body: formBody('X', [field('a'), '1'], [field('b'), '2']),
    path: '/photos',
  }
  for (const [, deliver] of deliveries)
    expect((await deliver(portOf(app.getHttpServer()), sent)).json).toEqual(['a', 'b'])
})
