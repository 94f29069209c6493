/** Reads the parts that the scanner finds: fields whole, files as streams. */
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { publishFile } from '../../events.js'
import { RejectedContent } from '../../files/rejected-file.js'
import type { UploadedFile } from '../../files/uploaded-file.js'
import { type Body, destroyBody, forEachChunk } from '../../http/body-stream.js'
import { isJson, isTextual, type MediaType } from '../../http/media-type.js'
import type { Limits } from '../../limits.js'
import { safeFileName } from '../../storages/safe-name.js'
import type { FileInfo } from '../../storages/storage.js'
import type { ParserContext } from '../base-parser.js'
import { FieldLimits, PartLimits, quote, type FileRule } from '../form-limits.js'
import { readStart } from '../guess-format.js'
import { malformedPart, missingBoundary } from './diagnose.js'
import { FileStreams } from './file-streams.js'
import { describePart, parsePartHeader, partCharset, type PartHeader } from './part-header.js'
import { MultipartScanner, type PartListener } from './scanner.js'

/** What the reader knows of the request. */
export type ReaderContext = Pick<ParserContext, 'limits' | 'request' | 'filter'> &
  Partial<Pick<ParserContext, 'meters' | 'fileRules' | 'storeBytes' | 'partParser'>>

/**
 * Receives the parts of one body. Each has a place, counted from 0: a file may come after the parts behind it. An error
 * from any method ends the reading.
 */
export interface PartReceiver {
  /**
   * @param bytes the whole value; the object is reused for the next part
   * @param charset the charset that the part declares, as a label that TextDecoder knows
   */
  field(place: number, header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void
  /** Called when the files before this one have been read. @returns a promise that the reader waits for */
  stream(place: number, info: FileInfo, stream: Readable): Promise<void>
  /** A file that `storeBytes` has stored, or that the rules reject: needed where the context has either. */
  file?(place: number, field: string, file: UploadedFile): void
  /** @returns a promise while the reader should not read on */
  ready?(): Promise<void> | undefined
}

/** The name of a file that was sent without one: what browsers call a Blob in a form (WHATWG XHR, FormData). */
const nameOfNameless = 'blob'

/** Bytes. A stream costs more than so few bytes do. */
const smallFile = 64 * 1024

interface OpenFile {
  readonly kind: 'file'
  readonly place: number
  readonly info: FileInfo
  readonly rule: FileRule | undefined
  readonly rejected: RejectedContent | undefined
  size: number
  isStreamed: boolean
}

/** The field that is arriving. One object for all fields of a form, which may be a thousand. */
class OpenField {
  readonly kind = 'field'
  place = 0
  header: PartHeader | undefined
  charset: string | undefined
}

type OpenPart =
  | OpenFile
  | OpenField
  | { readonly kind: 'left out'; readonly info: FileInfo; size: number }
  | { readonly kind: 'no file chosen'; readonly number: number }

/** Reads the parts of one body, within the limits. */
export class PartReader implements PartListener {
  readonly #context: ReaderContext
  readonly #limits: Limits
  readonly #receiver: PartReceiver
  readonly #fields: FieldLimits
  readonly #parts: PartLimits
  #charset: string = 'utf-8'
  #places = 0
  #part: OpenPart | undefined
  /** Settles when the filter has decided about the open part. */
  #decision: Promise<void> | undefined
  readonly #field = new OpenField()
  /** The open field, or the open file while it may still be a small one. */
  readonly #bytes = new ByteBuffer()
  #files: FileStreams | undefined
  readonly #received: Promise<void>[] = []
  #body: Body | undefined
  #failure: { readonly reason: unknown } | undefined

  constructor(context: ReaderContext, receiver: PartReceiver) {
    this.#context = context
    this.#limits = context.limits
    this.#receiver = receiver
    this.#fields = context.meters?.fields ?? new FieldLimits(context.limits)
    this.#parts = new PartLimits(context.limits)
  }

