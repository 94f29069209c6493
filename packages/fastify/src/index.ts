/** Formgate for Fastify. */
export * from '@formgate/core'
export { describable, describe } from './describe.js'
export { multipart } from './plugin.js'
export { body, form, parsers, type ParsingRoute, type TypedParsingRoute } from './route.js'
