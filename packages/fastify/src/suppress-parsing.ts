/** Prevents Fastify from parsing a body that has been read, or from refusing one that has not. */
import { Readable } from 'node:stream'
import type { RequestBody } from '@formgate/core/adapter'
import type { FastifyRequest } from 'fastify'
import { bodyless } from './app-parsers.js'

const noBody = { 'content-length': undefined, 'transfer-encoding': undefined }

/**
 * Fastify reads `request.headers` once to see whether there is a body: that once, the headers say no.
 *
 * @returns the stream to parse instead, if Fastify needs one
 */
export function suppressParsing(
  request: FastifyRequest,
  { isRead, isMounted, source }: RequestBody,
): Readable | undefined {
  if (bodyless.has(request.method)) return undefined
  if (!isRead) {
    // Fastify refuses a malformed Content-Type: the one time it looks, there is another.
    if (source.headers['content-type'] !== undefined && !source.mediaType?.essence)
      setHeaders(request, new OneTimeHeaders(request, 'application/octet-stream', {}, 1))
  } else if (request.method !== 'QUERY') {
    setHeaders(request, new OneTimeHeaders(request, undefined, noBody, 1))
  } else if (!isMounted) {
    // Fastify refuses a QUERY without a Content-Type. The parser of the plugin reads nothing; another one gets an empty
    // text, for whose length Fastify reads the headers a second time.
    setHeaders(request, new OneTimeHeaders(request, 'text/plain', { 'content-length': '0' }, 2))
    keepBody(request)
    return Readable.from([])
  }
  return undefined
}

/** Fastify merges these fields into the headers of the client at each access. */
function setHeaders(request: FastifyRequest, fields: object | undefined): void {
  ;(request as { headers: object | undefined }).headers = fields
}

/** Headers that disappear after a number of accesses. */
class OneTimeHeaders {
  readonly #request: FastifyRequest
  /** Headers that the app has assigned. */
  readonly #before: object | undefined
  readonly #contentType: string | undefined
  #accesses: number

  /** Shared by all requests: V8 would keep one per request until the next full collection. */
  static readonly #access: PropertyDescriptor & ThisType<OneTimeHeaders> = {
    enumerable: true,
    get() {
      this.#accesses -= 1
      if (this.#accesses === 0) setHeaders(this.#request, this.#before)
      return this.#contentType
    },
  }

  constructor(request: FastifyRequest, contentType: string | undefined, fields: object, accesses: number) {
    const { headers } = request
    this.#request = request
    this.#before = headers === request.raw.headers ? undefined : headers
    this.#contentType = contentType
    this.#accesses = accesses
    Object.assign(this, this.#before, fields)
    Object.defineProperty(this, 'content-type', OneTimeHeaders.#access)
  }
}

/** Keeps the body of a request when Fastify assigns an empty text. */
function keepBody(request: FastifyRequest): void {
  const { body } = request
  const property = { configurable: true, enumerable: true }
  const set = (assigned: unknown): void => {
    const value = assigned === '' ? body : assigned
    Object.defineProperty(request, 'body', { ...property, value, writable: true })
  }
  Object.defineProperty(request, 'body', { ...property, get: () => body, set })
}
