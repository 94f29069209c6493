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
/** A hook that gives `req.data` of its route a type. */
export type TypedParsingHook<Data> = (
  this: any,
  request: FastifyRequest<{ Body: Data }, any, any, any, any, any, any>,
  reply: any,
  payload: any,
  done: (error?: Error | null) => void,
) => void
/* oxlint-enable typescript/no-explicit-any */

interface FastifyAdapter extends AdapterRequest {
  readonly target: FastifyRequest
  readonly reply: FastifyReply
}

/** Creates the hook of a mount, which leaves the body to `parseBody` or to a content type parser of the app. */
export function mountHook({ config }: MountStep): ParsingHook {
  const mount = [config]
  return (request, reply, payload, done) => {
    // A 404 has no handler for the files.
    if ((request as FastifyRequest).is404) return done()
    const body = bodyOf(request as FastifyRequest, reply as FastifyReply, payload)
    body.defer(mount)
    if (!reachesParser(body.source.request)) return settle(body, enter(body), done)
    if (!body.source.mediaType?.essence) suppressMediaType(request as FastifyRequest)
    return done()
  }
}

/** The content type parser of a mount: reads the body, or leaves it to the handler as a stream. */
export function parseBody(
  request: FastifyRequest,
  payload: Readable,
  done: (error: Error | null, data?: unknown) => void,
): void {
  const body = openedBody(request.raw, payload)
  if (body === undefined) done(null, payload)
  else settle(body, enter(body), (error) => done(error ?? null, body.isRead ? request.body : payload))
}

/** Enters the mounts, and reads the body that a schema of Fastify is to validate also below a lazy one. */
function enter(body: RequestBody): Promise<void> | undefined {
  const entering = body.enter()
  const { target } = body.adapter as FastifyAdapter
  return target.getValidationFunction('body') === undefined ? entering : parseUnread(body, entering)
}

async function parseUnread(body: RequestBody, entering: Promise<void> | undefined): Promise<void> {
  await entering
  if (!body.isRead) await body.parse()
}

/** Creates the hook of a route. */
export function routeHook(step: RouteStep): ParsingHook {
  return (hooked, reply, payload, done) => {
    const request = hooked as FastifyRequest
    if (request.is404) return done()
    const body = bodyOf(request, reply as FastifyReply, payload)
    settle(body, body.run(step), (error) =>
      error ? done(error) : done(null, suppressParsing(request, body.isMounted)),
    )
  }
}

/**
 * Calls back when a body has been entered or read, or with an error for Fastify. After an answer it does not call back: if the
 * client then closed the connection, the handler would run.
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

/** Returns the body of a request. @param payload the stream from earlier hooks */
export function bodyOf(request: FastifyRequest, reply: FastifyReply, payload?: Readable): RequestBody {
  const adapter: FastifyAdapter = {
    request: request.raw,
    response: reply.raw,
    target: request,
    params: () => request.params as RouteParams,
    stream: payload,
    sharesBody: true,
    reply,
  }
  return openBody(adapter)
}
