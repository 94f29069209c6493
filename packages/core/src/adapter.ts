/** What the adapters to frameworks use. */
import type { BodyOptions, BodyType, FormOptions } from './options/body-options.js'
import {
  resolveMount,
  RouteConfig,
  type Config,
  type MountOptions,
  type RouteOptions,
} from './options/options.js'
import type { ParserLike } from './parsers/base-parser.js'
import type { RequestBody } from './request-body.js'
import { TypedRoute } from './typed-route.js'
import type { Schema } from './schema/schema.js'

export type { ProblemAnswer, Reaction } from './http/problem.js'
export { openBody, type RequestBody } from './request-body.js'
export { sendProblem } from './http/problem.js'

/** How a middleware reads a body. */
export type BodyStep = MountStep | RouteStep

/** The step of a `multipart()`. */
export interface MountStep {
  readonly kind: 'mount'
  readonly config: Config
  readonly route?: undefined
}

/** The step of a route's `parsers()`, or of `form()` and `body()`, which are typed. */
export interface RouteStep {
  readonly kind: 'route'
  readonly route: RouteConfig
  readonly typed?: TypedRoute
}

/** The step of `multipart()`. @throws TypeError for an unknown option or an invalid value */
export function mountStep(options?: MountOptions): MountStep {
  return { kind: 'mount', config: resolveMount(options) }
}

/** The step of `parsers()`. @throws TypeError for an invalid parser, an unknown option or an invalid value */
export function parsersStep(list: readonly ParserLike[], options: RouteOptions = {}): RouteStep {
  return { kind: 'route', route: RouteConfig.ofParsers(list, options) }
}

/** The step of `form()`. @throws TypeError for an invalid schema, an unknown option or an invalid value */
export function formStep(schema: Schema, options?: FormOptions): RouteStep {
  const typed = TypedRoute.ofForm(schema, options)
  return { kind: 'route', route: typed.config, typed }
}

/** The step of `body()`. @throws TypeError like `formStep`, and for options that exclude each other */
export function bodyStep(type?: BodyType, options?: BodyOptions): RouteStep {
  const typed = new TypedRoute(type, options)
  return { kind: 'route', route: typed.config, typed }
}

/** Runs a step on a body. @throws BodyError, or the error of a schema that throws */
export function runStep(body: RequestBody, step: BodyStep): Promise<unknown> {
  if (step.kind === 'mount') return body.mount(step.config)
  return step.typed === undefined ? body.route(step.route) : body.typed(step.typed)
}

// Not properties of the middleware, which are visible to the app.
const steps = new WeakMap<object, BodyStep>()

/** Records the step of a middleware, for `describe()`. @returns the middleware */
export function noteStep<Middleware extends object>(middleware: Middleware, step: BodyStep): Middleware {
  steps.set(middleware, step)
  return middleware
}

/** The step of a middleware; `undefined` if it is not Formgate's. */
export function stepOf(middleware: unknown): BodyStep | undefined {
  return typeof middleware === 'function' ? steps.get(middleware) : undefined
}
