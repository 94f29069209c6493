/** Formgate for Fastify. */
import type { FilesByField, Part } from '@formgate/core'
import type { bodyType } from './parsing-hook.js'

export * from '@formgate/core'
export { multipart } from './plugin.js'
export { body, form, parsers, type ParsingRoute, type TypedParsingRoute } from './route.js'

declare module 'fastify' {
  interface FastifyRequest<
    RouteGeneric,
    RawServer,
    RawRequest,
    SchemaCompiler,
    TypeProvider,
    ContextConfig,
    Logger,
    RequestType,
  > {
    /** Fields and files together, or the value that the parser returned. */
    data: RequestType['body']
    /** The files of the request, as a list per field name. */
    files: FilesByField
    /**
     * The bytes of a JSON body, a URL-encoded form or a text, as a Buffer, with the option `rawBody`. The type is that of
     * fastify-raw-body, since two declarations must agree.
     */
    rawBody?: string | Buffer
    /** Parses the body, unless it is already parsed. For `register(multipart, { lazy: true })`. */
    parse(): Promise<{ data: RequestType['body']; files: FilesByField }>
    /** The parts of a multipart form as they arrive, not stored. For `register(multipart, { lazy: true })`. */
    parts(): AsyncIterableIterator<Part>
    /** Never there. Types only. */
    [bodyType]?(body: RequestType['body']): void
  }
}
