/** Reports how much of a body has arrived. */

import type { IncomingHttpHeaders } from 'node:http'

/** How much of a body has arrived. */
export interface Progress {
  /** Bytes so far, as they were sent: those of a compressed body before decompression. */
  readonly received: number
  /** The Content-Length; `undefined` if there is none. */
  readonly expected: number | undefined
}

/**
 * Called for each chunk of a body as it arrives, at most 64 KiB each. The body does not wait for a promise that it returns.
 *
 * An error fails the request like an error of the handler. A rejection after the body was read is a process warning
 * (`FormgateWarning`, code `FORMGATE_PROGRESS`).
 *
 * Typed as a method, so that you may declare `request` with the type of your framework.
 */
export type ProgressListener = {
  listen(progress: Progress, request: FrameworkRequest): void | Promise<void>
}['listen']

/**
 * Calls a listener.
 *
 * @param fail fails the request with an error. Returns false if it is too late for that.
 */
export function tellProgress(tell: () => unknown, fail: (error: Error) => boolean): void {
  const take = (error: unknown): void => {
    if (!fail(asError(error))) warn(error)
  }
  try {
    const told = tell()
    if (told instanceof Promise) told.catch(take)
  } catch (error) {
    take(error)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('onProgress has failed.', { cause: error })
}

function warn(error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning('onProgress has failed after the body was read.', {
    type: 'FormgateWarning',
    code: 'FORMGATE_PROGRESS',
    detail: reason,
  })
}

/**
 * The request as the handler gets it: `req` on Express, `ctx.request` on Koa, `request` on Fastify, or Node's own. This type
 * has what they share: declare the parameter with the type of your framework to use the rest.
 */
export interface FrameworkRequest {
  readonly headers: IncomingHttpHeaders
  readonly method?: string | undefined
  readonly url?: string | undefined
}
