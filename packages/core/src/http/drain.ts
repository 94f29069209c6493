/** A refused client that is still sending: how much more is read of it, and when its connection is closed. */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import { BodyStream } from './body-stream.js'
import { cancelContinue } from './expect-continue.js'
import type { Source } from './incoming-body.js'

/** How much more it may send, and for how long. */
const drainedBytes = 1024 * 1024
const drainedTime = 5000

/** How long it is held back when it has sent as much, for it to come to read, however busy it and the way to it are. */
const readingTime = 1500

/** An answer on its way to such a client. */
export interface LastAnswer {
  /** When it has been handed over. */
  readonly handedOver: Promise<unknown>
  /** Whether the last byte of it has gone to the socket. */
  readonly isSent: () => boolean
}

/**
 * Reads what the client still sends and throws it away, at most 1 MiB and for at most 5 s: a client that is cut off while
 * it sends does not read the answer.
 *
 * @returns when the body has ended or enough was read
 */
export function drain(source: Source, { handedOver, isSent }: LastAnswer): Promise<void> {
  const { request } = source
  source.isDiscarded = true
  // It has its answer, and nothing is wanted of it.
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
      // Whoever has answered may have set it going again.
      request.pause()
      // A client that knows that nothing more comes is not told of a reset when it sends, and goes on to read.
      if (isSent() && request.socket instanceof Socket) request.socket.end()
      clearTimeout(timer)
      // Not unref'ed: a socket that is not read from does not keep the process up.
      timer = setTimeout(done, readingTime)
    }
    let timer = setTimeout(done, drainedTime).unref()
    if (!source.isIncoming) return done()
    request.on('error', done).on('end', done).on('close', done).on('data', count).resume()
  })
}

/**
 * Closes the connection of a client whose error was passed on, when it has sent so much or for so long: whoever answers
 * it then may not see to that.
 */
export async function cutOff(source: Source): Promise<void> {
  const { request } = source
  if (request.httpVersionMajor > 1) return source.stopWhenAnswered()
  await drain(source, {
    handedOver: new Promise<void>((resolve) => source.onResponseEnd(resolve)),
    isSent: () => source.isAnswered,
  })
  if (!source.isIncoming) return
  if (request.socket instanceof Socket) request.socket.destroySoon()
  else request.destroy()
}

/**
 * Reads the rest of a body and throws it away, so that the answer reaches its client and the connection can carry the
 * next request. A client that goes past a limit is cut off when it has its answer.
 */
export function discardRest(
  source: Source,
  { bodySize, idle, total }: Pick<Limits, 'bodySize' | 'idle' | 'total'>,
): void {
  const { request } = source
  if (request.readableEnded || request.destroyed || source.isDiscarded) return
  // Whatever a framework has put in the place of the request would hold the rest back.
  request.unpipe()
  source.isDiscarded = true
  const rest = new BodyStream(request, {
    limit: bodySize,
    idle,
    total,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  rest.on('error', () => source.onResponseEnd(() => request.destroy())).resume()
  if (!(request instanceof IncomingMessage)) return
  // Node does not tell a request that has been answered of the end of its connection.
  const { socket } = request
  const lose = (): unknown => rest.destroy(new BodyError('CLIENT_ABORTED'))
  socket.once('close', lose)
  rest.once('close', () => socket.off('close', lose))
}
