/** Formgate for Koa. */
import type { FilesByField, Part } from '@formgate/core'

export * from '@formgate/core'
export { body, form, multipart, parsers, type TypedMiddleware } from './middleware.js'

declare module 'koa' {
  interface Request {
    /** Fields and files together, or the value that the parser returned. */
    data: unknown
    /** The files of the request, as a list per field name. */
    files: FilesByField
    /** Parses the body, unless it is already parsed. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: unknown; files: FilesByField }>
    /** The parts of a multipart form as they arrive, not stored. For `multipart({ lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
  }
}
