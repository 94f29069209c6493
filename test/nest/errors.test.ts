/** What becomes of the errors of a body in Nest: problem+json, filters of the app, and its log. */
import {
  BodyError,
  BodyException,
  FormData,
  JSONParser,
  MultiPartParser,
  type Storage,
  UseBody,
  UseForm,
  UseParsers,
} from '@formgate/nest'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { multipart } from '@formgate/express'
import {
  Catch,
  Controller,
  HttpException,
  Post,
  UseFilters,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type NestInterceptor,
} from '@nestjs/common'
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core'
import { catchError, type Observable } from 'rxjs'
import request from 'supertest'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { Connection, field, form, head, multipartX } from '../adapters/client.js'
import { portOf } from '../neighbours/server.js'
import { createApp, Log, platforms } from './apps.js'

const Age = z.object({ age: z.number() })
const full: Storage = {
  store: async (stream) => {
    stream.resume()
    throw new BodyError('STORAGE_FULL', { hint: 'Delete something.' })
  },
}

@Controller()
class Routes {
  @Post('respond')
  @UseForm(Age)
  respond(@FormData() data: unknown): unknown {
    return data
  }

  @Post('next')
  @UseForm(Age, { errors: 'next' })
  next(@FormData() data: unknown): unknown {
    return data
  }

  @Post('json')
  @UseParsers([JSONParser], { errors: 'next' })
  json(@FormData() data: unknown): unknown {
    return data
  }

  @Post('full')
  @UseParsers([MultiPartParser], { storage: full })
  full(): string {
    return 'not reached'
  }

  @Post('broken')
  @UseParsers([MultiPartParser])
  broken(): string {
    throw new RangeError('A bug')
  }

  @Post('small')
  @UseParsers([MultiPartParser], { limits: { bodySize: 1000 } })
  small(): string {
    return 'not reached'
  }
}

/** The filter that many apps have: catches everything, and answers as its API does. */
@Catch()
class CatchAll implements ExceptionFilter {
  readonly caught: unknown[] = []

  catch(exception: unknown, host: ArgumentsHost): void {
    this.caught.push(exception)
    const isHttp = exception instanceof HttpException
    const status = isHttp ? exception.getStatus() : 500
    const answer = { statusCode: status, answer: isHttp ? exception.getResponse() : 'Oops' }
    // Of both platforms.
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: unknown): void } }>()
    response.status(status).send(answer)
  }
}

/** Sees every error above the routes, as those of loggers and Sentry do. */
class Watch implements NestInterceptor {
  readonly seen: unknown[] = []

  intercept(_: unknown, next: CallHandler): Observable<unknown> {
    const note = (error: unknown): never => {
      this.seen.push(error)
      throw error
    }
    return next.handle().pipe(catchError(note))
  }
}

