/** The hooks that read a body. */
import type { Readable } from 'node:stream'
import type { RouteParams } from '@formgate/core'
import { openBody, type MountStep, type RequestBody, type RouteStep } from '@formgate/core/adapter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isForApp } from './app-parsers.js'
import { suppressParsing } from './suppress-parsing.js'

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

/** Creates the hook of a mount. It leaves a body to the app's own content type parser, if there is one. */
export function mountHook(step: MountStep): ParsingHook {
  return hook(function readOrLeave(this: unknown, body, request) {
    if (isForApp(this as object, body)) return body.leave(step.config)
    const reading = body.run(step)
    return request.getValidationFunction('body') === undefined ? reading : readUnread(body, reading)
  })
}

/** Creates the hook of a route. */
export function routeHook(step: RouteStep): ParsingHook {
  return hook((body) => body.run(step))
}

/** Reads the body that a schema of Fastify is to validate, also below a lazy mount. */
async function readUnread(body: RequestBody, reading: Promise<unknown> | undefined): Promise<void> {
  await reading
  if (!body.isRead) await body.parse()
}

/**
 * Creates a hook that calls back when the work is done, or with an error for Fastify. After an answer it does not call back:
 * if the client then closed the connection, the handler would run.
 */
function hook(
  work: (this: unknown, body: RequestBody, request: FastifyRequest) => Promise<unknown> | undefined,
): ParsingHook {
  return function preParsing(this: unknown, hooked, answering, payload, done) {
    const request = hooked as FastifyRequest
    const reply = answering as FastifyReply
    // A 404 has no handler for the files.
    if (request.is404) return done()
    const body = bodyOf(request, reply, payload)
    const goOn = (): void => done(null, suppressParsing(request, body))
    const refuse = async (error: unknown): Promise<void> => {
      const reaction = await body.react(error)
      if (reaction.kind === 'answer')
        reply.code(reaction.status).headers(reaction.headers).send(reaction.body)
      else if (reaction.kind === 'pass on') done(error as Error)
    }
    const working = work.call(this, body, request)
    if (working === undefined) goOn()
    else void working.then(goOn, refuse)
  }
}

function route({ routeOptions }: FastifyRequest): string | undefined {
  return routeOptions?.url
}

/** Returns the body of a request. @param payload the stream from earlier hooks */
export function bodyOf(request: FastifyRequest, reply: FastifyReply, payload?: Readable): RequestBody {
  return openBody({
    request: request.raw,
    response: reply.raw,
    target: request,
    params: () => request.params as RouteParams,
    stream: payload,
    sharesBody: true,
    framework: 'fastify',
    route,
  })
}
