/**
 * Gives each file of a form its stream, with busboy, which no other file touches.
 *
 * busboy never sees what the client sent. It drops parts whose header it cannot read, takes what follows the closing
 * delimiter for a part, and has fields that are `undefined`. Formgate finds the parts itself, reads their headers and
 * fields, and gives busboy the files with one header and a boundary that no client can guess: nothing there to misread.
 * See docs/decisions/0003-busboy-streams-the-files.md.
 */
import { randomInt } from 'node:crypto'
import type { Readable } from 'node:stream'
import createBusboy from 'busboy'
import { markExclusive } from '../../bytes/buffer-release.js'

/**
 * Only four characters, the rarest in text: busboy's search skips a boundary's length at every byte that is not in it.
 * With 60 characters of 22 kinds it took a sixth of the CPU of a large upload.
 */
const boundaryCharacters = '^`|~'

/** 480 random bits. */
const boundary = Array.from({ length: 240 }, () => boundaryCharacters[randomInt(4)]).join('')
const delimiter = Buffer.from(`\r\n--${boundary}`)
const fileHeader = Buffer.from('\r\nContent-Disposition:form-data;filename=f\r\n\r\n')
const closing = Buffer.from('--\r\n')

/** Below this size a slice of a chunk is copied next to others: a call of busboy costs more than the copy. */
const smallPart = 32 * 1024

/** Below this size a whole chunk is copied too. A larger one is a call of its own anyway. */
const smallChunk = 4 * 1024

/** Up to this size a loop is faster than `copy`, a call of which takes as long as 100 turns. */
const shortRun = 64

/** The files of one form, in their order. */
export class FileStreams {
  readonly #busboy = createBusboy({
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    // No limits, since busboy's fire at N instead of N + 1; by default it has none for files.
    // Makes "drain" come when everything has been read.
    highWaterMark: 1,
  })
  /** Of the files whose streams busboy has yet to open. */
  readonly #waiting: ((stream: Readable) => void)[] = []
  readonly #outbox = new Outbox()
  #failure: Error | undefined
  /** The stream of the last file. */
  #stream: Readable | undefined
  /** Whether bytes wait until those before them have been read. */
  #isHolding = false
  #wait: { readonly resolve: () => void; readonly reject: (reason: Error) => void } | undefined

  constructor() {
    this.#busboy.on('file', (_, stream) => {
      markExclusive(stream)
      this.#stream = stream
      const read = stream.read.bind(stream)
      stream.read = (size?: number): unknown => {
        if (this.#isHolding) this.#write()
        return read(size)
      }
      this.#waiting.shift()!(stream)
    })
    const goOn = (): void => this.#wait?.resolve()
    this.#busboy.on('drain', goOn).on('close', goOn)
    // Never removed: busboy reports some errors late, and some twice.
    this.#busboy.on('error', (error) => this.fail(error))
    this.#outbox.add(delimiter, 0, delimiter.length)
  }

  /** Begins a file. @param onStream gets its stream, once the files before it have been read */
  open(onStream: (stream: Readable) => void): void {
    this.#waiting.push(onStream)
    this.#outbox.add(fileHeader, 0, fileHeader.length)
  }

  /** Adds to the open file the bytes of `chunk` from `from` up to, not including, `to`. */
  add(chunk: Buffer, from: number, to: number): void {
    this.#outbox.add(chunk, from, to)
  }

  /** Ends the open file. */
  close(): void {
    this.#outbox.add(delimiter, 0, delimiter.length)
  }

  /** Passes on what has arrived. @returns a promise while there is no room for more */
  flush(): Promise<void> | undefined {
    // A chunk that waits for its reader costs some hundred bytes, and a client may send every byte as a chunk.
    const { readableLength = 0, destroyed = false } = this.#stream ?? {}
    if (readableLength > 0 && !destroyed && this.#outbox.size < smallChunk) {
      this.#isHolding = true
      return undefined
    }
    this.#write()
    const isDone = this.#failure === undefined && this.#busboy.writableLength === 0
    return isDone ? undefined : this.#untilReady()
  }

  #write(): void {
    this.#isHolding = false
    const chunks = this.#outbox.take()
    let left = 0
    for (const chunk of chunks) left += chunk.length
    for (const chunk of chunks) {
      left -= chunk.length
      this.#busboy.write(chunk)
    }
    // Files may share the memory of a chunk, and the reader of one of them may have transferred it.
    if (left !== 0)
      this.fail(new Error('The reader of a file transferred memory that holds other bytes too.'))
  }

  /** Ends the form. Resolves when every stream has been read to its end. */
  async end(): Promise<void> {
    this.#outbox.add(closing, 0, closing.length)
    this.#write()
    this.#busboy.end()
    await this.#untilReady()
    if (this.#waiting.length > 0) throw new Error(`busboy lost ${this.#waiting.length} files.`)
  }

  /** Makes the open stream fail, and `flush` or `end` if one of them waits. */
  fail(error: unknown): void {
    this.#failure ??=
      error instanceof Error ? error : new Error('The body was not read to its end.', { cause: error })
    this.#wait?.reject(this.#failure)
    this.#busboy.destroy(this.#failure)
  }

  /** Waits until busboy has room again or, after its end, has closed. */
  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure === undefined) this.#wait = { resolve, reject }
      else reject(this.#failure)
    })
  }
}

/** The bytes on their way to busboy. */
class Outbox {
  #ready: Buffer[] = []
  /** Where small chunks are copied to. */
  #block = Buffer.alloc(0)
  #used = 0

  add(chunk: Buffer, from: number, to: number): void {
    const size = to - from
    if (size >= smallPart || (size >= smallChunk && size === chunk.length)) {
      this.#seal()
      this.#ready.push(chunk.subarray(from, to))
      return
    }
    if (this.#used + size > this.#block.length) {
      this.#seal()
      // Small forms need one block only, from Buffer's pool.
      this.#block = Buffer.allocUnsafe(this.#block.length === 0 ? Math.max(size, 2048) : smallPart)
    }
    if (size === chunk.length) this.#block.set(chunk, this.#used)
    else if (size > shortRun) chunk.copy(this.#block, this.#used, from, to)
    else for (let at = 0; at < size; at += 1) this.#block[this.#used + at] = chunk[from + at]!
    this.#used += size
  }

  /** Bytes that wait; Infinity if some of them were not small. */
  get size(): number {
    return this.#ready.length === 0 ? this.#used : Infinity
  }

  take(): readonly Buffer[] {
    this.#seal()
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #seal(): void {
    if (this.#used === 0) return
    this.#ready.push(this.#block.subarray(0, this.#used))
    this.#block = this.#block.subarray(this.#used)
    this.#used = 0
  }
}
