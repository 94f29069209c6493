/** Sends "100 Continue" when the body is first read, so that a request can be refused by its headers. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** Requests whose client waits for "100 Continue". */
const waiting = new WeakSet<Request>()

/**
 * Defers "100 Continue" (RFC 9110, 10.1.1) on the server of this request, from its next request on.
 *
 * Node sends it before any listener sees the request, so that clients also send bodies that are refused. Servers with their
 * own "checkContinue" listener are left alone, and so are servers whose requests never reach Formgate.
 */
export function deferContinue(request: Request): void {
  const server = serverOf(request)
  if (server !== undefined && server.listenerCount('checkContinue') === 0)
    server.on('checkContinue', continueOnRead)
}

/** Discards the deferred "100 Continue": draining the rest of the body does not send it. */
export function cancelContinue(request: Request): void {
  if (waiting.delete(request)) Reflect.deleteProperty(request, '_read')
}

/** Node sets `server` on every connection, but does not document it. A request that a test injects has none, or `null`. */
function serverOf(request: Request): EventEmitter | undefined {
  if (request.httpVersionMajor > 1) {
    // The socket of an ended HTTP/2 session throws on every access.
    const { session } = (request as Http2ServerRequest).stream
    if (session === undefined || session.destroyed) return undefined
  }
  return (request.socket as { server?: EventEmitter | null } | null)?.server ?? undefined
}

function continueOnRead(this: EventEmitter, request: Request, response: Response): void {
  // A listener that the app has added since handles the request.
  if (this.listenerCount('checkContinue') > 1) return
  waiting.add(request)
  request._read = (size) => {
    cancelContinue(request)
    if (!response.headersSent) response.writeContinue()
    request._read(size)
  }
  this.emit('request', request, response)
}