  /**
   * Reads a body to its end. Resolves when every file has been received.
   *
   * @param charset of names that are not UTF-8
   * @throws BodyError one of the 400s of a multipart body or a 413; the open streams of files have failed with it by then
   */
  async read(body: Body, mediaType: MediaType, charset: string): Promise<void> {
    const boundary = readBoundary(mediaType)
    if (boundary === undefined) throw missingBoundary((await readStart(body)).start)
    const scanner = new MultipartScanner(boundary, this.#limits.headerSize, this)
    this.#charset = charset
    this.#body = body
    try {
      await forEachChunk(body, (chunk) => {
        const at = scanner.push(chunk)
        // A copy: the body may reuse the memory of the chunk.
        return this.isWaiting ? this.#readOn(scanner, Buffer.from(chunk.subarray(at))) : this.#flush()
      })
      scanner.end()
      await this.#files?.end()
      if (this.#received.length > 0) await Promise.all(this.#received)
    } catch (error) {
      // The scanner finds a fault as soon as its bytes arrive. If a file before it fails too, the file's error comes
      // first, even when both arrived in one chunk.
      if (this.#failure === undefined && this.#files !== undefined) {
        void this.#files.flush()?.catch(() => undefined)
        await setImmediate()
      }
      const { reason } = (this.#failure ??= { reason: error })
      const part = this.#part
      // One that has a stream is refused by what reads it.
      if (part?.kind === 'file' && !part.isStreamed) publishUnstored('refused', part, reason)
      this.fail(reason)
      throw reason
    }
  }

  /** True while the filter decides about the open part. */
  get isWaiting(): boolean {
    return this.#decision !== undefined
  }

  /** Reads the rest of a chunk, and waits for the filter at each file in it. */
  async #readOn(scanner: MultipartScanner, rest: Buffer): Promise<void> {
    for (let at = 0; this.#decision !== undefined;) {
      await this.#decision
      this.#decision = undefined
      if (this.#failure !== undefined) throw this.#failure.reason
      at = scanner.push(rest, at)
    }
    await this.#flush()
  }

  /** Lets the streams of files flow. @returns a promise while there is no room for more */
  #flush(): Promise<void> | undefined {
    const busy = this.#files?.flush()
    return busy === undefined ? this.#receiver.ready?.() : busy.then(() => this.#receiver.ready?.())
  }

  /**
   * Makes `read` and the open stream fail at once, not at the next bytes: the client may wait for an answer before it
   * sends them.
   */
  fail(error: unknown): void {
    this.#failure ??= { reason: error }
    this.#files?.fail(error)
    if (this.#body !== undefined) destroyBody(this.#body)
  }

  openPart(text: string): void {
    const number = this.#parts.beginPart()
    const header = parsePartHeader(text, number, this.#limits.headerLines, this.#charset)
    this.#bytes.truncate(0)
    const { filename } = header
    if (filename === '') this.#part = { kind: 'no file chosen', number }
    else if (this.#isField(header)) this.#part = this.#openField(header)
    else this.#part = this.#openFile(header)
  }

  partContent(chunk: Buffer, from: number, to: number): void {
    const part = this.#part!
    if (part.kind === 'field') {
      this.#bytes.add(chunk, from, to)
      this.#fields.add(part.header!.name, to - from, this.#bytes.size)
    } else if (part.kind === 'file') {
      this.#addToFile(part, chunk, from, to)
    } else if (part.kind === 'left out') {
      part.size += to - from
    } else {
      throw malformedPart(part.number, 'it has content but its filename is empty')
    }
  }

  closePart(): void {
    const part = this.#part!
    this.#part = undefined
    if (part.kind === 'field') this.#receiver.field(part.place, part.header!, this.#bytes, part.charset)
    else if (part.kind === 'file') this.#closeFile(part)
    else if (part.kind === 'left out') publishUnstored('skipped', part)
  }

  #isField({ name, filename, mediaType }: PartHeader): boolean {
    if (mediaType === undefined) return filename === undefined
    // Browsers give a file name to a Blob of JSON too, where the schema wants its value.
    if (filename !== undefined)
      return isJson(mediaType) && this.#context.fileRules?.find(name)?.kind === 'value'
    const { type, essence } = mediaType
    // One that is itself a form is refused as a field.
    if (type === 'multipart' || (type !== 'image' && isTextual(essence))) return true
    return this.#context.partParser?.(mediaType) !== undefined
  }

  #openField(header: PartHeader): OpenPart {
    this.#fields.begin(header.name)
    if (header.mediaType?.type === 'multipart')
      throw malformedPart(header.number, 'it is itself a multipart body: send each file as a part of its own')
    const field = this.#field
    field.place = this.#places++
    field.header = header
    field.charset = partCharset(header)
    return field
  }

  /** @returns `undefined` while the filter decides, which then opens the part */
  #openFile(header: PartHeader): OpenPart | undefined {
    const { filename, number } = header
    const safeName = filename === undefined ? nameOfNameless : safeFileName(filename)
    if (safeName === undefined) throw malformedPart(number, `${quote(filename!)} is not a file name`)
    const info = describePart(header, safeName, filename ?? '', this.#context.request)
    this.#fields.checkName(info.field)
    const isTaken = this.#context.filter?.(info) ?? true
    if (typeof isTaken === 'boolean') return this.#openFiltered(info, isTaken)
    this.#decision = isTaken.then((taken) => void (this.#part = this.#openFiltered(info, taken)))
    return undefined
  }

  #openFiltered(info: FileInfo, isTaken: boolean): OpenPart {
    if (!isTaken) return { kind: 'left out', info, size: 0 }
    this.#parts.beginFile(info.field)
    const { fileRules, storeBytes } = this.#context
    const rule = fileRules?.find(info.field)
    const isRejected = fileRules !== undefined && (rule === undefined || !this.#parts.admits(rule, info))
    const rejected = isRejected ? new RejectedContent() : undefined
    const place = this.#places++
    const file: OpenFile = { kind: 'file', place, info, rule, rejected, size: 0, isStreamed: false }
    if (!isRejected && storeBytes === undefined) this.#openStream(file)
    return file
  }

  #addToFile(file: OpenFile, chunk: Buffer, from: number, to: number): void {
    file.size += to - from
    this.#parts.checkFileSize(file.info.field, file.size, file.rule)
    if (file.rejected !== undefined) return file.rejected.add(chunk, from, to)
    if (!file.isStreamed && file.size > smallFile) this.#openStream(file)
    if (file.isStreamed) this.#files!.add(chunk, from, to)
    else this.#bytes.add(chunk, from, to)
  }

  #closeFile(file: OpenFile): void {
    const { place, info, rejected } = file
    if (rejected !== undefined) {
      const isStripped = file.rule === undefined && this.#context.fileRules?.strict === false
      publishUnstored(isStripped ? 'skipped' : 'refused', file)
      return this.#receiver.file!(place, info.field, rejected.toFile(info))
    }
    if (!file.isStreamed) {
      const stored = this.#context.storeBytes!(this.#bytes.toBuffer(), info)
      if (stored !== undefined) return this.#receiver.file!(place, info.field, stored)
      this.#openStream(file)
    }
    this.#files!.close()
  }

  #openStream(file: OpenFile): void {
    file.isStreamed = true
    this.#files ??= new FileStreams()
    this.#files.open((stream) => {
      const received = this.#receiver.stream(file.place, file.info, stream)
      received.catch((error: unknown) => this.fail(error))
      this.#received.push(received)
    })
    if (this.#bytes.size > 0) this.#files.add(this.#bytes.toBuffer(), 0, this.#bytes.size)
  }
}

