/** Ends the storing of files that nobody waits for any more, or that has no end. */
import { BodyError } from './errors.js'
import type { FileLedger } from './files/file-ledger.js'
import type { Source } from './source.js'

/**
 * Watches over the files of one request, from the first on until all are stored.
 *
 * While the body arrives, a slow client makes slow work, and a client that has gone is noticed by its body. After that
 * nobody but this would end a storage that hangs: its signal is aborted when the client has gone, or when time is up.
 *
 * @param settle milliseconds after the last byte of the body; `Infinity` for no limit. Time is up when the body had
 * arrived at the last look already, so after one to two times this time.
 * @returns what ends the watch
 */
export function watchStorage(source: Source, settle: number, ledger: FileLedger): () => void {
  let isOver = false
  let hadArrived = false
  const look = (): void => {
    if (hadArrived) ledger.abort(unsettled(settle))
    hadArrived = !source.isIncoming
  }
  const timer = settle === Infinity ? undefined : setInterval(look, settle).unref()
  source.onResponseEnd(() => {
    // Whoever has been answered already may still be sending, and has to be read to the end.
    if (!isOver && !source.isAnswered) ledger.abort(new BodyError('CLIENT_ABORTED'))
  })
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

function unsettled(settle: number): BodyError {
  const detail = `A file was not stored ${settle} milliseconds after the last byte of the body had arrived.`
  return new BodyError('STORAGE_FAILED', { detail, limit: settle })
}
