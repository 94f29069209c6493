/** What one request may cost under default limits. */

const MiB = 1024 * 1024

/** Milliseconds of processor time that a body of this many bytes may take: 30, or 100 a MiB. */
export function allowedCpu(bytes: number): number {
  return Math.max(30, (bytes / MiB) * 100)
}

/** Milliseconds that the event loop may stand still at a stretch: 50, also for a body of 10 MiB. */
export function allowedBlock(bytes: number): number {
  return 50 * Math.max(1, bytes / (10 * MiB))
}

/** Bytes that an answer may have. */
export const allowedAnswer: number = 64 * 1024
