/** Puts a form together from its parts. */
import { Readable } from 'node:stream'
import type { Entry } from '../../entries.js'
import { BodyError } from '../../errors.js'
import { safeFileName } from '../../files/file-name.js'
import { isKnownCharset } from '../../media-type.js'
import type { ParserContext, PartParser } from '../base-parser.js'
import { quote } from '../field-meter.js'
import { decodeText, isUtf8Label, readBytes } from '../text-body.js'
import { PartReader } from './busboy.js'
import type { PartListener } from './framing.js'
import { malformedPart, partCharset, parsePartHeader, type PartHeader } from './part-header.js'
import { PartMeter } from './part-meter.js'

/** The part whose content is arriving. */
interface OpenPart {
  readonly header: PartHeader
  readonly kind: 'field' | 'file' | 'no file chosen'
  size: number
}

/** The field that names the charset of all others (WHATWG HTML, 4.10.18.1). */
const charsetFieldName = '_charset_'

/** Takes the parts as the framing finds them; gives the entries of the form, in the same order. */
export class FormAssembly implements PartListener {
  readonly #context: ParserContext
  readonly #charsetField: boolean
  readonly #meter: PartMeter
  readonly #reader = new PartReader()
  /** One for each part that counts; `undefined` until it is complete. */
  readonly #entries: (Entry | undefined)[] = []
  readonly #stores: Promise<void>[] = []
  /** What is decoded when the whole form is there: which error is answered must not depend on how it was cut. */
  readonly #deferred: (() => Promise<void>)[] = []
  #part: OpenPart | undefined

  /** @param charsetField whether `_charset_` names the charset of the text fields */
  constructor(context: ParserContext, charsetField: boolean) {
    this.#context = context
    this.#charsetField = charsetField
    this.#meter = new PartMeter(context.limits)
  }

  openPart(bytes: Buffer): void {
    const header = parsePartHeader(bytes, this.#meter.beginPart())
    if (header.filename === '') {
      this.#part = { header, kind: 'no file chosen', size: 0 }
    } else if (header.filename === undefined) {
      this.#meter.beginField(header.name)
      this.#part = { header, kind: 'field', size: 0 }
      this.#openField(header)
    } else {
      this.#meter.beginFile(header.name)
      this.#part = { header, kind: 'file', size: 0 }
      this.#openFile(header, header.filename)
    }
  }

  partContent(content: Buffer): void {
    const part = this.#part!
    const { name, number } = part.header
    part.size += content.length
    if (part.kind === 'no file chosen')
      throw malformedPart(number, 'it has content but its filename is empty')
    if (part.kind === 'field') this.#meter.addToField(name, content.length, part.size)
    else this.#meter.addToFile(name, part.size)
    this.#reader.content(content)
  }

  closePart(): void {
    this.#part = undefined
  }

  /** Resolves when there is room for more parts. */
  flush(): Promise<void> {
    return this.#reader.flush()
  }

  /** The body is complete: waits for every file and gives the entries. */
  async end(): Promise<readonly Entry[]> {
    await this.#reader.end()
    await Promise.all(this.#stores)
    for (const decode of this.#deferred) await decode()
    return this.#entries.filter((entry) => entry !== undefined)
  }

  /** Stops every store. */
  fail(error: unknown): void {
    this.#reader.fail(error)
  }

  #openField(header: PartHeader): void {
    const { name, mediaType } = header
    const charset = partCharset(header)
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    const parser = isText ? undefined : this.#context.partParser(mediaType)
    const slot = this.#entries.push(undefined) - 1
    if (parser !== undefined) {
      this.#collect(async (bytes) => {
        this.#entries[slot] = { kind: 'parsed', name, value: await parsePart(parser, bytes, name) }
      })
    } else if (charset === undefined ? !this.#charsetField : isUtf8Label(charset)) {
      this.#reader.openField((value) => {
        this.#entries[slot] = { kind: 'text', name, value }
      })
    } else {
      this.#collect((bytes) => {
        this.#entries[slot] = { kind: 'text', name, value: decodeText(bytes, charset ?? this.#formCharset()) }
      })
    }
  }

  #openFile(header: PartHeader, filename: string): void {
    const { name, number, mediaType, fields } = header
    const safeName = safeFileName(filename)
    if (safeName === undefined) throw malformedPart(number, `${quote(filename)} is no name for a file`)
    const info = {
      field: name,
      name: safeName,
      originalName: filename,
      type: mediaType?.essence ?? '',
      headers: fields,
    }
    const slot = this.#entries.push(undefined) - 1
    this.#reader.openFile((stream) => {
      const stored = this.#context.storeFile(stream, info).then((value) => {
        this.#entries[slot] = { kind: 'file', name, value }
      })
      stored.catch((error: unknown) => this.#reader.fail(error))
      this.#stores.push(stored)
    })
  }

  /** Keeps the bytes of a part until the form is complete. They are no more than a field may have. */
  #collect(use: (bytes: Buffer) => void | Promise<void>): void {
    let collected: Promise<Buffer> | undefined
    this.#reader.openFile((stream) => {
      collected = readBytes(stream)
      collected.catch((error: unknown) => this.#reader.fail(error))
    })
    this.#deferred.push(async () => use(await collected!))
  }

  #formCharset(): string {
    const named = this.#entries.find((entry) => entry?.name === charsetFieldName)?.value
    return typeof named === 'string' && isKnownCharset(named) ? named : 'utf-8'
  }
}

/** Reads a part by its own media type. */
async function parsePart(parser: PartParser, bytes: Buffer, name: string): Promise<unknown> {
  try {
    return await parser(Readable.from([bytes], { objectMode: false }))
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    const detail = `In the field ${quote(name)}: ${error.detail}`
    const { code, status, hint, limit } = error
    throw new BodyError(code, {
      status,
      hint,
      ...(limit !== undefined && { limit }),
      detail,
      field: name,
      cause: error,
    })
  }
}
