/** Hands the parts of a body to a loop, one at a time, while the body arrives. */
import type { Readable } from 'node:stream'
import type { ByteBuffer } from '../../bytes/byte-buffer.js'
import { detachedBytes } from '../../bytes/chunk-buffer.js'
import { InspectedStream, type FileInspection } from '../../files/inspection.js'
import type { FileFindings } from '../../files/uploaded-file.js'
import { decodeText } from '../../http/charset.js'
import type { MediaType } from '../../http/media-type.js'
import type { FileInfo } from '../../storages/storage.js'
import type { FormCharsets, PartHeader } from './part-header.js'
import { PartReader, type PartReceiver, type ReaderContext } from './part-reader.js'

/** What the iterator knows of the request. */
export interface PartsContext extends Pick<ReaderContext, 'limits' | 'request' | 'filter'> {
  /** The inspections of a file. @throws BodyError */
  inspections(info: FileInfo): readonly FileInspection[]
}

/** Reads on only when every part has been taken: never more than one chunk of the body waits. */
export class PartIterator implements PartReceiver {
  /** What the body has failed with, if it has. */
  failure: { readonly reason: unknown } | undefined
  readonly #context: PartsContext
  readonly #charsets: FormCharsets
  readonly #reader: PartReader
  /** The parts that have not been taken yet, by their place. */
  readonly #parts = new Map<number, Part>()
  #next = 0
  /** The streams that have not been read to their end. */
  readonly #streams = new Set<InspectedStream>()
  #isRead = false
  /** Resolves the promises of `#change`. */
  #waiting: (() => void)[] = []

  /** Begins to read the body. `next` throws its errors. @param charsets of the text fields */
  constructor(body: Readable, mediaType: MediaType, context: PartsContext, charsets: FormCharsets) {
    this.#context = context
    this.#charsets = charsets
    this.#reader = new PartReader(context, this)
    const end = (): void => {
      this.#isRead = true
      this.#wake()
    }
    this.#reader.read(body, mediaType, charsets.declared).then(end, (error: unknown) => this.fail(error))
  }

  /** The next part, or `undefined` at the end. @throws what the body has failed with */
  async next(): Promise<Part | undefined> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure.reason
      const part = this.#parts.get(this.#next)
      if (part !== undefined) {
        this.#parts.delete(this.#next)
        this.#next += 1
        this.#wake()
        return part
      }
      if (this.#isRead) return undefined
      await this.#change()
    }
  }

  /** Ends the turn of a file: waits while something reads it, then discards the rest. */
  async leave({ stream }: { readonly stream: Readable }): Promise<void> {
    while (!stream.destroyed && isBeingRead(stream)) await closeOrWhile(stream)
    if (!stream.readableEnded)
      stream.destroy(new Error('This file was not read before the loop over the parts went on.'))
  }

  /** Stops reading and makes open streams fail. The first reason counts. */
  fail(reason: unknown): void {
    if (this.failure !== undefined || this.#isRead) return
    this.failure = { reason }
    const error = reason instanceof Error ? reason : new Error('The body was not read.', { cause: reason })
    this.#reader.fail(error)
    for (const stream of this.#streams) stream.destroy(error)
    this.#wake()
  }

  field(place: number, header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void {
    // The bytes are those of a chunk, or a copy that nothing else writes to.
    const content = detachedBytes(bytes.toBuffer())
    const value = decodeText(content, charset ?? this.#charsets.of(header.name))
    this.#charsets.learn(header.name, bytes)
    this.#deliver(place, new Field(header, value, content))
  }

  async stream(place: number, info: FileInfo, origin: Readable): Promise<void> {
    // An error may come before anything listens to the stream, or after.
    origin.on('error', () => undefined)
    if (this.failure !== undefined) return
    const stream = new InspectedStream(origin, info, this.#context.inspections(info))
    this.#streams.add(stream)
    stream.on('error', () => stream.refusal && this.fail(stream.refusal))
    stream.on('close', () => this.#streams.delete(stream))
    this.#deliver(place, filePart(info, stream))
  }

  #deliver(place: number, part: Part): void {
    this.#parts.set(place, part)
    this.#wake()
  }

  ready(): Promise<void> | undefined {
    return this.#parts.has(this.#next) ? this.#taken() : undefined
  }

  async #taken(): Promise<void> {
    while (this.#parts.has(this.#next) && this.failure === undefined) await this.#change()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Waits for the stream to close, but not for long: no event tells that a stream is not piped any longer. */
function closeOrWhile(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      stream.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, 250)
    stream.on('close', done)
  })
}

/** True if something takes the bytes, or will when it has room again. */
function isBeingRead(stream: Readable): boolean {
  return (
    stream.readableFlowing === true ||
    stream.listenerCount('data') > 0 ||
    stream.listenerCount('readable') > 0
  )
}

/** One part of a multipart form. */
export type Part = FieldPart | FilePart

/** What fields and files have in common. */
interface AnyPart {
  /** The name of the form field. */
  readonly name: string
  /** The media type that the part declares, in lower case and without parameters; `''` if it declares none. */
  readonly type: string
  /** The part's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** A complete field. */
export interface FieldPart extends AnyPart {
  readonly kind: 'field'
  /** The text, whatever the media type. A byte that is not valid in its charset is U+FFFD here: `bytes` has it. */
  readonly value: string
  /** The value as it was sent. */
  readonly bytes: Buffer
}

/** A getter has the bytes, so that a field is logged and sent as JSON without them. */
class Field implements FieldPart {
  readonly kind = 'field'
  readonly name: string
  readonly value: string
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  readonly #bytes: Buffer

  constructor({ name, mediaType, fields }: PartHeader, value: string, bytes: Buffer) {
    this.name = name
    this.value = value
    this.type = mediaType?.essence ?? ''
    this.headers = fields
    this.#bytes = bytes
  }

  get bytes(): Buffer {
    return this.#bytes
  }
}

/** A file, whose bytes have yet to arrive. */
export interface FilePart extends AnyPart {
  readonly kind: 'file'
  /** The safe file name: one segment, no control characters, at most 255 bytes. */
  readonly filename: string
  /** The file name as the client sent it. Never use it in a path. */
  readonly originalName: string
  /**
   * The bytes. Begin to read before the loop goes on, which then waits for their end; bytes that are not read are
   * discarded. It fails with the error of the request.
   */
  readonly stream: Readable
  /** The findings of inspectors such as `hash()`, once the stream has ended. */
  readonly findings: FileFindings
}

function filePart(info: FileInfo, stream: InspectedStream): FilePart {
  const { field: name, name: filename, originalName, type } = info
  return {
    kind: 'file',
    name,
    filename,
    originalName,
    type,
    get headers() {
      return info.headers
    },
    stream,
    get findings() {
      return stream.findings
    },
  }
}
