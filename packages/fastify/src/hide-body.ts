/** Keeps Fastify from parsing a body that has been read. */
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'

/** Methods whose body Fastify does not look at, so that nothing has to be hidden. */
const bodyless = new Set(['GET', 'HEAD', 'TRACE'])

const noBody = { 'content-length': undefined, 'transfer-encoding': undefined }

/** A QUERY must have a Content-Type; of an empty text Fastify reads the headers twice. */
const emptyText = { 'content-length': '0' }

/** What is used of a request. What is assigned to its headers is laid over those of the client; `undefined` is nothing. */
interface ReadRequest {
  readonly raw: { readonly headers: IncomingHttpHeaders }
  readonly method: string
  get headers(): IncomingHttpHeaders
  set headers(fields: object | undefined)
}

/**
 * Fastify decides by `request.headers`, once, whether there is a body to parse: for that one look there is none.
 *
 * @returns the stream to parse, where it is not to be the one that has been read
 */
export function hideBody(request: ReadRequest, isMounted: boolean): Readable | undefined {
  const isQuery = request.method === 'QUERY'
  // Below the plugin a QUERY meets a content type parser that reads nothing.
  if (bodyless.has(request.method) || (isQuery && isMounted)) return undefined
  if (isQuery) {
    showInstead(request, 'text/plain', emptyText, 2)
    return Readable.from([])
  }
  showInstead(request, undefined, noBody, 1)
  return undefined
}

/** Fastify answers a Content-Type that names no media type itself: for its one look there is another. */
export function hideMediaType(request: ReadRequest): void {
  if (!bodyless.has(request.method)) showInstead(request, 'application/octet-stream', {}, 1)
}

/**
 * What Fastify lays over the headers of a request at each look, as it does with what an app assigns to them; the last of
 * the looks takes it away.
 */
class Disguise {
  readonly #request: ReadRequest
  /** What the app had assigned. */
  readonly #before: object | undefined
  readonly #contentType: string | undefined
  #looks: number

  /** One for all requests: V8 would keep each of its own until the next full collection. */
  static readonly #look: PropertyDescriptor & ThisType<Disguise> = {
    enumerable: true,
    get() {
      this.#looks -= 1
      if (this.#looks === 0) this.#request.headers = this.#before
      return this.#contentType
    },
  }

  constructor(request: ReadRequest, contentType: string | undefined, fields: object, looks: number) {
    const { headers } = request
    this.#request = request
    this.#before = headers === request.raw.headers ? undefined : headers
    this.#contentType = contentType
    this.#looks = looks
    Object.assign(this, this.#before, fields)
    Object.defineProperty(this, 'content-type', Disguise.#look)
  }
}

/** The fields that the next looks at the headers find. */
function showInstead(
  request: ReadRequest,
  contentType: string | undefined,
  fields: object,
  looks: number,
): void {
  request.headers = new Disguise(request, contentType, fields, looks)
}
