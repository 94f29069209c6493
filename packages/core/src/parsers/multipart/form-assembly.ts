/** Puts a form together from its parts. */
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Entry } from '../../entries.js'
import type { FileInfo } from '../../files/storage.js'
import type { UnstoredContent } from '../../files/unstored-file.js'
import { isKnownCharset, type MediaType } from '../../media-type.js'
import type { ParserContext, PartParser } from '../base-parser.js'
import type { GatheredBytes } from '../../gathered-bytes.js'
import { parsePart } from '../parse-part.js'
import { decodeText } from '../text-body.js'
import type { FileSink } from './busboy.js'
import { charsetFieldName, fieldText } from './field-text.js'
import type { PartHeader } from './part-header.js'
import { PartReader, type PartSink } from './part-reader.js'

/** Milliseconds that decoding may take at a stretch. */
const longestTurn = 5

/** Stores the files and decodes the fields of one body; gives the entries of the form, in its order. */
export class FormAssembly implements PartSink {
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

  takeField(header: PartHeader, bytes: GatheredBytes, charset: string | undefined): void {
    const { name, mediaType } = header
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    const wantsFile = () => this.#context.fileRules?.find(name)?.kind === 'file'
    const parser = isText || wantsFile() ? undefined : this.#context.partParser(mediaType)
    if (parser !== undefined) this.#deferParsing(name, bytes.toBuffer(), parser)
    else if (charset === undefined && this.#charsetField) this.#deferDecoding(name, bytes.toBuffer())
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
  get takeFile(): PartSink['takeFile'] {
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
  beginRefused(info: FileInfo): (content: UnstoredContent) => void {
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
