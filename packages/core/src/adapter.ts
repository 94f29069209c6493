/** What an adapter to a framework is made of. */
import type { BodyOptions, BodyType, FormOptions } from './body-options.js'
import { resolveMount, RouteConfig, type Config, type MountOptions, type RouteOptions } from './options.js'
import type { ParserLike } from './parsers/base-parser.js'
import type { RequestBody } from './request-body.js'
import { TypedRoute } from './typed-route.js'
import type { Schema } from './validation/schema.js'

export type { ProblemAnswer, Reaction } from './problem.js'
export { openBody, type RequestBody } from './request-body.js'
export { sendProblem } from './send-problem.js'

/** What a middleware does with a body. */
export type BodyStep = MountStep | RouteStep

/** A `multipart()`. */
export interface MountStep {
  readonly kind: 'mount'
  readonly config: Config
  readonly route?: undefined
}

/** What a route has of its own: `parsers()`, or with a type `form()` and `body()`. */
export interface RouteStep {
  readonly kind: 'route'
  readonly route: RouteConfig
  readonly typed?: TypedRoute
}

/** The step of `multipart()`. @throws TypeError for an unknown option or an invalid value */
export function mountStep(options?: MountOptions): MountStep {
  return { kind: 'mount', config: resolveMount(options) }
}

/** The step of `parsers()`. @throws TypeError for what is no parser, an unknown option or an invalid value */
export function parsersStep(list: readonly ParserLike[], options: RouteOptions = {}): RouteStep {
  return { kind: 'route', route: RouteConfig.ofParsers(list, options) }
}

/** The step of `form()`. @throws TypeError for what is no schema, an unknown option or an invalid value */
export function formStep(schema: Schema, options?: FormOptions): RouteStep {
  const typed = TypedRoute.ofForm(schema, options)
  return { kind: 'route', route: typed.config, typed }
}

/** The step of `body()`. @throws TypeError as `formStep` does, and for options that exclude each other */
export function bodyStep(type?: BodyType, options?: BodyOptions): RouteStep {
  const typed = new TypedRoute(type, options)
  return { kind: 'route', route: typed.config, typed }
}

/** Reads a body as a step says. @throws BodyError; whatever a schema itself throws */
export function runStep(body: RequestBody, step: BodyStep): Promise<unknown> {
  if (step.kind === 'mount') return body.mount(step.config)
  return step.typed === undefined ? body.route(step.route) : body.typed(step.typed)
}

// Not a property of the middleware: an app sees plain functions.
const steps = new WeakMap<object, BodyStep>()

/** Notes what a middleware does, for `describe()`. @returns the middleware */
export function noteStep<Middleware extends object>(middleware: Middleware, step: BodyStep): Middleware {
  steps.set(middleware, step)
  return middleware
}

/** What a middleware does with a body; `undefined` for a middleware that is not Formgate's. */
export function stepOf(middleware: unknown): BodyStep | undefined {
  return typeof middleware === 'function' ? steps.get(middleware) : undefined
}
