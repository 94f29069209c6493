/** What the routes of an app accept, read from the app itself. */
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, describeUnknown, type RouteDescription } from '@formgate/core/describe'
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { contextAround, noteRoutes, notesOf, type AppNotes } from '../noted-routes.js'

export {
  routeTable,
  type AcceptedFiles,
  type AcceptedMediaType,
  type RouteDescription,
  type SchemaDescription,
  type SchemaField,
} from '@formgate/core/describe'

/** A route, and the context that it was defined in. */
type Route = readonly [options: RouteOptions, context: FastifyInstance]

const plugin: FastifyPluginAsync = async (app) => noteRoutes(app)

/**
 * Notes the routes that are defined after it, for `describe(app)`. `multipart` does the same: register this in an app
 * that has no `multipart`, or has it below some of its routes.
 */
export const describable: FastifyPluginAsync = fastifyPlugin(plugin, {
  name: '@formgate/fastify/describable',
  fastify: '5.x',
})

/**
 * What each route of an app accepts: the hooks of Formgate that run before its handler, put together as they will be for
 * a request. Call it after `await app.ready()`.
 *
 * It knows the routes that were defined after `await app.register(multipart)` or `await app.register(describable)`;
 * where there may be others, the last row says so.
 *
 * @throws Error where neither was registered
 */
export function describe(app: object): readonly RouteDescription[] {
  const notes = notesOf(app as FastifyInstance)
  if (notes === undefined)
    throw new Error(
      'describe() knows no routes. Call await app.register(describable) before the first route.',
    )
  const routes = [...notes.routes]
  const rows = routes.flatMap((route) =>
    methodsOf(route, routes).flatMap((method) =>
      describeRoute({ method, path: route[0].url }, stepsOf(route, notes)),
    ),
  )
  if (notes.isComplete) return rows
  const note =
    'Routes that were defined before, or outside of, the first multipart are not known: await ' +
    'app.register(describable) at the start.'
  return [...rows, describeUnknown({ method: '*', path: '…' }, note)]
}

/** A route for GET takes HEAD too, without being asked. */
function methodsOf([options, context]: Route, all: readonly Route[]): readonly string[] {
  const methods = [options.method].flat()
  if (context.supportedMethods.every((method) => methods.includes(method))) return ['*']
  const takesGet = ([{ url, method }]: Route): boolean =>
    url === options.url && [method].flat().includes('GET')
  return methods.filter((method) => method !== 'HEAD' || !all.some(takesGet))
}

/** What of Formgate runs before the handler of a route, in the order of a request. */
function stepsOf([options, context]: Route, { mounts }: AppNotes): readonly BodyStep[] {
  const contexts: FastifyInstance[] = []
  for (let each: FastifyInstance | undefined = context; each !== undefined; each = contextAround(each))
    contexts.unshift(each)
  const hooks = [options.preParsing ?? []].flat() as readonly unknown[]
  return [
    ...contexts.flatMap((each) => mounts.get(each) ?? []),
    ...hooks.flatMap((hook) => stepOf(hook) ?? []),
  ]
}
