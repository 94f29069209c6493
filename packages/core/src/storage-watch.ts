/** Ends the storing of files that nobody waits for any more, or that does not go on. */
import { longestTimer } from './body-stream.js'
import { BodyError } from './errors.js'
import type { FileLedger } from './files/file-ledger.js'
import type { Source } from './source.js'

/**
 * Watches over the files of one request, from the first on until all are stored.
 *
 * While the body arrives, a slow client makes slow work, and a client that has gone is noticed by its body. After that,
 * and while the storage takes nothing of what has arrived, nobody but this would end a storage that hangs: its signal is
 * aborted when the client has gone, or when time is up.
 *
 * @param settle milliseconds after the last byte of the body, or in which a storage takes none; `Infinity` for no limit.
 * Time is up when that was so at the last look already, so after one to two times this time.
 * @returns what ends the watch
 */
export function watchStorage(source: Source, settle: number, ledger: FileLedger): () => void {
  let isOver = false
  let hadArrived = false
  let received = -1
  const look = (): void => {
    const isStuck = source.isHeldBack && source.received === received
    if (hadArrived || isStuck) ledger.abort(unsettled(settle, hadArrived))
    hadArrived = !source.isIncoming
    received = source.received
  }
  const timer = settle === Infinity ? undefined : setInterval(look, Math.min(settle, longestTimer)).unref()
  source.onResponseEnd(() => {
    // Whoever has been answered already may still be sending, and has to be read to the end.
    if (!isOver && !source.isAnswered) ledger.abort(new BodyError('CLIENT_ABORTED'))
  })
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

function unsettled(settle: number, hadArrived: boolean): BodyError {
  const detail = hadArrived
    ? `A file was not stored ${settle} milliseconds after the last byte of the body had arrived.`
    : `Storing a file took nothing of what had arrived for ${settle} milliseconds.`
  return new BodyError('STORAGE_FAILED', { detail, limit: settle })
}
