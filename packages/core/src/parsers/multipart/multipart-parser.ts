/** The parser for multipart forms. */
import type { Readable } from 'node:stream'
import { DataAndFiles } from '../../data-and-files.js'
import type { MediaType } from '../../http/media-type.js'
import { BaseParser, type ParserContext } from '../base-parser.js'
import { FormAssembly } from './form-assembly.js'
import { PartQueue, type QueueContext } from './part-queue.js'

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
    const form = new FormAssembly(context, this.charsetField)
    return DataAndFiles.fromEntries(await form.read(body, mediaType))
  }

  /** Reads the same, but hands out each part as it arrives and stores none. Errors are told by the queue. */
  parts(stream: Readable, mediaType: MediaType, context: QueueContext): PartQueue {
    const parts = new PartQueue(context, this.charsetField)
    parts.read(stream, mediaType)
    return parts
  }
}
