/** Whether a body has begun, and whether it has come to its end. */
import type { Readable } from 'node:stream'
import { idleTimeout } from './body-stream.js'

/** Whether the last byte has arrived. A request that a test injects has no such mark but its own end. */
export function isWhole(request: Readable): boolean {
  return (request as { complete?: boolean }).complete ?? request.readableEnded
}

/**
 * Waits without reading: "readable" comes when a byte has arrived, and at the end.
 *
 * @param idle milliseconds to wait
 * @throws BodyError `IDLE_TIMEOUT`
 */
export function firstByteOrEnd(stream: Readable, request: Readable, idle: number): Promise<void> {
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
      reject(idleTimeout(idle))
    }
    const timer = idle === Infinity ? undefined : setTimeout(late, idle).unref()
    stream.on('readable', done).on('end', done).on('error', done).on('close', done)
    request.on('close', closed)
  })
}
