/** Sends "100 Continue" when the body is first read, so that a refusal by the headers alone comes before it. */
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
 * Node sends it before any listener has seen the request, so the client of an upload that is refused sends the body all
 * the same. A server with a "checkContinue" listener of its own is left alone, and so is every server that Formgate has
 * had no request of.
 */
export function deferContinue(request: Request): void {
  const server = serverOf(request)
  if (server !== undefined && server.listenerCount('checkContinue') === 0)
    server.on('checkContinue', continueOnRead)
}

/** The body of this request is not wanted: reading the rest of it does not send "100 Continue". */
export function cancelContinue(request: Request): void {
  if (waiting.delete(request)) Reflect.deleteProperty(request, '_read')
}

/** Node sets `server` on every connection, but does not document it. A request that a test injects has none, or `null`. */
function serverOf(request: Request): EventEmitter | undefined {
  if (request.httpVersionMajor > 1) {
    // After a session of HTTP/2 has ended, every access to its socket throws.
    const { session } = (request as Http2ServerRequest).stream
    if (session === undefined || session.destroyed) return undefined
  }
  return (request.socket as { server?: EventEmitter | null } | null)?.server ?? undefined
}

function continueOnRead(this: EventEmitter, request: Request, response: Response): void {
  // The app has added its own listener since, which handles the request.
  if (this.listenerCount('checkContinue') > 1) return
  waiting.add(request)
  request._read = (size) => {
    cancelContinue(request)
    if (!response.headersSent) response.writeContinue()
    request._read(size)
  }
  this.emit('request', request, response)
}
