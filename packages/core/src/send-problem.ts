/** Sends a problem on a response of Node's own. */
import type { ProblemAnswer } from './problem.js'
import type { NodeResponse } from './source.js'

/** Sends it whole, unless an answer has begun already. */
export function sendProblem(response: NodeResponse, { status, headers, body }: ProblemAnswer): void {
  if (response.headersSent) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (typeof body === 'string') response.end(body)
  else body.pipe(response as NodeJS.WritableStream)
}
