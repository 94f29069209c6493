/** Formgate for Fastify. */
export * from '@formgate/core'
export { multipart } from './plugin.js'
export { parsers, type ParsingRoute } from './route.js'
