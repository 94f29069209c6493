/** Tells the operator, and not the client, that a file could not be removed. */

import type { StoredFile } from './storage.js'

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

/** The `code` of a system error, such as `ENOENT`; `''` for what has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Removes it. @returns a promise where there is something to wait for; it rejects with whatever the storage throws */
export function removeStored(stored: StoredFile): Promise<void> | void {
  try {
    return stored.remove()
  } catch (error) {
    return rejected(error)
  }
}

async function rejected(reason: unknown): Promise<void> {
  throw reason
}
