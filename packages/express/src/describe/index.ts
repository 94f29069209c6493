/** `describe()` for Express. */
import { METHODS } from 'node:http'
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import { describeRoute, describeUnknown, type RouteDescription } from '@formgate/core/describe'
import { routerOf, type RouterLayer, type Spelling, type Stack } from '../layers.js'
import { LayerPath } from './layer-path.js'

export { routeTable } from '@formgate/core/describe'
export type * from '@formgate/core/describe'

type Route = NonNullable<RouterLayer['route']>

/** A middleware of Formgate, and its place in the app. */
interface PlacedStep {
  readonly step: BodyStep
  readonly path: LayerPath
}

/**
 * What each route of an app, or of a router, accepts, by the middlewares of Formgate before its handler. Call it when all
 * routes are defined.
 *
 * It does not see middlewares of Formgate inside other functions. Nest runs those of its modules so: what they may read is
 * `unknown`, those of `app.use()` are seen. An app mounted in another is one row: describe it by itself. A router is
 * described without the middleware above it.
 *
 * @throws TypeError unless it is an app or a router of Express
 */
export function describe(app: object): readonly RouteDescription[] {
  const router = isStack(app) ? app : routerOf(app)
  if (!isStack(router)) throw new TypeError('describe() takes an app or a router of Express.')
  const walk = new Walk(mountDoubts(app))
  walk.follow(router, new LayerPath())
  return walk.rows()
}

function isStack(value: Partial<Stack> | undefined): value is Stack {
  return Array.isArray(value?.stack)
}

function mountDoubts(app: object): readonly string[] {
  const { parent, mountpath } = app as { parent?: unknown; mountpath?: string | readonly string[] }
  if (parent === undefined) return []
  const path = [mountpath].flat().join(', ')
  return [`This app is mounted at ${path} in another, whose path and middleware are not shown here.`]
}

/** A walk through an app, in the order of a request. */
class Walk {
  readonly #rows: RouteDescription[] = []
  readonly #steps: PlacedStep[] = []
  /** Steps above a route. */
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

  /** The rows of the routes, and of the steps that are above none: what follows them is not visible. */
  rows(): readonly RouteDescription[] {
    const left = this.#steps.filter((step) => !this.#used.has(step))
    const alone = left.flatMap((placed) => {
      const { path, notes } = placed.path.everything()
      const before = this.#steps.slice(0, this.#steps.indexOf(placed) + 1)
      const steps = before.filter((other) => other.path.covers(placed.path) === true)
      const note = 'For everything below: Express has no route there.'
      return describeRoute(
        { method: '*', path, notes: [...notes, note], doubts: this.#doubts },
        steps.map(({ step }) => step),
      )
    })
    return [...this.#rows, ...alone]
  }

  #addRoute(route: Route, above: LayerPath): void {
    for (const spelling of [route.path].flat() as readonly Spelling[]) {
      const path = above.route(spelling)
      for (const [method, own] of handlersOf(route)) {
        const { steps: above, doubts } = this.#stepsAbove(path)
        const steps = [...above, ...own.flatMap(({ handle }) => stepOf(handle) ?? [])]
        if (own.some(isOfNest) && !steps.some(readsAll)) doubts.push(nestDoubt)
        this.#rows.push(...describeRoute({ method, path: path.text, notes: path.notes, doubts }, steps))
      }
    }
  }

  #addApp(path: LayerPath): void {
    const { doubts } = this.#stepsAbove(path)
    const note = 'Another app is mounted here: call describe() on it too.'
    this.#rows.push(describeUnknown({ method: '*', ...path.everything(), doubts }, note))
  }

  #stepsAbove(path: LayerPath): { steps: readonly BodyStep[]; doubts: string[] } {
    const steps: BodyStep[] = []
    const doubts = [...this.#doubts]
    for (const placed of this.#steps) {
      const covers = placed.path.covers(path)
      if (covers === false) continue
      this.#used.add(placed)
      if (covers === true) steps.push(placed.step)
      else doubts.push(`Unknown whether the middleware at ${placed.path.text} runs before this route.`)
    }
    return { steps, doubts }
  }
}

const nestDoubt =
  'Nest runs the middleware of modules inside functions of its own: unknown whether one of Formgate is among them.'

/** Nest copies the metadata of its decorators to the handlers that it makes. */
function isOfNest({ handle }: RouterLayer): boolean {
  const { hasMetadata } = Reflect as { hasMetadata?: (key: string, target: unknown) => boolean }
  return hasMetadata?.('path', handle) ?? false
}

/** True for an eager `multipart()`: no middleware below it reads more. */
function readsAll(step: BodyStep): boolean {
  return step.kind === 'mount' && !step.config.lazy
}

/** The handlers of a route by method; `*` for those of `all()`, which Express stores once per method. */
function handlersOf({ stack }: Route): readonly (readonly [method: string, own: readonly RouterLayer[]])[] {
  const names = new Set(stack.map(({ method }) => method))
  const all = METHODS.every((method) => names.has(method.toLowerCase()))
  const kept = all ? ['get'] : [...names]
  return kept.map((name) => [
    all || name === undefined ? '*' : name.toUpperCase(),
    stack.filter(({ method }) => method === undefined || method === name),
  ])
}
