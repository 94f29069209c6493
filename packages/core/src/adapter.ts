/** What an adapter to a framework is made of. */
export { noteStep, stepOf, type BodyStep } from './description/body-step.js'
export { describeRoute, describeUnknown } from './description/route-description.js'
export { resolveMount, RouteConfig } from './options.js'
export type { ProblemAnswer, Reaction } from './problem.js'
export { TypedRoute } from './typed-route.js'
export { openBody, type RequestBody } from './request-body.js'
export { sendProblem } from './send-problem.js'
