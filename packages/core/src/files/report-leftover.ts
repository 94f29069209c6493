/** Tells the operator, and not the client, that a file could not be removed. */
import { codeOf } from './error-code.js'

const reported = new Set<string>()

/**
 * Emits a process warning (`FormgateWarning`, code `FORMGATE_LEFTOVER`) once per cause and process: a directory that
 * turned read-only must not fill the log with a line per upload.
 */
export function reportLeftover(error: unknown): void {
  const cause = codeOf(error) || (error instanceof Error ? error.name : 'unknown')
  if (reported.has(cause)) return
  reported.add(cause)
  const message = error instanceof Error ? error.message : String(error)
  process.emitWarning(`An uploaded file could not be removed: ${message}`, {
    type: 'FormgateWarning',
    code: 'FORMGATE_LEFTOVER',
    detail: 'Further failures with the same cause are not reported.',
  })
}
