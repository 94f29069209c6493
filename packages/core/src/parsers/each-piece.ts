/** The reading of a stream, piece by piece. */
import type { Readable } from 'node:stream'
import { BodyStream } from '../body-stream.js'

/**
 * Calls back with each piece of a stream. Where the callback returns a promise, the stream waits for it.
 *
 * As `for await` does, but at a third of its cost for a small body: it makes no iterator, and waits only when asked to.
 *
 * @returns when the stream has ended
 * @throws what the stream or the callback fails with; the stream is then destroyed
 */
export function eachPiece(
  stream: Readable,
  take: (piece: Buffer) => Promise<void> | undefined,
): Promise<void> {
  if (stream instanceof BodyStream) return stream.each(take)
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      // A destroyed stream still gives what it holds, which is nobody's any more.
      stream.off('data', onData).destroy()
      reject(error)
    }
    const onData = (piece: Buffer): void => {
      try {
        const busy = take(piece)
        if (busy === undefined) return
        stream.pause()
        busy.then(() => stream.resume(), fail)
      } catch (error) {
        fail(error as Error)
      }
    }
    const onClose = (): void => {
      // An error takes longer to make than all the rest here, and a stream that has ended is closed as well.
      if (!stream.readableEnded) reject(new Error('The stream was closed.'))
    }
    stream.on('end', resolve).on('error', reject).on('close', onClose)
    stream.on('data', onData)
  })
}
