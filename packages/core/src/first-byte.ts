/** Whether a body has begun, and whether it has come to its end. */
import type { Readable } from 'node:stream'
import { idleTimeout, longestTimer, totalTimeout } from './body-stream.js'
import type { Limits } from './limits.js'

/** Whether the last byte has arrived. A request that a test injects has no such mark but its own end. */
export function isWhole(request: Readable): boolean {
  return (request as { complete?: boolean }).complete ?? request.readableEnded
}

/**
 * Waits without reading: "readable" comes when a byte has arrived, and at the end.
 *
 * @param limits how long to wait
 * @throws BodyError `IDLE_TIMEOUT` or `TOTAL_TIMEOUT`, whichever limit is the shorter
 */
export function firstByteOrEnd(
  stream: Readable,
  request: Readable,
  { idle, total }: Pick<Limits, 'idle' | 'total'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      stream.off('readable', done).off('end', done).off('error', done).off('close', done)
      request.off('close', closed)
    }
    const done = (): void => {
      stop()
      resolve()
    }
    const closed = (): void => {
      if (!isWhole(request)) done()
    }
    const late = (): void => {
      stop()
      reject(idle <= total ? idleTimeout(idle) : totalTimeout(total))
    }
    const time = Math.min(idle, total)
    const timer = time === Infinity ? undefined : setTimeout(late, Math.min(time, longestTimer)).unref()
    stream.on('readable', done).on('end', done).on('error', done).on('close', done)
    request.on('close', closed)
  })
}
