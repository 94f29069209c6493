/** A refused client that is still sending: how much more is read of it, and when its connection is closed. */
import { Socket } from 'node:net'
import { cancelContinue } from './expect-continue.js'
import type { Source } from './source.js'

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
