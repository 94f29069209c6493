/** The parser for multipart forms. */

import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { ByteBuffer } from '../../bytes/byte-buffer.js'
import { detachedBytes } from '../../bytes/chunk-buffer.js'
import type { FileInfo } from '../../storages/storage.js'
import type { RejectedContent } from '../../files/rejected-file.js'
import { decodeText } from '../../http/charset.js'
import { isKnownCharset, type MediaType } from '../../http/media-type.js'
import { BaseParser, parsePart, type ParserContext, type PartParser } from '../base-parser.js'
import { DataAndFiles, type Entry } from '../data-and-files.js'
import type { FileSink } from './file-streams.js'
import { charsetFieldName, fieldText, type PartHeader } from './part-header.js'
import { PartIterator, type PartsContext } from './part-iterator.js'
import { PartReader, type PartSink } from './part-reader.js'

export interface MultiPartParserOptions {
  /**
   * Whether a field called `_charset_` names the charset of all text fields that declare none (RFC 7578, 4.6).
   * Default false: they are UTF-8.
   */
  readonly charsetField?: boolean
}

/** Reads `multipart/form-data` (RFC 7578) into fields and files. */
export class MultiPartParser extends BaseParser {
  readonly mediaType: string = 'multipart/form-data'
  readonly charsetField: boolean

  constructor(options: MultiPartParserOptions = {}) {
    super()
    this.charsetField = options.charsetField ?? false
  }

  /** @throws BodyError one of the 400s of a multipart body, a limit's 413, or what the storage of a file fails with */
  parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    return this.#read(stream, mediaType, context)
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    return this.#read(bytes, mediaType, context)
  }

  async #read(body: Readable | Buffer, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    const form = new FormCollector(context, this.charsetField)
    return DataAndFiles.fromEntries(await form.read(body, mediaType))
  }

  /** Reads the same, but hands out each part as it arrives and stores none. Errors are told by the queue. */
  parts(stream: Readable, mediaType: MediaType, context: PartsContext): PartIterator {
    const parts = new PartIterator(context, this.charsetField)
    parts.read(stream, mediaType)
    return parts
  }
}

/** Milliseconds that decoding may take at a stretch. */
const longestTurn = 5

/** Stores the files and decodes the fields of one body; gives the entries of the form, in its order. */
class FormCollector implements PartSink {
  readonly #context: ParserContext
  readonly #charsetField: boolean
  readonly #reader: PartReader
  /** One for each part that counts; `undefined` until it is complete. */
  readonly #entries: (Entry | undefined)[] = []
  readonly #stores: Promise<void>[] = []
  /** What is decoded when the whole form is there: which error is answered must not depend on how it was cut. */
  readonly #deferred: (() => Promise<void> | undefined)[] = []

  /** What `_charset_` names, if that has been looked for since such a field was decoded. */
  #charset: string | undefined

  /** @param charsetField whether `_charset_` names the charset of the text fields */
  constructor(context: ParserContext, charsetField: boolean) {
    this.#context = context
    this.#charsetField = charsetField
    this.#reader = new PartReader(context.limits, this, context.fileRules, context.meters?.fields)
  }

  /** Reads the body and waits for every file. @throws BodyError */
  async read(body: Readable | Buffer, mediaType: MediaType): Promise<readonly Entry[]> {
    await this.#reader.read(body, mediaType)
    await Promise.all(this.#stores)
    if (this.#deferred.length > 0) await this.#decodeDeferred()
    // Each part has filled its place by now, or failed.
    return this.#entries as readonly Entry[]
  }

  collectField(header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void {
    const { name, mediaType } = header
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    const wantsFile = () => this.#context.fileRules?.find(name)?.kind === 'file'
    const parser = isText || wantsFile() ? undefined : this.#context.partParser(mediaType)
    if (parser !== undefined) this.#deferParsing(name, detachedBytes(bytes.toBuffer()), parser)
    else if (charset === undefined && this.#charsetField)
      this.#deferDecoding(name, detachedBytes(bytes.toBuffer()))
    else this.#entries.push({ kind: 'text', name, value: fieldText(bytes, charset) })
  }

  /** Lets other requests have a turn between two parts, since a form may have a thousand of them. */
  async #decodeDeferred(): Promise<void> {
    let turnEnd = performance.now() + longestTurn
    // Each is taken off the list, which frees its bytes once they are decoded.
    const deferred = this.#deferred.splice(0).toReversed()
    for (let decode = deferred.pop(); decode !== undefined; decode = deferred.pop()) {
      const busy = decode()
      if (busy !== undefined) await busy
      if (performance.now() < turnEnd) continue
      await setImmediate()
      turnEnd = performance.now() + longestTurn
    }
  }

  #deferParsing(name: string, bytes: Buffer, parser: PartParser): void {
    this.#defer(async () => {
      return { kind: 'parsed', name, value: await parsePart(parser, bytes, name) }
    })
  }

  #deferDecoding(name: string, bytes: Buffer): void {
    this.#defer(() => ({ kind: 'text', name, value: decodeText(bytes, this.#formCharset) }))
  }

  #defer(decode: () => Entry | Promise<Entry>): void {
    const slot = this.#entries.push(undefined) - 1
    this.#deferred.push(() => {
      const entry = decode()
      if (entry instanceof Promise) return entry.then((value) => this.#fill(slot, value))
      this.#fill(slot, entry)
      return undefined
    })
  }

  #fill(slot: number, entry: Entry): void {
    this.#entries[slot] = entry
    if (entry.name === charsetFieldName) this.#charset = undefined
  }

  /** Undefined where every file has to have a stream. */
  get collectFile(): PartSink['collectFile'] {
    const { storeBytes } = this.#context
    if (storeBytes === undefined) return undefined
    return (info, bytes) => {
      const value = storeBytes(bytes, info)
      if (value !== undefined) this.#entries.push({ kind: 'file', name: info.field, value })
      return value !== undefined
    }
  }

  beginFile(info: FileInfo): FileSink {
    const slot = this.#entries.push(undefined) - 1
    return (stream) => this.#store(stream, info, slot)
  }

  /** Its content is not stored, and the schema says why when the form is complete. */
  beginRejected(info: FileInfo): (content: RejectedContent) => void {
    const slot = this.#entries.push(undefined) - 1
    return (content) => {
      this.#entries[slot] = { kind: 'file', name: info.field, value: content.toFile(info) }
    }
  }

  #store(stream: Readable, info: FileInfo, slot: number): void {
    const stored = this.#context.storeFile(stream, info).then((value) => {
      this.#entries[slot] = { kind: 'file', name: info.field, value }
    })
    stored.catch((error: unknown) => this.#reader.fail(error))
    this.#stores.push(stored)
  }

  get #formCharset(): string {
    if (this.#charset !== undefined) return this.#charset
    const named = this.#entries.find((entry) => entry?.name === charsetFieldName)?.value
    return (this.#charset = typeof named === 'string' && isKnownCharset(named) ? named : 'utf-8')
  }
}
