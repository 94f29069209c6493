/** Answers, as a problem, what a handler throws when it reads the data of a media type that nobody parses. */
import { BodyError } from '@formgate/core'
import type { Reaction } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bodyOf } from './parsing-hook.js'

/** Set by Fastify's own error handler, which copies `error.headers`, and by no other: one of the app's own wins. */
const mark = 'formgate-problem'

/** Adds the hooks. An error handler of the app's own has the last word, wherever it is set. */
export function answerThrown(app: FastifyInstance): void {
  const reactions = new WeakMap<FastifyRequest, Extract<Reaction, { kind: 'answer' }>>()
  app.addHook('onError', async (request, reply, error) => {
    if (!(error instanceof BodyError)) return
    const reaction = await bodyOf(request, reply).react(error)
    if (reaction.kind !== 'answer') return
    reactions.set(request, reaction)
    Object.assign(error, { headers: { ...error.headers, [mark]: '1' } })
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    const reaction = reactions.get(request)
    if (reaction === undefined || !reply.hasHeader(mark)) return done(null, payload)
    reply.removeHeader(mark)
    reply.headers({ ...reaction.headers })
    return done(null, reaction.body)
  })
}
