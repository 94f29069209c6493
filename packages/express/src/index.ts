/** Formgate for Express. */
export * from '@formgate/core'
export { multipart, parsers, problems, type ErrorMiddleware, type Middleware } from './middleware.js'
