/** The report of a file that could not be removed: for the operator, never for the client. */
import { publishFile, type FileEvent } from '../events.js'

const reported = new Set<string>()

/**
 * Emits a process warning (`FormgateWarning`, code `FORMGATE_LEFTOVER`), once per cause and process: a read-only
 * directory must not fill the log with a line per upload. Publishes each on the channel `formgate:file`.
 *
 * @param file what is known of it
 */
export function reportLeftover(error: unknown, file?: Omit<FileEvent, 'outcome' | 'error' | 'toJSON'>): void {
  publishFile({ ...file, outcome: 'left over', error })
  const cause = codeOf(error) || (error instanceof Error ? error.name : 'unknown')
  if (reported.has(cause)) return
  reported.add(cause)
  const message = error instanceof Error ? error.message : String(error)
  process.emitWarning(`Cannot remove an uploaded file: ${message}`, {
    type: 'FormgateWarning',
    code: 'FORMGATE_LEFTOVER',
    detail: 'Further failures with the same cause are not reported.',
  })
}

/** The `code` of a system error, such as `ENOENT`, or `''`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
