/** The header of one part, collected from the pieces that it comes in. */

const CR = 13
const LF = 10
const endOfHeader = Buffer.from('\r\n\r\n')
const nothing = Buffer.alloc(0)

/** Collects up to the empty line. Pieces are copied only where a header spans several. */
export class HeaderBytes {
  #room = nothing
  /** The header so far, and all of it once `add` has found its end. */
  bytes: Buffer = nothing

  /**
   * Takes bytes of `piece` from `from` on.
   *
   * @returns where the content begins that stands behind the header; `undefined` if the header goes on
   */
  add(piece: Buffer, from: number): number | undefined {
    if (this.bytes.length === 0) return this.#begin(piece, from)
    const known = this.bytes.length
    this.#append(piece, from)
    const end = headerEnd(this.bytes, 0, known)
    if (end === undefined) return undefined
    this.bytes = this.bytes.subarray(0, end.header)
    // What was known belongs to earlier pieces, and the empty line may have begun there.
    return from + end.next - known
  }

  /** The header, and room for the next one. */
  take(): Buffer {
    const { bytes } = this
    this.bytes = nothing
    this.#room = nothing
    return bytes
  }

  #begin(piece: Buffer, from: number): number | undefined {
    const end = headerEnd(piece, from, from)
    this.bytes = piece.subarray(from, end?.header)
    return end?.next
  }

  #append(piece: Buffer, from: number): void {
    const known = this.bytes.length
    const size = known + piece.length - from
    if (size > this.#room.length) {
      // Twice the room each time: a header that comes byte by byte is not copied for every byte.
      const room = Buffer.allocUnsafe(size * 2)
      this.bytes.copy(room)
      this.#room = room
    }
    piece.copy(this.#room, known, from)
    this.bytes = this.#room.subarray(0, size)
  }
}

/** Where the header from `start` on ends: at once, if it is empty, or else at an empty line. */
function headerEnd(
  bytes: Buffer,
  start: number,
  known: number,
): { header: number; next: number } | undefined {
  if (bytes[start] === CR && bytes[start + 1] === LF) return { header: start, next: start + 2 }
  const found = bytes.indexOf(endOfHeader, Math.max(start, known - endOfHeader.length + 1))
  return found === -1 ? undefined : { header: found, next: found + endOfHeader.length }
}
