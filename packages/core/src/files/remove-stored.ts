/** The removal of what a storage has stored. */
import type { StoredFile } from './storage.js'

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
