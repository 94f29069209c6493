/** What an adapter to a framework is made of. */
export { resolveMount, RouteConfig } from './options.js'
export type { ProblemAnswer, Reaction } from './problem.js'
export { TypedRoute } from './typed-route.js'
export { openBody, type RequestBody } from './request-body.js'
export { sendProblem } from './send-problem.js'
