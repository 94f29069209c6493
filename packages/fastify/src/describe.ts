/** What the routes of an app accept, read from the app itself. */
import type { RouteDescription } from '@formgate/core'
import { describeRoute, describeUnknown } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { bookOf, openBook, type BookedRoute } from './route-book.js'

const plugin: FastifyPluginAsync = async (app) => void openBook(app)

/**
 * Writes down the routes that are defined after it, for `describe(app)`. `multipart` brings it along: this is for an app
 * that has none, or not above all of its routes.
 */
export const describable: FastifyPluginAsync = fastifyPlugin(plugin, {
  name: '@formgate/fastify/describable',
  fastify: '5.x',
})

/**
 * What each route of an app accepts: the hooks of Formgate that stand before its handler, put together as they will be
 * for a request. Call it after `await app.ready()`.
 *
 * It knows the routes that were defined after `await app.register(multipart)` or `await app.register(describable)`;
 * where there may be others, the last row says so.
 *
 * @throws Error where neither was registered
 */
export function describe(app: object): readonly RouteDescription[] {
  const book = bookOf(app as FastifyInstance)
  if (book === undefined)
    throw new Error('describe() knows no route: await app.register(describable) before the first of them.')
  const rows = book.routes.flatMap((route) => {
    const { url } = route.options
    return methodsOf(route, book.routes).flatMap((method) =>
      describeRoute({ method, path: url }, book.stepsOf(route)),
    )
  })
  if (book.isWhole) return rows
  const note =
    'Routes that were defined before, or outside of, the first multipart are not known: await ' +
    'app.register(describable) at the start.'
  return [...rows, describeUnknown({ method: '*', path: '…' }, note)]
}

/** A route for GET takes HEAD too, without being asked. */
function methodsOf({ context, options }: BookedRoute, all: readonly BookedRoute[]): readonly string[] {
  const methods = [options.method].flat()
  if (context.supportedMethods.every((method) => methods.includes(method))) return ['*']
  const takes = (route: BookedRoute): boolean =>
    route.options.url === options.url && [route.options.method].flat().includes('GET')
  return methods.filter((method) => method !== 'HEAD' || !all.some(takes))
}
