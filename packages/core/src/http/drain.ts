/** Drains the body of a client that is still sending after its request was refused. */

import { Socket } from 'node:net'
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import { BodyStream, watchConnection } from './body-stream.js'
import { cancelContinue } from './expect-continue.js'
import type { IncomingBody } from './incoming-body.js'

/** The bytes and milliseconds that are drained at most. */
const drainedBytes = 1024 * 1024
const drainedTime = 5000

/** Milliseconds after `drainedBytes` in which a client can read the answer before its connection is closed. */
const readingTime = 1500

/**
 * Discards what the client still sends, at most 1 MiB and for at most 5 s: a client whose connection is closed while it sends
 * does not read the answer.
 *
 * @param handedOver resolves when the answer has been handed to the framework
 * @param isSent returns true once the last byte of the answer is in the socket
 * @returns when the body has ended, or when a limit is reached
 */
export function drain(
  source: IncomingBody,
  handedOver: Promise<unknown>,
  isSent: () => boolean,
): Promise<void> {
  const { request } = source
  source.isDiscarded = true
  // The client has its answer: it need not send the body.
  cancelContinue(request)
  return new Promise((resolve) => {
    let left = drainedBytes
    const done = (): void => {
      clearTimeout(timer)
      request.off('data', count).off('end', done).off('close', done).pause()
      resolve()
    }
    const count = (chunk: Buffer): void => {
      left -= chunk.length
      if (left > 0) return
      request.off('data', count).pause()
      void handedOver.then(letRead)
    }
    const letRead = (): void => {
      // The app may have resumed it.
      request.pause()
      // After this FIN the client's next write does not fail, and the client goes on to read.
      if (isSent() && request.socket instanceof Socket) request.socket.end()
      clearTimeout(timer)
      // Not unref'ed: a paused socket does not keep the process alive.
      timer = setTimeout(done, readingTime)
    }
    let timer = setTimeout(done, drainedTime).unref()
    if (!source.isIncoming) return done()
    request.on('error', done).on('end', done).on('close', done).on('data', count).resume()
  })
}

/**
 * Drains a body and closes its connection if the client goes on sending. For an error that was passed on: the app's answer may
 * leave the connection open.
 */
export async function cutOff(source: IncomingBody): Promise<void> {
  const { request } = source
  if (request.httpVersionMajor > 1) return source.stopWhenAnswered()
  const answered = new Promise<void>((resolve) => source.onResponseEnd(resolve))
  await drain(source, answered, () => source.isAnswered)
  if (!source.isIncoming) return
  if (request.socket instanceof Socket) request.socket.destroySoon()
  else request.destroy()
}

/**
 * Discards the rest of a body, so that the answer reaches the client and the connection can carry the next request. If the
 * rest exceeds a limit, the connection is closed after the answer.
 */
export function discardRest(
  source: IncomingBody,
  { bodySize, idle, total }: Pick<Limits, 'bodySize' | 'idle' | 'total'>,
): void {
  const { request } = source
  if (request.readableEnded || request.destroyed || source.isDiscarded) return
  // A stream that a framework has piped the request to would apply backpressure.
  request.unpipe()
  source.isDiscarded = true
  const rest = new BodyStream(request, {
    limit: bodySize,
    idle,
    total,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  const endWatch = watchConnection(request, request, () => rest.destroy(new BodyError('CLIENT_ABORTED')))
  rest
    .on('close', endWatch)
    .on('error', () => source.onResponseEnd(() => request.destroy()))
    .resume()
}
