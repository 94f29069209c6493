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

/**
 * The type of `req.files`. Multer and express-fileupload declare theirs for every request of a project. Beside them it is
 * both types, so that their routes can cast it to their own; what you read from it is an `UploadedFile` all the same.
 */
type RequestFiles = 'files' extends keyof Express.Request
  ? FilesByField & (Express.Request extends { files?: infer Theirs } ? NonNullable<Theirs> : unknown)
  : FilesByField

declare module 'express-serve-static-core' {
  // Merging requires the same type parameters as the original, with its `any`.
  // oxlint-disable-next-line typescript/no-explicit-any
  interface Request<P, ResBody, ReqBody, ReqQuery, LocalsObj extends Record<string, any>> {
    /** Fields and files together, or the value that the parser returned. */
    data: ReqBody
    /** The files of the request, as a list per field name. */
    files: RequestFiles
    /** The bytes of a JSON body, a URL-encoded form or a text, with the option `rawBody`. */
    rawBody?: Buffer
    /** Parses the body, unless it is already parsed. For `multipart({ lazy: true })`. */
    parse(): Promise<{ data: ReqBody; files: FilesByField }>
    /** The parts of a multipart form as they arrive, not stored. For `multipart({ lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
  }
}
