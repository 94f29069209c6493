/** The plugin, which reads the bodies of a context and of those below. */
import { BodyError, type MountOptions } from '@formgate/core'
import { mountStep, type ProblemAnswer } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { addParsers } from './app-parsers.js'
import { noteRoutes } from './noted-routes.js'
import { bodyOf, parsingHook, sendAnswer } from './parsing-hook.js'
import { refuseReplacedHooks } from './route.js'

/** Options of `register()` itself, which Fastify passes on to the plugin. */
const registerOptions = ['prefix', 'logLevel', 'logSerializers']

const plugin: FastifyPluginAsync<MountOptions<FastifyRequest>> = async (app, options) => {
  const own = Object.entries(options).filter(([name]) => !registerOptions.includes(name))
  const step = mountStep(Object.fromEntries(own))
  noteRoutes(app, step)
  addParsers(app, step)
  app.addHook('preParsing', parsingHook(step))
  answerThrown(app)
  app.addHook('onRoute', refuseReplacedHooks)
}

/**
 * `await app.register(multipart)` reads the bodies of all routes of this context, and of those below, into `req.data` and
 * `req.files`. A content type parser that the app has added takes precedence.
 *
 * ```ts
 * await app.register(multipart, { limits: { fileSize: 5_000_000 } })
 * app.post('/posts', async (request) => ({ data: request.data, files: request.files }))
 * ```
 *
 * @throws TypeError for an invalid option; Error if `@fastify/multipart` is registered too
 */
export const multipart: FastifyPluginAsync<MountOptions<FastifyRequest>> = fastifyPlugin(plugin, {
  name: '@formgate/fastify',
  fastify: '5.x',
})

/** For a client that is gone. */
const noAnswer: ProblemAnswer = { status: 499, headers: {}, body: Buffer.alloc(0) }

/** Replies that send our answer, whatever an error handler sends. */
const answering = new WeakSet<FastifyReply>()

/** Answers the errors of Formgate that handlers and hooks throw, before error handlers of the app. */
function answerThrown(app: FastifyInstance): void {
  app.addHook('onError', async (request, reply, error) => {
    if (!(error instanceof BodyError)) return
    const reaction = await bodyOf(request, reply).react(error)
    if (reaction.kind === 'pass on') return
    answering.add(reply)
    reply.send = function send() {
      Reflect.deleteProperty(reply, 'send')
      answering.delete(reply)
      return sendAnswer(reply, reaction.kind === 'answer' ? reaction : noAnswer)
    }
  })
  app.addHook('onRoute', (route) => {
    const { errorHandler } = route
    route.errorHandler = (error, request, reply): unknown => {
      if (answering.has(reply)) return reply.send()
      if (errorHandler !== undefined) return errorHandler.call(request.server, error, request, reply)
      // The next handler is that of the context. Fastify would send what is not an Error as it is.
      if (error instanceof Error) throw error
      return request.server.errorHandler(error, request, reply)
    }
  })
}
