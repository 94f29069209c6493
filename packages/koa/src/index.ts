/** Formgate for Koa. */
export * from '@formgate/core'
export { body, form, multipart, parsers, type TypedMiddleware } from './middleware.js'
