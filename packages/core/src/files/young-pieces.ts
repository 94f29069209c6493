/** Lets V8 free the pieces of a large file while they are young. */

/** Bytes. V8 keeps arrays of more than 128 KiB elsewhere. */
const most = 64 * 1024
const bytesPerElement = 8

/** Of the last bytes, so that V8 cannot see that nobody needs it. */
const garbage: { last?: readonly unknown[] } = {}

/**
 * Leaves as many bytes of garbage inside of V8's heap as have been written: four microseconds for 64 KiB.
 *
 * The bytes of a piece lie outside of the heap. V8 collects young objects when their space is full, or when 32 MB hang on
 * them from outside. That is late: it takes what has just been freed for growth, and marks the whole heap, eight to
 * thirteen times for 256 MB. With garbage their space is full before, and the pieces go with it
 * (docs/decisions/0019-pieces-die-young.md).
 */
export function freeYoung(written: number): void {
  for (let left = written; left > 0; left -= most) {
    // Array.from() takes seventy times as long.
    // oxlint-disable-next-line unicorn/no-new-array
    garbage.last = new Array(Math.floor(Math.min(left, most) / bytesPerElement))
  }
}
