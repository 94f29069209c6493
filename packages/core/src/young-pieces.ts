/** Lets V8 free the pieces of a large body while they are young. */

/** Bytes. Smaller pieces come with as much around them inside of the heap. */
const smallestPiece = 16 * 1024
/** Bytes. Node reads no more at once from a connection. */
const largestPiece = 64 * 1024
const bytesPerElement = 8

/** Of the last piece, so that V8 cannot see that nobody needs it. */
const garbage: { last?: readonly unknown[] } = {}

/**
 * Leaves as many bytes of garbage inside of V8's heap as a piece of a body has outside of it: two microseconds for 64 KiB.
 *
 * V8 collects young objects when their space is full, or when 32 MB hang on them from outside. That is late: it takes what
 * has just been freed for growth, and marks the whole heap, eight to thirteen times for 256 MB. With garbage their space
 * is full before, and the pieces go with it. An upload costs a quarter less then, and half in a process with 32 MB in
 * its heap (docs/decisions/0019-pieces-die-young.md).
 */
export function keepYoung(piece: Uint8Array): void {
  if (piece.length < smallestPiece) return
  garbage.last = new Array(Math.floor(Math.min(piece.length, largestPiece) / bytesPerElement))
}
