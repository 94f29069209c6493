/** Keeps Fastify from parsing a body that has been read. */
import { Readable } from 'node:stream'

/** Methods whose body Fastify does not look at, so that nothing has to be hidden. */
const bodyless = new Set(['GET', 'HEAD', 'TRACE'])

const noBody = { 'content-type': undefined, 'content-length': undefined, 'transfer-encoding': undefined }

/** A QUERY must have a Content-Type; of an empty text Fastify reads the headers twice. */
const emptyText = { 'content-type': 'text/plain', 'content-length': '0' }

/** What is read of a request. */
interface ReadRequest {
  readonly method: string
  readonly headers: unknown
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
    showInstead(request, emptyText, 2)
    return Readable.from([])
  }
  showInstead(request, noBody, 1)
  return undefined
}

/** Fastify answers a Content-Type that names no media type itself: for its one look there is another. */
export function hideMediaType(request: ReadRequest): void {
  if (!bodyless.has(request.method)) showInstead(request, { 'content-type': 'application/octet-stream' }, 1)
}

/** What a request shows in the place of its headers, and how many more times. */
interface Disguise {
  readonly headers: unknown
  readonly fields: object
  looks: number
}

const disguiseKey = Symbol('formgate headers')

/** One for all requests: V8 would keep each of its own until the next full collection. */
const disguisedHeaders: PropertyDescriptor = {
  configurable: true,
  get(this: { [disguiseKey]: Disguise; headers?: unknown }) {
    const disguise = this[disguiseKey]
    disguise.looks -= 1
    if (disguise.looks === 0) delete this.headers
    // Hooks that come later may look first, for a field of another kind.
    return Object.assign({}, disguise.headers, disguise.fields)
  },
}

/** The fields that the next looks at the headers find. */
function showInstead(request: ReadRequest, fields: object, looks: number): void {
  const disguise: Disguise = { headers: request.headers, fields, looks }
  Object.defineProperty(request, disguiseKey, { configurable: true, value: disguise })
  Object.defineProperty(request, 'headers', disguisedHeaders)
}
