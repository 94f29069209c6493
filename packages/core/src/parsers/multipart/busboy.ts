/**
 * The one file that touches busboy.
 *
 * busboy reads the parts, but it is never shown what the client sent: it drops parts whose header it cannot read, and
 * takes for a part what stands behind the closing delimiter. Formgate finds the parts and reads their headers, and gives
 * busboy a body in which every header is one of two that busboy knows and the boundary is one that no client can guess.
 * See docs/decisions/0003-busboy-reads-a-normal-form.md.
 */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import createBusboy from 'busboy'

const boundary = randomBytes(24).toString('hex')
const fieldPart = Buffer.from(`\r\n--${boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n`)
const filePart = Buffer.from(
  `\r\n--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n`,
)
const closing = Buffer.from(`\r\n--${boundary}--\r\n`)

/** Pieces below this size are joined before busboy sees them: a call costs more than a copy. */
const smallPiece = 16 * 1024

/** Every limit is Formgate's own, since busboy's fire at N instead of N + 1, or not at all. */
const noLimits = {
  fieldNameSize: Infinity,
  fieldSize: Infinity,
  fields: Infinity,
  fileSize: Infinity,
  files: Infinity,
  parts: Infinity,
  headerPairs: Infinity,
}

/** Reads parts: the value of each field, a stream for each file. */
export class PartReader {
  readonly #busboy: ReturnType<typeof createBusboy>
  readonly #fields: ((value: string) => void)[] = []
  readonly #files: ((stream: Readable) => void)[] = []
  #pieces: Buffer[] = []
  #failure: Error | undefined
  #settle: { resolve: () => void; reject: (reason: Error) => void } | undefined

  constructor() {
    this.#busboy = createBusboy({
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      limits: noLimits,
    })
    this.#busboy.on('field', (_, value) => this.#fields.shift()?.(value))
    this.#busboy.on('file', (_, stream) => this.#files.shift()?.(stream))
    this.#busboy.on('close', () => this.#settle?.resolve())
    // Stays on: busboy reports some errors late, and some twice.
    this.#busboy.on('error', (error) => this.fail(error))
  }

  /** A field begins. @param onValue called with the whole value, decoded as UTF-8, when its part is complete */
  openField(onValue: (value: string) => void): void {
    this.#fields.push(onValue)
    this.#pieces.push(fieldPart)
  }

  /** A file begins. @param onStream called with its stream; nothing further is read until that has been read */
  openFile(onStream: (stream: Readable) => void): void {
    this.#files.push(onStream)
    this.#pieces.push(filePart)
  }

  /** More of the part that was opened last. */
  content(piece: Buffer): void {
    this.#pieces.push(piece)
  }

  /** Lets busboy read what has come so far; resolves when there is room for more. */
  async flush(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = []
    for (const piece of joinSmall(pieces)) {
      await this.#settled((done) => this.#busboy.write(piece, done))
    }
  }

  /** There are no more parts. Resolves when every stream has been read to its end. */
  async end(): Promise<void> {
    this.#pieces.push(closing)
    await this.flush()
    await this.#settled(() => this.#busboy.end())
    const lost = this.#fields.length + this.#files.length
    if (lost > 0) throw new Error(`busboy has lost ${lost} parts of the body.`)
  }

  /** Stops reading: the open stream is destroyed with the error, and whoever waits gets it. */
  fail(error: unknown): void {
    this.#failure ??=
      error instanceof Error ? error : new Error('The body was not read to its end.', { cause: error })
    this.#settle?.reject(this.#failure)
    this.#busboy.destroy(this.#failure)
  }

  #settled(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#settle = { resolve, reject }
      start((error) => (error == null ? resolve() : reject(this.#failure ?? error)))
    })
  }
}

function joinSmall(pieces: readonly Buffer[]): readonly Buffer[] {
  if (pieces.length < 2) return pieces
  const joined: Buffer[] = []
  let small: Buffer[] = []
  for (const piece of pieces) {
    if (piece.length < smallPiece) {
      small.push(piece)
    } else {
      if (small.length > 0) joined.push(Buffer.concat(small))
      joined.push(piece)
      small = []
    }
  }
  if (small.length > 0) joined.push(Buffer.concat(small))
  return joined
}
