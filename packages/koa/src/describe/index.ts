/** `describe()` for Koa. */
import { METHODS } from 'node:http'
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, type RouteDescription } from '@formgate/core/describe'

export { routeTable } from '@formgate/core/describe'
export type * from '@formgate/core/describe'

/** The part of an app that `describe()` reads. */
export interface DescribedApp {
  readonly middleware: readonly unknown[]
}

/** A layer of @koa/router: a route, or without methods a middleware of `router.use()`. */
interface RouterLayer {
  readonly methods: readonly string[]
  readonly path: unknown
  readonly stack: readonly unknown[]
  match(path: string): boolean
}

/**
 * What each route of an app accepts, by the middlewares of Formgate before its handler. Call it when all routes are
 * defined.
 *
 * It finds the routes of `@koa/router`. Handlers without a router have one row. It does not see middlewares of Formgate
 * inside other functions, such as those of koa-mount and koa-compose.
 *
 * @throws TypeError unless it is a Koa app
 */
export function describe(app: DescribedApp): readonly RouteDescription[] {
  if (!Array.isArray(app?.middleware)) throw new TypeError('describe() takes a Koa app.')
  const rows: RouteDescription[] = []
  const steps: BodyStep[] = []
  // False while a step has no row of a route below it.
  let isShown = true
  for (const middleware of app.middleware as readonly unknown[]) {
    const step = stepOf(middleware)
    const layers = layersOf(middleware)
    if (step !== undefined) {
      steps.push(step)
      isShown = false
    } else if (layers !== undefined) {
      const routes = describeRouter(layers, steps)
      rows.push(...routes)
      isShown ||= routes.length > 0
    }
  }
  if (isShown) return rows
  const note = 'For everything below: no router has a route there.'
  return [...rows, ...describeRoute({ method: '*', path: '/*', notes: [note] }, steps)]
}

/** The layers of a router, if the middleware is what its `routes()` returned. */
function layersOf(middleware: unknown): readonly RouterLayer[] | undefined {
  const { router } = middleware as { router?: { stack?: unknown } }
  return Array.isArray(router?.stack) ? (router.stack as readonly RouterLayer[]) : undefined
}

function describeRouter(
  layers: readonly RouterLayer[],
  above: readonly BodyStep[],
): readonly RouteDescription[] {
  return layers
    .filter(({ methods }) => methods.length > 0)
    .flatMap((route) => {
      const doubts: string[] = []
      const steps = [...above]
      for (const layer of layers.slice(0, layers.indexOf(route) + 1)) {
        const own = layer.stack.flatMap((middleware) => stepOf(middleware) ?? [])
        const covers = layer === route || (layer.methods.length === 0 && coversRoute(layer, route))
        if (covers === true) steps.push(...own)
        else if (covers === undefined && own.length > 0)
          doubts.push(`Unknown whether the middleware at ${String(layer.path)} runs before this route.`)
      }
      const path = String(route.path)
      return methodsOf(route).flatMap((method) => describeRoute({ method, path, doubts }, steps))
    })
}

/** True if a request for the route passes a layer of `router.use()`; `undefined` if that is unknown. */
function coversRoute(layer: RouterLayer, { path }: RouterLayer): boolean | undefined {
  return typeof path === 'string' ? layer.match(path) : undefined
}

/** The router adds HEAD to every route for GET. */
function methodsOf({ methods }: RouterLayer): readonly string[] {
  if (METHODS.every((method) => methods.includes(method) || method === 'CONNECT')) return ['*']
  return methods.includes('GET') ? methods.filter((method) => method !== 'HEAD') : methods
}
