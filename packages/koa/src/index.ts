/** Formgate for Koa. */
export * from '@formgate/core'
export { describe, type DescribedApp } from './describe.js'
export { body, form, multipart, parsers, type TypedMiddleware } from './middleware.js'
