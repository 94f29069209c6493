/** What the adapters to frameworks use. */
import type { BodyOptions, BodyType, FormOptions } from './options/body-options.js'
import { resolveMount, RouteConfig, type MountOptions, type RouteOptions } from './options/options.js'
import type { ParserLike } from './parsers/base-parser.js'
import { registerParsers } from './parsers/registry.js'
import type { BodyStep, MountStep, RouteStep } from './request-body.js'
import { TypedRoute } from './typed-route.js'
import type { Schema } from './schema/schema.js'

export type { NodeRequest, NodeResponse } from './http/incoming-body.js'
export type { ProblemAnswer, Reaction } from './http/problem.js'
export type { BodyStep, Framework, MountStep, RequestBody, RouteStep } from './request-body.js'
export { openBody, openedBody } from './request-properties.js'
export { problemAnswer, sendProblem } from './http/problem.js'

/** The step of `multipart()`. @throws TypeError for an unknown option or an invalid value */
export function mountStep(options?: MountOptions): MountStep {
  return { kind: 'mount', config: resolveMount(options) }
}

/** The step of `parsers()`. @throws TypeError for an invalid parser, an unknown option or an invalid value */
export function parsersStep(list: readonly ParserLike[], options: RouteOptions = {}): RouteStep {
  const parsers = registerParsers(list)
  return { kind: 'route', route: new RouteConfig(() => parsers, options) }
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
