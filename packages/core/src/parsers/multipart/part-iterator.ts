/** Hands the parts of a body to a loop, one at a time, while the body arrives. */

import type { Readable } from 'node:stream'
import type { ByteBuffer } from '../../bytes/byte-buffer.js'
import { InspectedStream } from '../../files/inspection.js'
import type { FileInspection } from '../../files/inspection.js'
import type { FileInfo } from '../../storages/storage.js'
import type { FileFindings } from '../../files/uploaded-file.js'
import { isKnownCharset, type MediaType } from '../../http/media-type.js'
import type { Limits } from '../../limits.js'
import type { FileSink } from './file-streams.js'
import { charsetFieldName, fieldText, type PartHeader } from './part-header.js'
import { PartReader, type PartSink } from './part-reader.js'

/** What a queue knows of the request. */
export interface PartsContext {
  readonly limits: Limits
  /** The inspections of a file. @throws BodyError */
  inspections(info: FileInfo): readonly FileInspection[]
}

/** A part in its place; there is none yet before the stream of a file has come. */
interface Slot {
  part?: Part
}

/** Reads on only when every part so far has been taken, so that what waits is never more than one chunk of the body. */
export class PartIterator implements PartSink {
  readonly #context: PartsContext
  readonly #charsetField: boolean
  readonly #reader: PartReader
  readonly #slots: Slot[] = []
  /** Those of files that are not yet read to their end. */
  readonly #streams = new Set<InspectedStream>()
  #formCharset: string | undefined
  #isRead = false
  #failure: { readonly reason: unknown } | undefined
  /** Wakes whoever waits for something to change: the loop for a part, and the reader for the loop. */
  #waiting: (() => void)[] = []

  /** @param charsetField whether `_charset_` names the charset of the text fields behind it */
  constructor(context: PartsContext, charsetField: boolean) {
    this.#context = context
    this.#charsetField = charsetField
    this.#reader = new PartReader(context.limits, this)
  }

  /** Begins to read the body. What goes wrong is told by `next`. */
  read(stream: Readable, mediaType: MediaType): void {
    this.#reader
      .read(stream, mediaType, () => this.#flush())
      .then(
        () => {
          this.#isRead = true
          this.#wake()
        },
        (error: unknown) => this.fail(error),
      )
  }

  /** The next part, if there is one. @throws what the body has failed with */
  async next(): Promise<Part | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      const part = this.#slots[0]?.part
      if (part !== undefined) {
        this.#slots.shift()
        this.#wake()
        return part
      }
      if (this.#isRead) return undefined
      await this.#change()
    }
  }

  /** The loop goes on: the file is read to its end by whoever has begun to, or else thrown away. */
  async leave({ stream }: { readonly stream: Readable }): Promise<void> {
    while (!stream.destroyed && isBeingRead(stream)) await closeOrWhile(stream)
    if (!stream.readableEnded)
      stream.destroy(new Error('The loop over the parts went on, and nobody read this file.'))
  }

  /** Nothing further is read, and open streams fail. The first reason counts. */
  fail(reason: unknown): void {
    if (this.#failure !== undefined || this.#isRead) return
    this.#failure = { reason }
    const error = reason instanceof Error ? reason : new Error('The body was not read.', { cause: reason })
    this.#reader.fail(error)
    for (const stream of this.#streams) stream.destroy(error)
    this.#wake()
  }

  collectField(header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void {
    const { name, mediaType, fields: headers } = header
    const value = fieldText(bytes, charset ?? this.#formCharset)
    if (this.#charsetField && name === charsetFieldName && isKnownCharset(value)) this.#formCharset = value
    this.#addSlot().part = { kind: 'field', name, value, type: mediaType?.essence ?? '', headers }
    this.#wake()
  }

  beginFile(info: FileInfo): FileSink {
    const slot = this.#addSlot()
    return (origin) => {
      const stream = this.#open(origin, info)
      if (stream === undefined) return
      slot.part = toFilePart(info, stream)
      this.#wake()
    }
  }

  #open(origin: Readable, info: FileInfo): InspectedStream | undefined {
    // Whoever has been handed the stream may not listen any more, or not yet.
    const ignore = (): void => undefined
    origin.on('error', ignore)
    if (this.#failure !== undefined) return undefined
    try {
      const stream = new InspectedStream(origin, info, this.#context.inspections(info))
      this.#streams.add(stream)
      stream.on('error', () => stream.refusal && this.fail(stream.refusal))
      stream.on('close', () => this.#streams.delete(stream))
      return stream
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  #addSlot(): Slot {
    const slot: Slot = {}
    this.#slots.push(slot)
    return slot
  }

  #flush(): Promise<void> | undefined {
    const busy = this.#reader.flush()
    return busy === undefined && this.#slots[0]?.part === undefined ? undefined : this.#flushed(busy)
  }

  async #flushed(busy: Promise<void> | undefined): Promise<void> {
    await busy
    while (this.#slots[0]?.part !== undefined && this.#failure === undefined) await this.#change()
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Waits until it is closed, or for a while: nothing tells that a stream is no longer piped to anything. */
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

/** Whether somebody takes what comes, or will when there is room again. */
function isBeingRead(stream: Readable): boolean {
  return (
    stream.readableFlowing === true ||
    stream.listenerCount('data') > 0 ||
    stream.listenerCount('readable') > 0
  )
}

/** One part of a multipart form, as it arrives. */
export type Part = FieldPart | FilePart

/** A field, whole. */
export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  /** As text, whatever its media type. */
  readonly value: string
  /** The media type that the part declares, in lower case and without parameters; `''` where it declares none. */
  readonly type: string
  /** The part's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** A file, whose bytes are still to come. */
export interface FilePart {
  readonly kind: 'file'
  /** The name of the form field. */
  readonly name: string
  /** The safe file name: one segment, no control characters, at most 255 bytes. */
  readonly filename: string
  /** The file name as the client sent it. Never use it in a path. */
  readonly originalName: string
  /** The media type that the client declares, in lower case and without parameters; `''` where it declares none. */
  readonly type: string
  /** The part's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The bytes. Whoever wants them begins to read before the loop goes on, which then waits for their end; bytes that
   * nobody reads are thrown away. It fails with what the request fails with.
   */
  readonly stream: Readable
  /** What inspectors such as `hash()` have found out, once the stream has ended. */
  readonly findings: FileFindings
}

function toFilePart(info: FileInfo, stream: Readable & { readonly findings: FileFindings }): FilePart {
  const { field, name, originalName, type } = info
  return {
    kind: 'file',
    name: field,
    filename: name,
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
