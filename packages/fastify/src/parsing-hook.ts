/** The hook that reads a body. */
import type { Readable } from 'node:stream'
import type { RouteParams } from '@formgate/core'
import {
  noteStep,
  openBody,
  type BodyStep,
  type Framework,
  type ProblemAnswer,
  type RequestBody,
} from '@formgate/core/adapter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bodyless, isForApp } from './app-parsers.js'

/** The key of a method that no request has: it says which bodies a request can have, to the compiler alone. */
export declare const bodyType: unique symbol

/** A `preParsing` hook for a route of any server, logger and type provider. */
export type ParsingHook = (
  this: unknown,
  request: unknown,
  reply: unknown,
  payload: Readable,
  done: (error?: Error | null) => void,
) => void

/*
 * A route infers the type of its body from the request of this hook. `any`, since the hook must fit every server, logger
 * and type provider: nothing is inferred from a common supertype.
 */
/* oxlint-disable typescript/no-explicit-any */
/**
 * A hook that gives `req.data` of its route a type.
 *
 * The first signature is for a route that names its types itself: `post<{ Params: … }>`, whose body is then unknown, or
 * `post<{ Body: z.infer<typeof User> }>`. It fits if the body that the route names includes that of the schema. Types are
 * inferred from the last signature.
 */
export type TypedParsingHook<Data> = ((
  this: any,
  request: { [bodyType]?: (body: Data) => void },
  reply: any,
  payload: any,
  done: (error?: Error | null) => void,
) => void) &
  ((
    this: any,
    request: FastifyRequest<{ Body: Data }, any, any, any, any, any, any>,
    reply: any,
    payload: any,
    done: (error?: Error | null) => void,
  ) => void)
/* oxlint-enable typescript/no-explicit-any */

/**
 * Creates the hook that reads a body as a step says; a mount leaves one that the app's own content type parser reads. It calls
 * back when the body is read, or with an error for Fastify. After an answer it does not call back: if the client then closed
 * the connection, the handler would run.
 */
export function parsingHook(step: BodyStep): ParsingHook {
  return noteStep(function preParsing(this: unknown, hooked, answering, payload, done) {
    const request = hooked as FastifyRequest
    const reply = answering as FastifyReply
    // A 404 has no handler for the files.
    if (request.is404) return done()
    const body = bodyOf(request, reply, payload)
    const isLeft = step.kind === 'mount' && isForApp(this as object, body)
    let reading = isLeft ? body.leave(step.config) : body.run(step)
    if (!isLeft && request.getValidationFunction('body') !== undefined) reading = readUnread(body, reading)
    const goOn = (): void => {
      suppressParsing(request, body)
      done()
    }
    const refuse = async (error: unknown): Promise<void> => {
      const reaction = await body.react(error)
      if (reaction.kind === 'answer') sendAnswer(reply, reaction)
      else if (reaction.kind === 'pass on') done(error as Error)
    }
    if (reading === undefined) goOn()
    else void reading.then(goOn, refuse)
  }, step)
}

/** Reads the body that a schema of Fastify is to validate, also below a lazy mount. */
async function readUnread(body: RequestBody, reading: Promise<unknown> | undefined): Promise<void> {
  await reading
  if (!body.isRead) await body.parse()
}

/** Returns the body of a request. @param payload the stream from earlier hooks */
export function bodyOf(request: FastifyRequest, reply: FastifyReply, payload?: Readable): RequestBody {
  return openBody(fastify, request.raw, reply.raw, request, payload)
}

const fastify: Framework<FastifyRequest> = {
  name: 'fastify',
  route: ({ routeOptions }) => routeOptions?.url,
  params: ({ params }) => params as RouteParams,
  sharesBody: true,
}

export function sendAnswer(reply: FastifyReply, { status, headers, body }: ProblemAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

/** Prevents Fastify from parsing a body that has been read, or from refusing one that has not. */
function suppressParsing(request: FastifyRequest, { isRead, source }: RequestBody): void {
  const { method } = source.request
  if (bodyless.has(method!)) return
  if (!isRead) {
    // Fastify refuses a malformed Content-Type.
    if (source.headers['content-type'] !== undefined && !source.mediaType?.essence)
      setHeaders(request, new OneTimeHeaders(request, 'application/octet-stream', {}))
  } else if (method === 'QUERY') hideMethod(request)
  else setHeaders(request, new OneTimeHeaders(request, undefined, noBody))
}

/**
 * Fastify refuses a QUERY that has no Content-Type. The one time it looks at the method, there is another without a body,
 * which is as safe: hooks that protect writes treat them alike.
 */
function hideMethod(request: FastifyRequest): void {
  Object.defineProperty(request, 'method', {
    configurable: true,
    get() {
      Reflect.deleteProperty(request, 'method')
      return 'GET'
    },
  })
}

const noBody = { 'content-length': undefined, 'transfer-encoding': undefined }

/** Fastify merges these fields into the headers of the client at each access. */
function setHeaders(request: FastifyRequest, fields: object | undefined): void {
  ;(request as { headers: object | undefined }).headers = fields
}

/** Headers that disappear at the first access: Fastify looks once whether there is a body to parse. */
class OneTimeHeaders {
  readonly #request: FastifyRequest
  /** Headers that the app has assigned. */
  readonly #before: object | undefined
  readonly #contentType: string | undefined

  /** Shared by all requests: V8 would keep one per request until the next full collection. */
  static readonly #access: PropertyDescriptor & ThisType<OneTimeHeaders> = {
    enumerable: true,
    get() {
      setHeaders(this.#request, this.#before)
      return this.#contentType
    },
  }

  constructor(request: FastifyRequest, contentType: string | undefined, fields: object) {
    const { headers } = request
    this.#request = request
    this.#before = headers === request.raw.headers ? undefined : headers
    this.#contentType = contentType
    Object.assign(this, this.#before, fields)
    Object.defineProperty(this, 'content-type', OneTimeHeaders.#access)
  }
}
