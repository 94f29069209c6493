/** The hooks and the content type parser that read a body. */
import type { Readable } from 'node:stream'
import type { RouteParams } from '@formgate/core'
import {
  openBody,
  openedBody,
  type AdapterRequest,
  type MountStep,
  type ProblemAnswer,
  type RequestBody,
  type RouteStep,
} from '@formgate/core/adapter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { reachesParser, suppressMediaType, suppressParsing } from './suppress-parsing.js'

/** The key of a method that no request has: it says which bodies a request can have, to the compiler alone. */
export declare const bodyType: unique symbol

/** A `preParsing` hook for a route of any server, logger and type provider. */
export type ParsingHook = (
  this: unknown,
  request: unknown,
  reply: unknown,
  payload: Readable,
  done: (error?: Error | null, payload?: Readable) => void,
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

interface FastifyAdapter extends AdapterRequest {
  readonly target: FastifyRequest
  readonly reply: FastifyReply
}

/** The contexts in which the app has content type parsers of its own. */
export const contextsWithParsers: WeakSet<object> = new WeakSet()

/** Creates the hook of a mount. Where the app has content type parsers, it leaves the choice to Fastify. */
export function mountHook(step: MountStep): ParsingHook {
  const mount = [step.config]
  return hook(function readOrDefer(this: unknown, body) {
    if (!contextsWithParsers.has(this as object) || !reachesParser(body.source.request))
      return read(body, body.run(step))
    body.defer(mount)
    return undefined
  })
}

/** Creates the hook of a route. */
export function routeHook(step: RouteStep): ParsingHook {
  return hook((body) => body.run(step))
}

/** The content type parser of a mount: reads the body, or leaves it to the handler as a stream. */
export function parseBody(
  request: FastifyRequest,
  payload: Readable,
  done: (error: Error | null, data?: unknown) => void,
): void {
  const body = openedBody(request.raw, payload)
  if (body === undefined || body.isRead) done(null, body === undefined ? payload : request.body)
  else
    settle(body, read(body, body.enter()), (error) =>
      done(error ?? null, body.isRead ? request.body : payload),
    )
}

/** Once the mounts are entered, reads the body that a schema of Fastify is to validate, also below a lazy one. */
function read(body: RequestBody, entering: Promise<unknown> | undefined): Promise<unknown> | undefined {
  const { target } = body.adapter as FastifyAdapter
  return target.getValidationFunction('body') === undefined ? entering : parseUnread(body, entering)
}

async function parseUnread(body: RequestBody, entering: Promise<unknown> | undefined): Promise<void> {
  await entering
  if (!body.isRead) await body.parse()
}

function hook(work: (this: unknown, body: RequestBody) => Promise<unknown> | undefined): ParsingHook {
  return function preParsing(this: unknown, hooked, reply, payload, done) {
    const request = hooked as FastifyRequest
    // A 404 has no handler for the files.
    if (request.is404) return done()
    const body = bodyOf(request, reply as FastifyReply, payload)
    const goOn = (error?: Error): void => {
      if (error !== undefined) done(error)
      else
        done(null, body.isRead ? suppressParsing(request, body.isMounted) : suppressMediaType(request, body))
    }
    settle(body, work.call(this, body), goOn)
  }
}

/**
 * Calls back when the work is done, or with an error for Fastify. After an answer it does not call back: if the client then
 * closed the connection, the handler would run.
 */
function settle(body: RequestBody, work: Promise<unknown> | undefined, done: (error?: Error) => void): void {
  const refuse = async (error: unknown): Promise<void> => {
    const { reply } = body.adapter as FastifyAdapter
    const reaction = await body.react(error)
    if (reaction.kind === 'answer') sendAnswer(reply, reaction)
    else if (reaction.kind === 'pass on') {
      // After an error of a content type parser Fastify would close the connection.
      if (error instanceof Error) reply.send(error)
      else done(error as Error)
    }
  }
  if (work === undefined) done()
  // oxlint-disable-next-line promise/no-callback-in-promise -- Fastify takes callbacks.
  else void work.then(() => done(), refuse)
}

function sendAnswer(reply: FastifyReply, { status, headers, body }: ProblemAnswer): void {
  // Fastify adds a charset to JSON in a string, which problem+json does not have.
  const sent = typeof body === 'string' ? Buffer.from(body) : body
  reply
    .code(status)
    .headers({ ...headers })
    .send(sent)
}

function route({ routeOptions }: FastifyRequest): string | undefined {
  return routeOptions?.url
}

/** Returns the body of a request. @param payload the stream from earlier hooks */
export function bodyOf(request: FastifyRequest, reply: FastifyReply, payload?: Readable): RequestBody {
  const adapter: FastifyAdapter = {
    request: request.raw,
    response: reply.raw,
    target: request,
    params: () => request.params as RouteParams,
    stream: payload,
    sharesBody: true,
    framework: 'fastify',
    route,
    reply,
  }
  return openBody(adapter)
}
