/** The hook in which a body is read, for the plugin and for a route alike. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Readable } from 'node:stream'
import type { RouteParams } from '@formgate/core'
import {
  openBody,
  takeStep,
  type BodyStep,
  type ProblemAnswer,
  type RequestBody,
} from '@formgate/core/adapter'
import type { FastifyRequest } from 'fastify'
import { hideBody, hideMediaType } from './hide-body.js'

/** What the hook uses of a request: all that those of any server, logger and type provider have in common. */
export interface HookRequest {
  readonly raw: IncomingMessage | Http2ServerRequest
  readonly params: unknown
  readonly method: string
  readonly is404: boolean
  get headers(): IncomingHttpHeaders
  set headers(fields: object | undefined)
  body: unknown
}

/** What the hook uses of a reply. */
export interface HookReply {
  readonly raw: ServerResponse | Http2ServerResponse
  code(status: number): unknown
  headers(headers: Record<string, string>): unknown
  send(body: unknown): unknown
}

/** A `preParsing` hook for a route of any server, logger and type provider. */
export type ParsingHook = (
  this: unknown,
  request: HookRequest,
  reply: HookReply,
  payload: Readable,
  done: (error?: Error | null, payload?: Readable) => void,
) => void

/*
 * A route takes the type of its body from the request of this hook. `any` stands where the hook must fit every server,
 * logger and type provider: what is merely common to them is not inferred from.
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
 * Makes the hook.
 *
 * It takes a callback, and does not call it when it has answered: a client that closes the connection during the answer
 * would otherwise let the handler run.
 */
export function parsingHook(step: BodyStep): ParsingHook {
  return (request, reply, payload, done) => {
    // A request for no route: nobody is there to take its files.
    if (request.is404) return done()
    const body = bodyOf(request, reply, payload)
    const goOn = (): void => {
      if (!body.isRead) {
        if (body.isMounted && body.source.mediaType === undefined) hideMediaType(request)
        return done()
      }
      request.body = body.data
      return done(null, hideBody(request, body.isMounted))
    }
    const refuse = async (error: unknown): Promise<void> => {
      const reaction = await body.react(error, step.route)
      if (reaction.kind === 'answer') sendAnswer(reply, reaction)
      else if (reaction.kind === 'pass on') done(error as Error)
    }
    void takeStep(body, step).then(goOn, refuse)
  }
}

/** The body of a request; `payload` is what the hooks before have made of it. */
export function bodyOf(request: HookRequest, reply: HookReply, payload?: Readable): RequestBody {
  return openBody({
    request: request.raw,
    response: reply.raw,
    target: request,
    params: () => request.params as RouteParams,
    stream: payload,
  })
}

/** Sends a problem. */
function sendAnswer(reply: HookReply, { status, headers, body }: ProblemAnswer): void {
  reply.code(status)
  reply.headers({ ...headers })
  // To JSON that is a string Fastify adds a charset, which problem+json does not have.
  reply.send(typeof body === 'string' ? Buffer.from(body) : body)
}
