/** The costs allowed to one request under default limits. */

const MiB = 1024 * 1024

/** Milliseconds of processor time for a body of this many bytes: 100 per MiB, and at least 30. */
export function allowedCpu(bytes: number): number {
  return Math.max(30, (bytes / MiB) * 100)
}

/** Milliseconds for which the event loop may be blocked at once: 50, also for a body of 10 MiB. */
export function allowedBlock(bytes: number): number {
  return 50 * Math.max(1, bytes / (10 * MiB))
}

/** Bytes of an answer. */
export const allowedAnswer: number = 64 * 1024
