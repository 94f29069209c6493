/** The parser for multipart forms. */
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { detachedBytes } from '../../bytes/chunk-buffer.js'
import type { UploadedFile } from '../../files/uploaded-file.js'
import type { Body } from '../../http/body-stream.js'
import { isKnownCharset, type MediaType } from '../../http/media-type.js'
import type { FileInfo } from '../../storages/storage.js'
import { BaseParser, parsePart, type ParserContext, type PartParser } from '../base-parser.js'
import { DataAndFiles, type Entry } from '../data-and-files.js'
import { type CharsetOptions, fieldText, FormCharsets, type PartHeader } from './part-header.js'
import { PartIterator, type PartsContext } from './part-iterator.js'
import { PartReader, type PartReceiver } from './part-reader.js'

/** Options of `MultiPartParser`. */
export interface MultiPartParserOptions extends CharsetOptions {
  /** Whether names such as `a[b]` make objects and lists in `data`. Default: the option of the mount or route. */
  readonly nested?: boolean
}

/** Reads `multipart/form-data` (RFC 7578) into fields and files. */
export class MultiPartParser extends BaseParser {
  readonly mediaType: string = 'multipart/form-data'
  readonly charset: string
  readonly charsetField: boolean
  readonly charsetsField: string | undefined
  override readonly nested: boolean | undefined

  /** @throws TypeError for a charset that TextDecoder does not know */
  constructor(options: MultiPartParserOptions = {}) {
    super()
    const { charset = 'utf-8', charsetField = false, charsetsField, nested } = options
    if (!isKnownCharset(charset)) throw new TypeError(`Unknown charset "${charset}".`)
    this.charset = charset
    this.charsetField = charsetField
    this.charsetsField = charsetsField
    this.nested = nested
  }

  /** @throws BodyError one of the 400s of a multipart body, a 413, or what the storage of a file fails with */
  parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    return this.#read(stream, mediaType, context)
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    return this.#read(bytes, mediaType, context)
  }

  async #read(body: Body, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    const charsets = new FormCharsets(this, mediaType)
    const form = new FormCollector(context, charsets)
    await new PartReader(context, form).read(body, mediaType, charsets.declared)
    return DataAndFiles.fromEntries(await form.entries())
  }

  /** Hands out each part as it arrives and stores none. Errors come from the iterator. */
  parts(stream: Readable, mediaType: MediaType, context: PartsContext): PartIterator {
    return new PartIterator(stream, mediaType, context, new FormCharsets(this, mediaType))
  }
}

/** Milliseconds of decoding without a pause. */
const longestTurn = 5

/** Collects the entries of one form: stores the files and decodes the fields. */
class FormCollector implements PartReceiver {
  readonly #context: ParserContext
  readonly #charsets: FormCharsets
  readonly #entries: Entry[] = []
  /**
   * Fields that are decoded once the form is complete: which error is answered must not depend on the chunks. Without a
   * parser one is text in the charset of the form.
   */
  readonly #deferred: { place: number; name: string; bytes: Buffer; parser: PartParser | undefined }[] = []

  constructor(context: ParserContext, charsets: FormCharsets) {
    this.#context = context
    this.#charsets = charsets
  }

  field(place: number, header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void {
    const { name, mediaType } = header
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    const { fileRules } = this.#context
    const hasNoParser = isText || fileRules?.find(name)?.kind === 'file'
    const parser = hasNoParser ? undefined : this.#context.partParser(mediaType)
    const charsets = this.#charsets
    if (charsets.areNamed) charsets.learn(name, bytes)
    if (parser !== undefined || (charsets.areNamed && charset === undefined))
      this.#deferred.push({ place, name, bytes: detachedBytes(bytes.toBuffer()), parser })
    else
      this.#entries[place] = {
        kind: 'text',
        name,
        value: fieldText(name, bytes, charset ?? charsets.declared),
      }
  }

  file(place: number, name: string, value: UploadedFile): void {
    this.#entries[place] = { kind: 'file', name, value }
  }

  async stream(place: number, info: FileInfo, stream: Readable): Promise<void> {
    this.file(place, info.field, await this.#context.storeFile(stream, info))
  }

  /**
   * The entries of a form that has been read, in its order. Lets other requests have a turn between fields: a form may have
   * a thousand.
   */
  async entries(): Promise<readonly Entry[]> {
    let turnEnd = performance.now() + longestTurn
    // Each is removed, to free its bytes.
    const deferred = this.#deferred.splice(0).toReversed()
    for (let field = deferred.pop(); field !== undefined; field = deferred.pop()) {
      const { place, name, bytes, parser } = field
      this.#entries[place] =
        parser === undefined
          ? { kind: 'text', name, value: fieldText(name, ByteBuffer.of(bytes), this.#charsets.of(name)) }
          : { kind: 'parsed', name, value: await parsePart(parser, bytes, name) }
      if (performance.now() < turnEnd) continue
      await setImmediate()
      turnEnd = performance.now() + longestTurn
    }
    return this.#entries
  }
}
