/** Lets V8 free the pieces of a large file while they are young. */

const KiB = 1024

/** Two of them do not fit into a page of 256 KiB, so that each uses up one, of which it fills half. V8 keeps larger arrays elsewhere. */
const elements = (128 * KiB - 64) / 8

/** Bytes written for each page: a young space of 16 MiB is used up by 6.5 MB. */
const bytesPerPage = 100 * KiB

/** Of the last page, so that V8 cannot see that nobody needs it. */
const garbage: { last?: readonly unknown[] } = {}

/** Bytes that were written since. */
let written = 0

/**
 * Uses up V8's space for young objects as bytes are written: ten microseconds for each 100 KiB.
 *
 * The bytes of a piece lie outside of the heap. V8 collects young objects when their space is full, or when 32 MB hang on
 * them from outside. That is late: it takes what has just been freed for growth, and marks the whole heap, eight to
 * thirteen times for 256 MB. Where their space is full before, the pieces go with it
 * (docs/decisions/0019-pieces-die-young.md).
 */
export function freeYoung(bytes: number): void {
  for (written += bytes; written >= bytesPerPage; written -= bytesPerPage) {
    // Array.from() takes seventy times as long.
    // oxlint-disable-next-line unicorn/no-new-array
    garbage.last = new Array(elements)
  }
}
