/** What the routes of an app accept, read from the app itself. */
import { METHODS } from 'node:http'
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, type RouteDescription } from '@formgate/core/describe'

export {
  routeTable,
  type AcceptedFiles,
  type AcceptedMediaType,
  type RouteDescription,
  type SchemaDescription,
  type SchemaField,
} from '@formgate/core/describe'

/** What is read of an app. */
export interface DescribedApp {
  readonly middleware: readonly unknown[]
}

/** What is read of a layer of @koa/router: a route, or without methods a middleware of `router.use()`. */
interface RouterLayer {
  readonly methods: readonly string[]
  readonly path: unknown
  readonly stack: readonly unknown[]
  match(path: string): boolean
}

/**
 * What each route of an app accepts: the middlewares of Formgate that stand before its handler, put together as they
 * will be for a request. Call it when all routes are defined.
 *
 * It knows the routes of `@koa/router`. A handler that finds its paths itself is one row, and a middleware of Formgate's
 * inside a function of your own, such as those of koa-mount and koa-compose, is not seen.
 *
 * @throws TypeError for what is no app of Koa
 */
export function describe(app: DescribedApp): readonly RouteDescription[] {
  if (!Array.isArray(app?.middleware)) throw new TypeError('describe() takes an app of Koa.')
  const rows: RouteDescription[] = []
  const steps: BodyStep[] = []
  // Those that no route below has shown yet.
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
  return isShown ? rows : [...rows, ...describeRest(steps)]
}

function describeRest(steps: readonly BodyStep[]): readonly RouteDescription[] {
  const note = 'Whatever stands below: no router knows of a route there.'
  return describeRoute({ method: '*', path: '/*', notes: [note] }, steps)
}

/** The layers of a router, given what its `routes()` returned. */
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
          doubts.push(`Whether what stands at ${String(layer.path)} stands above this route cannot be known.`)
      }
      const path = String(route.path)
      return methodsOf(route).flatMap((method) => describeRoute({ method, path, doubts }, steps))
    })
}

/** Whether a request for the route passes a layer of `router.use()`; `undefined` where that cannot be known. */
function coversRoute(layer: RouterLayer, { path }: RouterLayer): boolean | undefined {
  return typeof path === 'string' ? layer.match(path) : undefined
}

/** A route for GET takes HEAD too, without being asked. */
function methodsOf({ methods }: RouterLayer): readonly string[] {
  if (METHODS.every((method) => methods.includes(method) || method === 'CONNECT')) return ['*']
  return methods.includes('GET') ? methods.filter((method) => method !== 'HEAD') : methods
}
