/** The plugin, which reads the bodies of a context and of those below. */
import { BodyError, type MountOptions } from '@formgate/core'
import { mountStep, type ProblemAnswer } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { noteRoutes } from './noted-routes.js'
import { bodyOf, parsingHook } from './parsing-hook.js'

const plugin: FastifyPluginAsync<MountOptions<FastifyRequest>> = async (app, options) => {
  const step = mountStep(options)
  refuseMultipart(app)
  noteRoutes(app, step)
  // Reads nothing: the hook has read the body, or leaves it to the handler as a stream.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', ({ body }, payload, done) => done(null, body === undefined ? payload : body))
  app.addHook('preParsing', parsingHook(step))
  answerThrown(app)
}

/**
 * `await app.register(multipart)` reads the bodies of all routes of this context, and of those below, into `req.data` and
 * `req.files`.
 *
 * @throws TypeError for an invalid option; Error if `@fastify/multipart` is registered too
 */
export const multipart: FastifyPluginAsync<MountOptions<FastifyRequest>> = fastifyPlugin(plugin, {
  name: '@formgate/fastify',
  fastify: '5.x',
})

/** Without this check, the second plugin fails with an error that does not name the first. */
function refuseMultipart(app: FastifyInstance): void {
  const refuse = (context: FastifyInstance): void => {
    if (!context.hasPlugin('@fastify/multipart')) return
    throw new Error(
      '@formgate/fastify and @fastify/multipart are registered in the same context, and both set request.files. ' +
        'Register only one of them, or each in its own context.',
    )
  }
  const refuseWhenReady = (context: FastifyInstance): void => {
    context.addHook('onReady', async () => refuse(context))
  }
  refuse(app)
  refuseWhenReady(app)
  app.addHook('onRegister', refuseWhenReady)
}

/** A header that only Fastify's default error handler sets, from `error.headers`: one of the app takes precedence. */
const mark = 'formgate-problem'

/** Turns the 415 that a handler throws, when it reads `data` of a media type without a parser, into a problem. */
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
