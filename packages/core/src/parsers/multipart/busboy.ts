/**
 * The one file that touches busboy: it gives each file of a form its stream.
 *
 * busboy is never shown what the client sent. It drops parts whose header it cannot read, takes for a part what stands
 * behind the closing delimiter, and has fields that are `undefined`. Formgate finds the parts and reads their headers
 * and fields, and gives busboy the files in a form that it cannot misread, with one header and a boundary that no client
 * can guess. See docs/decisions/0003-busboy-streams-the-files.md.
 */
import { randomInt } from 'node:crypto'
import type { Readable } from 'node:stream'
import createBusboy from 'busboy'
import { markDiscreet } from '../../own-pieces.js'

/**
 * Four of the rarest bytes of text, and no more than four: busboy's search skips by the length of its boundary wherever
 * it meets a byte that is not in it. With 60 characters of 22 kinds it took a sixth of the CPU of a large upload.
 */
const boundaryCharacters = '^`|~'

/** 480 random bits, made once and never shown. */
const boundary = Array.from({ length: 240 }, () => boundaryCharacters[randomInt(4)]).join('')
const delimiter = Buffer.from(`\r\n--${boundary}`)
const fileHeader = Buffer.from('\r\nContent-Disposition:form-data;filename=f\r\n\r\n')
const closing = Buffer.from('--\r\n')

/** Below this size a part of a piece is copied beside others before busboy sees it: a call costs more than the copy. */
const smallPart = 32 * 1024

/** Below this size a whole piece is copied as well; a larger one comes with a call of its own anyway. */
const smallPiece = 4 * 1024

/** Up to here a loop is faster than a call of `copy`, which takes as long as 100 turns. */
const shortRun = 64

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

/** Takes the stream of a file. */
export type FileSink = (stream: Readable) => void

/** Gives each file its stream. */
export class FileReader {
  readonly #busboy: ReturnType<typeof createBusboy>
  /** In the order of the files, which is the order in which busboy tells of them. */
  readonly #sinks: FileSink[] = []
  readonly #outbox = new Outbox()
  #failure: Error | undefined
  /** The stream of the last file. */
  #stream: Readable | undefined
  /** Whether some bytes wait until those before them have been read. */
  #isHolding = false
  /** What somebody waits for. */
  #wait: { event: 'drain' | 'close'; resolve: () => void; reject: (reason: Error) => void } | undefined

  constructor() {
    this.#busboy = createBusboy({
      headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
      limits: noLimits,
      // So that "drain" comes whenever everything has been read.
      highWaterMark: 1,
    })
    this.#busboy.on('file', (_, stream) => {
      markDiscreet(stream)
      this.#stream = stream
      const read = stream.read.bind(stream)
      stream.read = (size?: number): unknown => {
        if (this.#isHolding) this.#write()
        return read(size)
      }
      this.#sinks.shift()?.(stream)
    })
    this.#busboy.on('drain', () => this.#happened('drain'))
    this.#busboy.on('close', () => this.#happened('close'))
    // Stays on: busboy reports some errors late, and some twice.
    this.#busboy.on('error', (error) => this.fail(error))
    this.#outbox.add(delimiter, 0, delimiter.length)
  }

  /** A file begins. @param sink is called with its stream; nothing further is read until that has been read */
  open(sink: FileSink): void {
    this.#sinks.push(sink)
    this.#outbox.add(fileHeader, 0, fileHeader.length)
  }

  /** More of the file that was opened last: the bytes of `piece` from `from` up to, not with, `to`. */
  add(piece: Buffer, from: number, to: number): void {
    this.#outbox.add(piece, from, to)
  }

  /** The file that was opened last is complete: its stream ends. */
  close(): void {
    this.#outbox.add(delimiter, 0, delimiter.length)
  }

  /** Lets busboy read what has come so far. @returns a promise where it has no room for more yet */
  flush(): Promise<void> | undefined {
    // Each piece that waits for its reader is an object of some hundred bytes, and a client may send every byte alone.
    const { readableLength = 0, destroyed = false } = this.#stream ?? {}
    if (readableLength > 0 && !destroyed && this.#outbox.size < smallPiece) {
      this.#isHolding = true
      return undefined
    }
    this.#write()
    const isDone = this.#failure === undefined && this.#busboy.writableLength === 0
    return isDone ? undefined : this.#until('drain')
  }

  #write(): void {
    this.#isHolding = false
    const pieces = this.#outbox.take()
    let left = 0
    for (const piece of pieces) left += piece.length
    for (const piece of pieces) {
      left -= piece.length
      this.#busboy.write(piece)
    }
    // Several files may share the memory of a piece, which the reader of one of them may have handed over.
    if (left !== 0)
      this.fail(new Error('A reader of a file has transferred the memory of other bytes with it.'))
  }

  /** There are no more files. Resolves when every stream has been read to its end. */
  async end(): Promise<void> {
    this.#outbox.add(closing, 0, closing.length)
    this.#write()
    this.#busboy.end()
    await this.#until('close')
    if (this.#sinks.length > 0) throw new Error(`busboy has lost ${this.#sinks.length} files.`)
  }

  /** Stops reading: the open stream is destroyed with the error, and whoever waits gets it. */
  fail(error: unknown): void {
    this.#failure ??=
      error instanceof Error ? error : new Error('The body was not read to its end.', { cause: error })
    this.#wait?.reject(this.#failure)
    this.#busboy.destroy(this.#failure)
  }

  #until(event: 'drain' | 'close'): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure === undefined) this.#wait = { event, resolve, reject }
      else reject(this.#failure)
    })
  }

  #happened(event: 'drain' | 'close'): void {
    if (this.#wait?.event === event) this.#wait.resolve()
  }
}

/** The bytes on their way to busboy. */
class Outbox {
  #ready: Buffer[] = []
  /** Where small pieces are copied together; what lies before `#start` is ready. */
  #block = Buffer.alloc(0)
  #start = 0
  #end = 0

  add(piece: Buffer, from: number, to: number): void {
    const size = to - from
    if (size >= smallPart || (size >= smallPiece && size === piece.length)) {
      this.#seal()
      this.#ready.push(piece.subarray(from, to))
      return
    }
    if (this.#end + size > this.#block.length) {
      this.#seal()
      // The first block is that of a small form, and comes from Buffer's pool.
      this.#block = Buffer.allocUnsafe(this.#block.length === 0 ? Math.max(size, 2048) : smallPart)
      this.#start = 0
      this.#end = 0
    }
    if (size === piece.length) this.#block.set(piece, this.#end)
    else if (size > shortRun) piece.copy(this.#block, this.#end, from, to)
    else for (let at = 0; at < size; at += 1) this.#block[this.#end + at] = piece[from + at]!
    this.#end += size
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#ready.length === 0 ? this.#end - this.#start : Infinity
  }

  take(): readonly Buffer[] {
    this.#seal()
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #seal(): void {
    if (this.#end > this.#start) this.#ready.push(this.#block.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}
