/** Reads the parts that the framing finds: fields whole, files as streams. */
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { safeFileName } from '../../files/file-name.js'
import type { FileInfo } from '../../files/storage.js'
import { UnstoredContent } from '../../files/unstored-file.js'
import type { Limits } from '../../limits.js'
import { isJson, type MediaType } from '../../media-type.js'
import type { FileRule, FileRules } from '../base-parser.js'
import { eachPiece } from '../each-piece.js'
import { readStart } from '../body-look.js'
import { quote, type FieldMeter } from '../field-meter.js'
import { GatheredBytes } from '../../gathered-bytes.js'
import { missingBoundary, readBoundary } from './boundary.js'
import { FileReader, type FileSink } from './busboy.js'
import { Framing, type PartListener } from './framing.js'
import {
  detached,
  LongHeader,
  malformedPart,
  parsePartHeader,
  partCharset,
  type PartHeader,
} from './part-header.js'
import { PartMeter } from './part-meter.js'

/** Who is told of the parts, in the order of the body. What a method throws ends the reading. */
export interface PartSink {
  /**
   * Takes a field, which is complete.
   *
   * @param bytes its content; another field's afterwards
   * @param charset as the part declares it, a label that TextDecoder knows
   */
  takeField(header: PartHeader, bytes: GatheredBytes, charset: string | undefined): void
  /** A file begins. @returns takes its stream, which comes when the files before it have been read */
  beginFile(info: FileInfo): FileSink
  /** Takes a small file whole, where there is such a method. @returns whether it did: if not, `beginFile` is called */
  readonly takeFile?: ((info: FileInfo, bytes: Buffer) => boolean) | undefined
  /** A file begins that the schema will refuse, where there are rules. @returns takes it when it is complete */
  beginRefused?(info: FileInfo): (content: UnstoredContent) => void
}

/** Up to here a file may do without a stream, which costs more than its bytes. */
const smallFile = 64 * 1024

/** What happens to the content of the part that is arriving. */
interface OpenPart {
  add(piece: Buffer, from: number, to: number): void
  close(): void
}

/** The field that is arriving. One object for all fields of a form, which may be a thousand. */
class OpenField implements OpenPart {
  readonly #sink: PartSink
  readonly #meter: PartMeter
  readonly #bytes = new GatheredBytes()
  #header: PartHeader | undefined
  #charset: string | undefined

  constructor(sink: PartSink, meter: PartMeter) {
    this.#sink = sink
    this.#meter = meter
  }

  /** @throws BodyError `INVALID_CHARSET` */
  begin(header: PartHeader): this {
    this.#charset = partCharset(header)
    this.#header = header
    this.#bytes.truncate(0)
    return this
  }

  add(piece: Buffer, from: number, to: number): void {
    this.#bytes.add(piece, from, to)
    this.#meter.addToField(this.#header!.name, to - from, this.#bytes.size)
  }

  close(): void {
    this.#sink.takeField(this.#header!, this.#bytes, this.#charset)
  }
}

function infoOf(header: PartHeader, name: string, originalName: string): FileInfo {
  const known = {
    field: header.name,
    name: detached(name, originalName),
    originalName,
    type: header.mediaType?.essence ?? '',
  }
  return header instanceof LongHeader ? new LongInfo(known, header) : { ...known, headers: header.fields }
}

/** What is known of a file with a long header, which is read again when somebody asks for its lines. */
class LongInfo implements FileInfo {
  declare readonly field: string
  declare readonly name: string
  declare readonly originalName: string
  declare readonly type: string
  declare readonly headers: Readonly<Record<string, string>>
  readonly #header: LongHeader

  /** One getter for all, so that they have one shape; of the object itself, so that `{ ...info }` has the lines too. */
  static readonly #headers: PropertyDescriptor & ThisType<LongInfo> = {
    enumerable: true,
    get() {
      return this.#header.fields
    },
  }

  constructor(known: Omit<FileInfo, 'headers'>, header: LongHeader) {
    Object.assign(this, known)
    this.#header = header
    Object.defineProperty(this, 'headers', LongInfo.#headers)
  }
}

/** Reads the parts of one body, within the limits. */
export class PartReader implements PartListener {
  readonly #limits: Limits
  readonly #sink: PartSink
  readonly #rules: FileRules | undefined
  readonly #takeFile: PartSink['takeFile']
  readonly #meter: PartMeter
  readonly #field: OpenField
  #files: FileReader | undefined
  #part: OpenPart | undefined
  #body: Readable | Buffer | undefined
  #failure: { readonly reason: unknown } | undefined

  /** @param rules what a schema says about the files @param fields counts the fields of the whole request */
  constructor(limits: Limits, sink: PartSink, rules?: FileRules, fields?: FieldMeter) {
    this.#limits = limits
    this.#sink = sink
    this.#takeFile = sink.takeFile
    this.#rules = rules
    this.#meter = new PartMeter(limits, fields)
    this.#field = new OpenField(sink, this.#meter)
  }

