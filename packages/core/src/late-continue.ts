/** "100 Continue" when somebody reads the body, so that a refusal by the headers alone comes before it. */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

/** What Node tells of a request before it has looked at its Expect header. */
interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Requests whose client waits to be told to go on. */
const waiting = new WeakSet<Readable>()

let isOn = false

/**
 * From now on the servers of this process send "100 Continue" (RFC 9110, 10.1.1) when the body is first read from.
 *
 * Node sends it before anybody has seen the request; then the client of an upload that is refused sends it all the same.
 * A server of HTTP/2 still does so.
 */
export function continueLate(): void {
  if (isOn) return
  isOn = true
  subscribe('http.server.request.start', (message) => hold(message as RequestStart))
}

/** Nobody wants the body of this request any more: its client is not told to go on. */
export function forgoContinue(request: Readable): void {
  if (waiting.delete(request)) Reflect.deleteProperty(request, '_read')
}

function hold({ request, response }: RequestStart): void {
  if (request.headers.expect?.toLowerCase() !== '100-continue') return
  // Node calls this, or a listener of "checkContinue" does; either means that the body may come.
  response.writeContinue = (callback) => {
    Reflect.deleteProperty(response, 'writeContinue')
    waiting.add(request)
    request._read = (size) => {
      forgoContinue(request)
      if (!response.headersSent) response.writeContinue(callback)
      request._read(size)
    }
  }
}
