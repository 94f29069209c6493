/** What a middleware does with a body: noted beside it when it is made, for whoever describes an app. */
import type { Config, RouteConfig } from '../options.js'
import type { TypedRoute } from '../typed-route.js'

/** A `multipart()`, or what a route has of its own. */
export type BodyStep =
  | { readonly kind: 'mount'; readonly config: Config }
  | { readonly kind: 'route'; readonly route: RouteConfig; readonly typed?: TypedRoute }

// Beside the middlewares and not on them: an app sees plain functions, and a request nothing of this.
const steps = new WeakMap<object, BodyStep>()

/** Notes what a middleware does. @returns the middleware */
export function noteStep<Middleware extends object>(middleware: Middleware, step: BodyStep): Middleware {
  steps.set(middleware, step)
  return middleware
}

/** What a middleware does with a body; `undefined` where it is none of Formgate's. */
export function stepOf(middleware: unknown): BodyStep | undefined {
  return typeof middleware === 'function' ? steps.get(middleware) : undefined
}