  /**
   * Reads a body to its end, and until every stream of a file has been read to its own.
   *
   * @param flush hands on what has come so far. @returns a promise where there is no room for more yet
   * @throws BodyError one of the 400s of a multipart body or a limit's 413. By then open streams of files have failed
   * with it.
   */
  async read(
    body: Readable | Buffer,
    mediaType: MediaType,
    flush: () => Promise<void> | undefined = () => this.flush(),
  ): Promise<void> {
    const boundary = readBoundary(mediaType)
    if (boundary === undefined)
      throw missingBoundary(Buffer.isBuffer(body) ? body : (await readStart(body)).start)
    const framing = new Framing(boundary, this.#limits.headerSize, this)
    this.#body = body
    try {
      const take = (piece: Buffer): Promise<void> | undefined => {
        framing.push(piece)
        return flush()
      }
      await (Buffer.isBuffer(body) ? take(body) : eachPiece(body, take))
      framing.end()
      await this.#files?.end()
    } catch (error) {
      const first = await this.#earlierFailure(error)
      this.fail(first)
      throw first
    }
  }

  /**
   * A fault is found as soon as its bytes are there, and must not get ahead of what a file that began before it fails
   * with, only because both came in one piece.
   */
  async #earlierFailure(fault: unknown): Promise<unknown> {
    if (this.#failure === undefined && this.#files !== undefined) {
      void this.#files.flush()?.catch(() => undefined)
      await setImmediate()
    }
    return this.#failure === undefined ? fault : this.#failure.reason
  }

  /** Lets the streams of files flow. @returns a promise where they have no room for more yet */
  flush(): Promise<void> | undefined {
    return this.#files?.flush()
  }

  /**
   * Stops reading: the stream of the file that is arriving fails, and so does `read`. At once, and not when the next
   * bytes come: the client may be waiting for an answer before it sends them.
   */
  fail(error: unknown): void {
    this.#failure ??= { reason: error }
    this.#files?.fail(error)
    if (this.#body instanceof Readable) this.#body.destroy()
  }

  openPart(text: string): void {
    const header = parsePartHeader(text, this.#meter.beginPart(), this.#limits.headerLines)
    const { filename } = header
    if (filename === undefined) this.#part = this.#openField(header)
    else if (filename === '') this.#part = noFileChosen(header)
    else this.#part = this.#openNamed(header, filename)
  }

  partContent(piece: Buffer, from: number, to: number): void {
    this.#part!.add(piece, from, to)
  }

  closePart(): void {
    this.#part!.close()
  }

  #openField(header: PartHeader): OpenPart {
    const { name, mediaType, number } = header
    this.#meter.beginField(name)
    if (mediaType?.type === 'multipart')
      throw malformedPart(number, 'it holds several parts itself: send each file as a part of its own')
    return this.#field.begin(header)
  }

  /** A part with a file name. A browser gives one to a Blob of JSON too, where the schema wants its value. */
  #openNamed(header: PartHeader, filename: string): OpenPart {
    const { name, number, mediaType } = header
    const rules = this.#rules
    const rule = rules?.find(name)
    if (rule?.kind === 'value' && mediaType !== undefined && isJson(mediaType)) return this.#openField(header)
    this.#meter.beginFile(name)
    const safeName = safeFileName(filename)
    if (safeName === undefined) throw malformedPart(number, `${quote(filename)} is no name for a file`)
    const info = infoOf(header, safeName, filename)
    const isStored = rules === undefined || (rule !== undefined && this.#meter.admits(rule, info))
    return isStored ? this.#openFile(info, rule) : this.#openRefused(info, rule)
  }

  #openRefused(info: FileInfo, rule: FileRule | undefined): OpenPart {
    const finish = this.#sink.beginRefused!(info)
    const content = new UnstoredContent()
    return {
      add: (piece, from, to) => {
        content.add(piece, from, to)
        this.#meter.addToFile(info.field, content.size, rule)
      },
      close: () => finish(content),
    }
  }

  #openFile(info: FileInfo, rule: FileRule | undefined): OpenPart {
    const file = this.#takeFile === undefined ? this.#openStream(info) : this.#openSmall(info, this.#takeFile)
    let size = 0
    return {
      add: (piece, from, to) => {
        size += to - from
        this.#meter.addToFile(info.field, size, rule)
        file.add(piece, from, to)
      },
      close: () => file.close(),
    }
  }

  #openStream(info: FileInfo): OpenPart {
    const files = (this.#files ??= new FileReader())
    files.open(this.#sink.beginFile(info))
    return files
  }

  /** Gathers a file until it is complete, or too large to go without a stream. */
  #openSmall(info: FileInfo, take: NonNullable<PartSink['takeFile']>): OpenPart {
    const bytes = new GatheredBytes()
    let stream: OpenPart | undefined
    const openStream = (): OpenPart => {
      stream = this.#openStream(info)
      if (bytes.size > 0) stream.add(bytes.toBuffer(), 0, bytes.size)
      return stream
    }
    return {
      add: (piece, from, to) => {
        if (stream !== undefined) stream.add(piece, from, to)
        else if (bytes.size + to - from > smallFile) openStream().add(piece, from, to)
        else bytes.add(piece, from, to)
      },
      close: () => {
        if (stream !== undefined) stream.close()
        else if (!take(info, bytes.toBuffer())) openStream().close()
      },
    }
  }
}

/** An `<input type="file">` in which nothing was chosen: the part is there, but there is no file. */
function noFileChosen({ number }: PartHeader): OpenPart {
  return {
    add: () => {
      throw malformedPart(number, 'it has content but its filename is empty')
    },
    close: () => undefined,
  }
}
