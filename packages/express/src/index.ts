/** Formgate for Express. */
import type { FilesByField, Part } from '@formgate/core'

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

declare module 'express-serve-static-core' {
  // A merge repeats the parameters of the interface that it merges with, its `any` included.
  // oxlint-disable-next-line typescript/no-explicit-any
  interface Request<P, ResBody, ReqBody, ReqQuery, LocalsObj extends Record<string, any>> {
    /** Fields and files together, or whatever the parser returned. */
    data: ReqBody
    /** The files of the request by field name; always lists. */
    files: FilesByField
    /** Parses the body now, if that has not been done. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: ReqBody; files: FilesByField }>
    /** The parts of a multipart form as they arrive, stored nowhere. For `multipart({ lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
  }
}
