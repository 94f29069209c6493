/** Puts a form together from its parts. */
import { Readable } from 'node:stream'
import type { Entry } from '../../entries.js'
import type { FileInfo } from '../../files/storage.js'
import type { UnstoredContent } from '../../files/unstored-file.js'
import { isKnownCharset, type MediaType } from '../../media-type.js'
import type { ParserContext } from '../base-parser.js'
import type { GatheredBytes } from '../../gathered-bytes.js'
import { parsePart } from '../parse-part.js'
import type { FileSink } from './busboy.js'
import { charsetFieldName, fieldText } from './field-text.js'
import { partCharset, type PartHeader } from './part-header.js'
import { PartReader, type PartSink } from './part-reader.js'

/** Stores the files and decodes the fields of one body; gives the entries of the form, in its order. */
export class FormAssembly implements PartSink {
  readonly #context: ParserContext
  readonly #charsetField: boolean
  readonly #reader: PartReader
  /** One for each part that counts; `undefined` until it is complete. */
  readonly #entries: (Entry | undefined)[] = []
  readonly #stores: Promise<void>[] = []
  /** What is decoded when the whole form is there: which error is answered must not depend on how it was cut. */
  readonly #deferred: (() => void | Promise<void>)[] = []

  /** @param charsetField whether `_charset_` names the charset of the text fields */
  constructor(context: ParserContext, charsetField: boolean) {
    this.#context = context
    this.#charsetField = charsetField
    this.#reader = new PartReader(context.limits, this, context.fileRules)
  }

  /** Reads the body and waits for every file. @throws BodyError */
  async read(stream: Readable, mediaType: MediaType): Promise<readonly Entry[]> {
    await this.#reader.read(stream, mediaType)
    await Promise.all(this.#stores)
    for (const decode of this.#deferred) await decode()
    return this.#entries.filter((entry) => entry !== undefined)
  }

  /** What a field's bytes come to when its part is complete. */
  beginField(header: PartHeader): (bytes: GatheredBytes) => void {
    const { name, mediaType } = header
    const slot = this.#entries.push(undefined) - 1
    const charset = partCharset(header)
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    const wantsFile = this.#context.fileRules?.find(name)?.kind === 'file'
    const parser = isText || wantsFile ? undefined : this.#context.partParser(mediaType)
    if (parser !== undefined) {
      return (bytes) => {
        const buffer = bytes.toBuffer()
        this.#deferred.push(async () => {
          const content = Readable.from(buffer, { objectMode: false })
          this.#entries[slot] = { kind: 'parsed', name, value: await parsePart(parser, content, name) }
        })
      }
    }
    if (charset === undefined && this.#charsetField) {
      return (bytes) => {
        this.#deferred.push(() => this.#setText(slot, name, fieldText(bytes, this.#formCharset())))
      }
    }
    return (bytes) => this.#setText(slot, name, fieldText(bytes, charset))
  }

  #setText(slot: number, name: string, value: string): void {
    this.#entries[slot] = { kind: 'text', name, value }
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

  #formCharset(): string | undefined {
    const named = this.#entries.find((entry) => entry?.name === charsetFieldName)?.value
    return typeof named === 'string' && isKnownCharset(named) ? named : undefined
  }
}
