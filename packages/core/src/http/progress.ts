/** Reports to the app how much of a body has arrived, and every error. */

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
export type ProgressListener<Request = FrameworkRequest> = {
  listen(progress: Progress, request: Request): void | Promise<void>
}['listen']

/**
 * Called once for every error of a body: those that Formgate answers, those that it passes on, and `CLIENT_ABORTED`. A
 * `BodyError` of a handler counts, if it reaches Formgate. The answer does not wait for a promise that it returns.
 *
 * An error of its own changes no answer: it is a process warning (`FormgateWarning`, code `FORMGATE_ON_ERROR`).
 *
 * Typed as a method, as `ProgressListener` is.
 */
export type ErrorListener<Request = FrameworkRequest> = {
  listen(error: unknown, request: Request): void | Promise<void>
}['listen']

const warningCodes = { onProgress: 'FORMGATE_PROGRESS', onError: 'FORMGATE_ON_ERROR' } as const

/**
 * Calls a listener. Its own error is a process warning, unless it can fail the request.
 *
 * @param fail fails the request with an error. Returns false if it is too late for that.
 */
export function callListener(
  name: keyof typeof warningCodes,
  call: () => unknown,
  fail: (error: Error) => boolean = () => false,
): void {
  const take = (error: unknown): void => {
    const failure = error instanceof Error ? error : new Error(`${name} has failed.`, { cause: error })
    if (fail(failure)) return
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.emitWarning(`${name} has failed.`, { type: 'FormgateWarning', code: warningCodes[name], detail })
  }
  try {
    // Not `instanceof`: a promise may be of another realm, as in Jest.
    const called = call() as Partial<Promise<unknown>> | undefined
    called?.then?.(undefined, take)
  } catch (error) {
    take(error)
  }
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