function publishUnstored(
  outcome: 'skipped' | 'refused',
  { info: { field, type }, size: bytes }: { readonly info: FileInfo; readonly size: number },
  error?: unknown,
): void {
  publishFile({ outcome, field, type, bytes, error })
}

/** RFC 2046 allows 70; other servers take 200 and more. */
const longestBoundary = 200

/**
 * The boundary that a Content-Type header declares.
 *
 * @returns `undefined` if it declares none
 * @throws BodyError `INVALID_BOUNDARY` or `DUPLICATE_BOUNDARY`
 */
export function readBoundary({ parameters }: MediaType): string | undefined {
  const boundaries = parameters.filter(({ name }) => name === 'boundary').map(({ value }) => value)
  const boundary = boundaries[0]
  if (boundary === undefined) return undefined
  const different = boundaries.find((each) => each !== boundary)
  if (different !== undefined) {
    const detail = `The Content-Type header has two boundaries: "${boundary}" and "${different}".`
    throw new BodyError('DUPLICATE_BOUNDARY', { detail })
  }
  const { length } = boundary
  let fault: string | undefined
  if (length === 0) fault = 'is empty'
  else if (length > longestBoundary)
    fault = `has ${length} characters, more than the ${longestBoundary} allowed`
  else if (boundary.endsWith(' ')) fault = 'ends in a space'
  if (fault === undefined) return boundary
  throw new BodyError('INVALID_BOUNDARY', { detail: `The boundary in the Content-Type header ${fault}.` })
}
