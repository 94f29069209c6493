/** Formgate for Koa. */
import type { FilesByField, Part } from '@formgate/core'

export * from '@formgate/core'
export { body, form, multipart, parsers, type TypedMiddleware } from './middleware.js'

declare module 'koa' {
  interface Request {
    /** Fields and files together, or whatever the parser returned. */
    data: unknown
    /** The files of the request by field name; always lists. */
    files: FilesByField
    /** Parses the body now, if that has not been done. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: unknown; files: FilesByField }>
    /** The parts of a multipart form as they arrive, stored nowhere. For `multipart({ lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
  }
}