describe.each(platforms)('an error of a body on %s', (platform) => {
  const start = async (filter?: ExceptionFilter, options: Parameters<typeof createApp>[2] = {}) => {
    const log = new Log()
    const watch = new Watch()
    const app = await createApp(platform, [Routes], {
      logger: log,
      ...options,
      configure: (app) => {
        app.useGlobalInterceptors(watch)
        if (filter !== undefined) app.useGlobalFilters(filter)
      },
    })
    return { app: request(app.getHttpServer()), log, watch, nest: app }
  }

  test('is answered before filters of the app that catch everything, and not logged', async () => {
    const filter = new CatchAll()
    const { app, log, watch } = await start(filter)
    const answer = await app.post('/respond').field('age', 'old')
    expect([answer.status, answer.headers['content-type']]).toEqual([422, 'application/problem+json'])
    expect(answer.body.errors).toMatchObject([{ path: 'age', code: 'invalid_type' }])
    expect([filter.caught, log.errors]).toEqual([[], []])
    expect(watch.seen).toMatchObject([
      { name: 'BodyException', status: 422, cause: { code: 'VALIDATION_FAILED' } },
    ])
    expect(watch.seen[0]).toBeInstanceOf(HttpException)
  })

  test('is one event on the channel formgate:body, with the route, and told to onError once', async () => {
    const events: unknown[] = []
    const onEvent = (event: unknown): void => void events.push(event)
    subscribe('tracing:formgate:body:asyncEnd', onEvent)
    try {
      const onError = vi.fn()
      const { app } = await start(undefined, { options: { onError } })
      await app.post('/respond').field('age', 'old')
      const event = { framework: 'nest', route: '/respond', outcome: 'refused' }
      expect(events).toMatchObject([{ ...event, error: { code: 'VALIDATION_FAILED' } }])
      expect(onError).toHaveBeenCalledTimes(1)
    } finally {
      unsubscribe('tracing:formgate:body:asyncEnd', onEvent)
    }
  })

  test("goes to such a filter under errors: 'next', with all that it says", async () => {
    const filter = new CatchAll()
    const { app, log } = await start(filter)
    const answer = await app.post('/next').field('age', 'old')
    expect([answer.status, answer.headers['content-type']]).toEqual([422, 'application/json; charset=utf-8'])
    expect(answer.body).toMatchObject({
      statusCode: 422,
      answer: { status: 422, code: 'VALIDATION_FAILED', errors: [{ path: 'age' }] },
    })
    const [exception] = filter.caught as BodyException[]
    expect(exception).toBeInstanceOf(BodyException)
    expect(exception!.message).toBe('The body does not match the schema of this route.')
    expect(exception!.cause).toBeInstanceOf(BodyError)
    expect(log.errors).toEqual([])
  })

  test("goes to such a filter under errors: 'next' of the module", async () => {
    const filter = new CatchAll()
    const { app } = await start(filter, { options: { errors: 'next' } })
    await app.post('/respond').field('age', 'old')
    expect(filter.caught).toMatchObject([{ status: 422 }])
  })

  test("keeps its code, hint and headers under errors: 'next' without such a filter", async () => {
    const { app, log } = await start()
    const answer = await app.post('/json').set('Content-Type', 'text/csv').send('a,b')
    expect([answer.status, answer.headers['accept']]).toEqual([415, 'application/json'])
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.body).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
    const missing = await app.post('/next').set('Content-Type', 'multipart/form-data').send('--X')
    expect(missing.body.hint).toContain('boundary')
    expect(log.errors).toEqual([])
  })

  test('with a 5xx status goes the way of Nest: logged, and answered without its hint', async () => {
    const { app, log } = await start()
    const answer = await app.post('/full').attach('photo', Buffer.from('bytes'), 'a.txt')
    expect([answer.status, answer.body]).toEqual([507, { statusCode: 507, message: 'Insufficient Storage' }])
    expect(log.errors).toMatchObject([{ code: 'STORAGE_FULL' }])
  })

  test('with a 5xx status goes to a filter of the app', async () => {
    const filter = new CatchAll()
    const { app } = await start(filter)
    await app.post('/full').attach('photo', Buffer.from('bytes'), 'a.txt')
    expect(filter.caught).toMatchObject([{ code: 'STORAGE_FULL' }])
  })

  test('leaves the other errors of a handler alone', async () => {
    const { app, log, watch } = await start()
    const answer = await app.post('/broken').field('a', '1')
    expect([answer.status, answer.body.message]).toEqual([500, 'Internal server error'])
    expect(log.errors).toMatchObject([{ message: 'A bug' }])
    expect(watch.seen).toMatchObject([{ message: 'A bug' }])
  })

  test('is answered while the client is still sending', async () => {
    const { nest } = await start()
    await nest.listen(0, '127.0.0.1')
    const connection = await Connection.open(portOf(nest.getHttpServer()))
    const length = { 'Content-Length': '50000000' }
    connection.write(head({ path: '/small', type: multipartX, headers: length, framing: 'none' }))
    connection.write(form('X', [field('a'), '1']))
    const answer = await connection.answer()
    expect([answer.status, answer.json.code, answer.headers['connection']]).toEqual([
      413,
      'LIMIT_BODY_SIZE',
      'close',
    ])
    connection.destroy()
  })

  test('of a client that goes away is neither answered nor logged', async () => {
    const filter = new CatchAll()
    const { nest, log, watch } = await start(filter)
    await nest.listen(0, '127.0.0.1')
    const connection = await Connection.open(portOf(nest.getHttpServer()))
    const headers = { 'Content-Length': '1000', Expect: '100-continue' }
    connection.write(head({ path: '/respond', type: multipartX, headers, framing: 'none' }))
    // The interceptor has asked for the body.
    await expect.poll(() => connection.interim).toEqual([100])
    connection.destroy()
    await expect.poll(() => watch.seen).toMatchObject([{ cause: { code: 'CLIENT_ABORTED' } }])
    expect([filter.caught, log.errors]).toEqual([[], []])
  })

  test('goes to a filter on the method itself, above the decorator', async () => {
    const filter = new CatchAll()

    @Controller()
    class Own {
      @Post()
      @UseFilters(filter)
      @UseForm(Age)
      save(): string {
        return 'not reached'
      }
    }
    const app = await createApp(platform, [Own])
    const answer = await request(app.getHttpServer()).post('/').field('age', 'old')
    expect(answer.body).toMatchObject({ statusCode: 422, answer: { code: 'VALIDATION_FAILED' } })
  })

  test('passes a filter that extends the one of Nest', async () => {
    @Catch()
    class Extended extends BaseExceptionFilter {}
    const log = new Log()
    const app = await createApp(platform, [Routes], {
      logger: log,
      configure: (app) => app.useGlobalFilters(new Extended(app.get(HttpAdapterHost).httpAdapter)),
    })
    const answer = await request(app.getHttpServer()).post('/next').field('age', 'old')
    expect([answer.status, answer.body.code, log.errors]).toEqual([422, 'VALIDATION_FAILED', []])
  })
})

test('a form that multipart() above has read is validated by the route, and a late option is a 500', async () => {
  @Controller()
  class Late {
    @Post('typed')
    @UseForm(Age)
    typed(@FormData() data: unknown): unknown {
      return data
    }

    @Post('late')
    @UseBody(Age, { limits: { fields: 1 } })
    late(): string {
      return 'not reached'
    }
  }
  const log = new Log()
  const app = await createApp('Express', [Late], { logger: log, configure: (app) => app.use(multipart()) })
  const server = request(app.getHttpServer())
  expect((await server.post('/typed').field('age', '1')).body).toEqual({ age: 1 })
  expect((await server.post('/typed').field('age', 'old')).body.code).toBe('VALIDATION_FAILED')
  expect((await server.post('/late').field('age', '1')).status).toBe(500)
  expect(log.errors).toMatchObject([{ code: 'BODY_ALREADY_READ' }])
})
