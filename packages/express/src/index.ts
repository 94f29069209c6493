/** Formgate for Express. */
export * from '@formgate/core'
export {
  body,
  form,
  multipart,
  parsers,
  problems,
  type ErrorMiddleware,
  type Middleware,
  type TypedMiddleware,
} from './middleware.js'
export { describe } from './describe.js'
