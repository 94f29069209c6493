/** What the routes of an app accept, read from the app itself. */
import { METHODS } from 'node:http'
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, describeUnknown, type RouteDescription } from '@formgate/core/describe'
import { LayerPath, type RouterLayer, type Spelling } from './layer-path.js'

export {
  routeTable,
  type AcceptedFiles,
  type AcceptedMediaType,
  type RouteDescription,
  type SchemaDescription,
  type SchemaField,
} from '@formgate/core/describe'

/** What is read of a router. */
interface Stack {
  readonly stack: readonly RouterLayer[]
}

type Route = NonNullable<RouterLayer['route']>

/** A middleware of Formgate's, and where it stands. */
interface PlacedStep {
  readonly step: BodyStep
  readonly path: LayerPath
}

/**
 * What each route of an app, or of a router, accepts: the middlewares of Formgate that stand before its handler, put
 * together as they will be for a request. Call it when all routes are defined.
 *
 * It sees what Express keeps. A middleware of Formgate's inside a function of your own is not seen. An app that is
 * mounted in another is a row of that, and is described by itself; a router that is given alone, without what stands
 * above it.
 *
 * @throws TypeError for what is neither an app nor a router of Express 5
 */
export function describe(app: object): readonly RouteDescription[] {
  const walk = new Walk(mountDoubts(app))
  walk.follow(routerOf(app), new LayerPath())
  return walk.rows()
}

function routerOf(app: object): Stack {
  const router: unknown = isStack(app) ? app : (app as { router?: unknown }).router
  if (isStack(router)) return router
  throw new TypeError('describe() takes an app or a router of Express 5.')
}

function isStack(value: unknown): value is Stack {
  return typeof value === 'function' && 'stack' in value && Array.isArray(value.stack)
}

/** What an app inside another cannot tell of itself. */
function mountDoubts(app: object): readonly string[] {
  const { parent, mountpath } = app as { parent?: unknown; mountpath?: string | readonly string[] }
  if (parent === undefined) return []
  const path = [mountpath].flat().join(', ')
  return [
    `This app is mounted at ${path} in another: its paths begin there, and what stands above it there is not told here.`,
  ]
}

/** One way through an app, in the order in which a request goes. */
class Walk {
  readonly #rows: RouteDescription[] = []
  readonly #steps: PlacedStep[] = []
  /** Steps that a route has been found for. */
  readonly #used = new Set<PlacedStep>()
  readonly #doubts: readonly string[]

  constructor(doubts: readonly string[]) {
    this.#doubts = doubts
  }

  follow({ stack }: Stack, above: LayerPath): void {
    for (const layer of stack) {
      const { handle, route } = layer
      const path = above.below(layer)
      const step = stepOf(handle)
      if (route !== undefined) this.#addRoute(route, above)
      else if (isStack(handle)) this.follow(handle, path)
      else if (step !== undefined) this.#steps.push({ step, path })
      else if (layer.name === 'mounted_app') this.#addApp(path)
    }
  }

  /** Middlewares without a route are handlers, or stand above what nobody can look into. */
  rows(): readonly RouteDescription[] {
    const left = this.#steps.filter((step) => !this.#used.has(step))
    const alone = left.flatMap((placed) => {
      const { path, notes } = placed.path.everything()
      const before = this.#steps.slice(0, this.#steps.indexOf(placed) + 1)
      const steps = before.filter((other) => other.path.covers(placed.path) === true)
      const note = 'Whatever stands below: Express knows of no route there.'
      return describeRoute(
        { method: '*', path, notes: [...notes, note], doubts: this.#doubts },
        steps.map(({ step }) => step),
      )
    })
    return [...this.#rows, ...alone]
  }

  #addRoute(route: Route, above: LayerPath): void {
    const spellings = [route.path].flat() as readonly Spelling[]
    for (const spelling of spellings) {
      const place = above.route(spelling)
      for (const [method, own] of handlersOf(route)) {
        const { steps, doubts } = this.#stepsAbove(place)
        this.#rows.push(
          ...describeRoute({ method, path: place.text, notes: place.notes, doubts }, [
            ...steps,
            ...own.flatMap(({ handle }) => stepOf(handle) ?? []),
          ]),
        )
      }
    }
  }

  #addApp(path: LayerPath): void {
    const place = path.everything()
    const { doubts } = this.#stepsAbove(path)
    const note = 'An app of its own is mounted here: describe() that app too.'
    this.#rows.push(describeUnknown({ method: '*', path: place.path, notes: place.notes, doubts }, note))
  }

  #stepsAbove(place: LayerPath): { steps: readonly BodyStep[]; doubts: readonly string[] } {
    const steps: BodyStep[] = []
    const doubts = [...this.#doubts]
    for (const placed of this.#steps) {
      const covers = placed.path.covers(place)
      if (covers === false) continue
      this.#used.add(placed)
      if (covers === true) steps.push(placed.step)
      else doubts.push(`Whether what stands at ${placed.path.text} stands above this route cannot be known.`)
    }
    return { steps, doubts }
  }
}

/** The handlers of a route by method; `*` for those of `all()`, which `app.all()` writes out method by method. */
function handlersOf({ stack }: Route): readonly (readonly [method: string, own: readonly RouterLayer[]])[] {
  const names = new Set(stack.map(({ method }) => method))
  const all = METHODS.every((method) => names.has(method.toLowerCase()))
  const kept = all ? ['get'] : [...names]
  return kept.map((name) => [
    all || name === undefined ? '*' : name.toUpperCase(),
    stack.filter(({ method }) => method === undefined || method === name),
  ])
}
