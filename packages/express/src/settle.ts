/** Handles an error of a body. */
import type { IncomingMessage } from 'node:http'
import type { BodyError } from '@formgate/core'
import { problemAnswer, sendProblem, type RequestBody } from '@formgate/core/adapter'
import type { NextFunction, Response } from 'express-serve-static-core'

/** Answers an error, or passes it to Express. @param errors replaces the option of the route or of the mount */
export async function settle(
  error: unknown,
  body: RequestBody,
  response: Response,
  next: NextFunction,
  errors?: 'respond',
): Promise<void> {
  const reaction = await body.react(error, errors)
  if (reaction.kind === 'answer') sendProblem(response, reaction)
  else if (reaction.kind === 'pass on') {
    if (body.source.isIncoming) endForLateListeners(response)
    next(error)
  }
}

/**
 * Answers a 415 while the handler runs, and discards what the handler answers. Express 4 does not catch the errors of an
 * async handler: if `data` threw there, the request would hang, and the rejection would end the process.
 */
export function refuse(error: BodyError, body: RequestBody): void {
  const response = body.source.response as Response
  if (response.headersSent) return
  for (const name of response.getHeaderNames().filter((each) => each.startsWith('content-')))
    response.removeHeader(name)
  sendProblem(response, problemAnswer(error))
  const none = (): Response => response
  Object.assign(response, {
    setHeader: none,
    removeHeader: none,
    writeHead: none,
    write: () => true,
    end: none,
  })
}

/**
 * Calls listeners for the end of the request at once if they are added before the answer. The default error handler of
 * Express waits for that end, so a client whose body is not read to its end would get no answer.
 */
function endForLateListeners(response: Response): void {
  const request: IncomingMessage = response.req
  request.on('newListener', (event, listener: () => void) => {
    if (event === 'end' && !response.headersSent) setImmediate(() => listener.call(request))
  })
}
