/** Formgate for Koa. */
export * from '@formgate/core'
export { multipart, parsers } from './middleware.js'
