/** `describe()` for Fastify. */
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, describeUnknown, type RouteDescription } from '@formgate/core/describe'
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { parsersOfApp } from '../app-parsers.js'
import { mountsAbove, noteRoutes, notesOf } from '../noted-routes.js'

export { routeTable } from '@formgate/core/describe'
export type * from '@formgate/core/describe'

/** A route, and the context in which it was defined. */
type Route = readonly [options: RouteOptions, context: FastifyInstance]

const plugin: FastifyPluginAsync = async (app) => noteRoutes(app)

/**
 * Records the routes that are defined after it, for `describe(app)`. `multipart` does the same: register this plugin in an
 * app without `multipart`, or with routes above it.
 */
export const describable: FastifyPluginAsync = fastifyPlugin(plugin, {
  name: '@formgate/fastify/describable',
  fastify: '5.x',
})

/**
 * What each route of an app accepts, by the hooks of Formgate before its handler. Call it after `await app.ready()`.
 *
 * It finds the routes that were defined after `await app.register(multipart)` or `await app.register(describable)`. If
 * there may be others, the last row says so.
 *
 * @throws Error if neither was registered
 */
export function describe(app: object): readonly RouteDescription[] {
  const notes = notesOf(app as FastifyInstance)
  if (notes === undefined)
    throw new Error(
      'describe() found no routes. Call await app.register(describable) before the first route.',
    )
  const routes = [...notes.routes]
  const rows = routes.flatMap((route) => {
    const steps = stepsOf(route)
    const place = { path: route[0].url, notes: parserNotes(route, steps) }
    return methodsOf(route, routes).flatMap((method) => describeRoute({ method, ...place }, steps))
  })
  if (notes.isComplete) return rows
  const note =
    'Routes before the first multipart, or outside of its context, are not shown: await ' +
    'app.register(describable) at the start.'
  return [...rows, describeUnknown({ method: '*', path: '…' }, note)]
}

/** Fastify adds HEAD to every route for GET. */
function methodsOf([options, context]: Route, all: readonly Route[]): readonly string[] {
  const methods = [options.method].flat()
  if (context.supportedMethods.every((method) => methods.includes(method))) return ['*']
  const hasGet = ([{ url, method }]: Route): boolean => url === options.url && [method].flat().includes('GET')
  return methods.filter((method) => method !== 'HEAD' || !all.some(hasGet))
}

/** Below a mount, parsers of the app come first, but not in a route that has steps of its own. */
function parserNotes([, context]: Route, steps: readonly BodyStep[]): readonly string[] {
  if (steps.length === 0 || steps.some(({ kind }) => kind === 'route')) return []
  const types = parsersOfApp(context)
  return types.length === 0 ? [] : [`Not for ${types.join(', ')}: a content type parser of the app reads it.`]
}

/** The hooks of Formgate before the handler of a route, in the order of a request. */
function stepsOf([{ preParsing = [] }, context]: Route): readonly BodyStep[] {
  return [...mountsAbove(context), ...[preParsing].flat().flatMap((hook: unknown) => stepOf(hook) ?? [])]
}
