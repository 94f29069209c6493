/** The plugin: Formgate for the context it is registered in, and for those below. */
import { BodyError, type MountOptions } from '@formgate/core'
import { mountStep, type ProblemAnswer } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { noteRoutes } from './noted-routes.js'
import { bodyOf, parsingHook } from './parsing-hook.js'

const plugin: FastifyPluginAsync<MountOptions> = async (app, options) => {
  const step = mountStep(options)
  refuseMultipart(app)
  noteRoutes(app, step)
  // Reads nothing: the body has been read before, or is left to the handler as a stream.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', ({ body }, payload, done) => done(null, body === undefined ? payload : body))
  app.addHook('preParsing', parsingHook(step))
  answerThrown(app)
}

/**
 * `await app.register(multipart)`: `req.data` and `req.files`, whatever was sent, in this context and in those below.
 *
 * @throws TypeError for an unknown option or an invalid value; Error beside `@fastify/multipart`
 */
export const multipart: FastifyPluginAsync<MountOptions> = fastifyPlugin(plugin, {
  name: '@formgate/fastify',
  fastify: '5.x',
})

/** Both set `request.files`. Without this check the second one fails with a message that does not name the first. */
function refuseMultipart(app: FastifyInstance): void {
  const refuse = (context: FastifyInstance): void => {
    if (!context.hasPlugin('@fastify/multipart')) return
    throw new Error(
      '@formgate/fastify and @fastify/multipart are registered in the same context, and both set request.files. ' +
        'Register one of them, or each in a context of its own.',
    )
  }
  const refuseWhenReady = (context: FastifyInstance): void => {
    context.addHook('onReady', async () => refuse(context))
  }
  refuse(app)
  refuseWhenReady(app)
  app.addHook('onRegister', refuseWhenReady)
}

/** Set by Fastify's own error handler, which copies `error.headers`, and by no other: one of the app's own wins. */
const mark = 'formgate-problem'

/** Answers, as a problem, the 415 that a handler throws when it reads the data of a media type without a parser. */
function answerThrown(app: FastifyInstance): void {
  const answers = new WeakMap<FastifyRequest, ProblemAnswer>()
  app.addHook('onError', async (request, reply, error) => {
    if (!(error instanceof BodyError)) return
    const reaction = await bodyOf(request, reply).react(error)
    if (reaction.kind !== 'answer') return
    answers.set(request, reaction)
    Object.assign(error, { headers: { ...error.headers, [mark]: '1' } })
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    const answer = answers.get(request)
    if (answer === undefined || !reply.hasHeader(mark)) return done(null, payload)
    reply.removeHeader(mark)
    reply.headers({ ...answer.headers })
    return done(null, answer.body)
  })
}
