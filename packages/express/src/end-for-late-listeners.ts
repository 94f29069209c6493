/** Lets Express answer an error while the client is still sending. */
import type { Request, Response } from 'express-serve-static-core'

/**
 * Whoever listens for the end of this request from now on, before there is an answer, is called at once.
 *
 * The last error handler of Express waits for that end before it answers, and a client that is cut off on the way would
 * get no answer. Nobody else is told: the request goes on.
 */
export function endForLateListeners(request: Request, response: Response): void {
  request.on('newListener', (event, listener: () => void) => {
    if (event === 'end' && !response.headersSent) setImmediate(() => listener.call(request))
  })
}
