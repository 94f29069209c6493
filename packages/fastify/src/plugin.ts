/** The plugin: Formgate for the context it is registered in, and for those below. */
import type { MountOptions } from '@formgate/core'
import { mountStep } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { parsingHook } from './parsing-hook.js'
import { noteRoutes } from './noted-routes.js'
import { answerThrown } from './thrown-problems.js'

const plugin: FastifyPluginAsync<MountOptions> = async (app, options) => {
  const step = mountStep(options)
  refuseMultipart(app)
  noteRoutes(app, step)
  // Reads nothing: the body has been read before, or is left to the handler as a stream.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request, payload, done) => done(null, request.body ?? payload))
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

/** Both want `request.files`; without this look the one that comes second fails with less to go by, or not at all. */
function refuseMultipart(app: FastifyInstance): void {
  const refuse = (context: FastifyInstance): void => {
    if (!context.hasPlugin('@fastify/multipart')) return
    throw new Error(
      '@formgate/fastify and @fastify/multipart are registered in the same context, and both want request.files. ' +
        'Register one of them, or each in a context of its own.',
    )
  }
  const refuseWhenReady = (context: FastifyInstance): void => {
    context.addHook('onReady', async function look() {
      refuse(this)
    })
  }
  refuse(app)
  refuseWhenReady(app)
  app.addHook('onRegister', refuseWhenReady)
}
