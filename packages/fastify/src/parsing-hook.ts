/** The `preParsing` hook that reads a body. */
import type { Readable } from 'node:stream'
import type { RouteParams } from '@formgate/core'
import { openBody, type BodyStep, type RequestBody } from '@formgate/core/adapter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { suppressMediaType, suppressParsing } from './suppress-parsing.js'

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

/**
 * Creates the hook. After an answer it does not call its callback: if the client then closed the connection, the handler
 * would run.
 */
export function parsingHook(step: BodyStep): ParsingHook {
  return (hooked, hookedReply, payload, done) => {
    const request = hooked as FastifyRequest
    const reply = hookedReply as FastifyReply
    // A 404 has no handler for the files.
    if (request.is404) return done()
    const body = bodyOf(request, reply, payload)
    const goOn = (): void => {
      if (!body.isRead) {
        if (body.isMounted && body.source.mediaType === undefined) suppressMediaType(request)
        return done()
      }
      request.body = body.data
      return done(null, suppressParsing(request, body.isMounted))
    }
    const refuse = async (error: unknown): Promise<void> => {
      const reaction = await body.react(error, step.route)
      if (reaction.kind === 'pass on') done(error as Error)
      if (reaction.kind !== 'answer') return
      const { status, headers, body: problem } = reaction
      // Fastify adds a charset to JSON in a string, which problem+json does not have.
      const sent = typeof problem === 'string' ? Buffer.from(problem) : problem
      reply
        .code(status)
        .headers({ ...headers })
        .send(sent)
    }
    const reading = body.run(step)
    if (reading === undefined) goOn()
    else void reading.then(goOn, refuse)
  }
}

/** Returns the body of a request. @param payload the stream from earlier hooks */
export function bodyOf(request: FastifyRequest, reply: FastifyReply, payload?: Readable): RequestBody {
  return openBody({
    request: request.raw,
    response: reply.raw,
    target: request,
    params: () => request.params as RouteParams,
    stream: payload,
  })
}
