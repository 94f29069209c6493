/** How much of a body has arrived, told while it arrives. */

import type { IncomingHttpHeaders } from 'node:http'

/** How much of a body has arrived. */
export interface Progress {
  /** Bytes so far, as they were sent: of an decompress body, those before it is decompress. */
  readonly received: number
  /** The bytes that the client has declared; `undefined` where it has declared no length. */
  readonly expected: number | undefined
}

/**
 * Is told of each chunk of a body as it arrives, 64 KiB or less, the last one included. The body does not wait for it.
 *
 * What it throws, or rejects with, fails the request as an error of its handler would. A rejection that comes when the
 * body has been read is a process warning (`FormgateWarning`, code `FORMGATE_PROGRESS`).
 *
 * A method in type, so that its `request` may be declared as the framework's own.
 */
export type ProgressListener = {
  listen(progress: Progress, request: FrameworkRequest): void | Promise<void>
}['listen']

/**
 * Calls a listener.
 *
 * @param fail takes what it throws or rejects with. @returns whether that could still fail anything
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
 * The request that the handler gets: `req` on Express, `ctx.request` on Koa, `request` on Fastify, Node's own on a plain
 * server. This is what all of them have; annotate a parameter with the framework's own type for the rest of it.
 */
export interface FrameworkRequest {
  readonly headers: IncomingHttpHeaders
  readonly method?: string | undefined
  readonly url?: string | undefined
}
