/** Reads the parts that the scanner finds: fields whole, files as streams. */
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { ByteBuffer } from '../../bytes/byte-buffer.js'
import { BodyError } from '../../errors.js'
import { publishFile } from '../../events.js'
import { RejectedContent } from '../../files/rejected-file.js'
import { type Body, destroyBody, forEachChunk } from '../../http/body-stream.js'
import { isJson, isTextual, type MediaType } from '../../http/media-type.js'
import type { Limits } from '../../limits.js'
import { safeFileName } from '../../storages/safe-name.js'
import type { FrameworkRequest } from '../../http/progress.js'
import type { FileInfo } from '../../storages/storage.js'
import { FieldLimits, PartLimits, quote, type FileRule, type FileRules } from '../form-limits.js'
import { readStart } from '../guess-format.js'
import { malformedPart, missingBoundary } from './diagnose.js'
import { FileStreams } from './file-streams.js'
import { describePart, parsePartHeader, partCharset, type PartHeader } from './part-header.js'
import { MultipartScanner, type PartListener } from './scanner.js'

/**
 * Receives the parts of one body. Each has a place, counted from 0: a file may come after the parts behind it. An error
 * from any method ends the reading.
 */
export interface PartReceiver {
  /** The request that the description of a file names. */
  readonly request: FrameworkRequest
  /**
   * @param bytes the whole value; the object is reused for the next part
   * @param charset the charset that the part declares, as a label that TextDecoder knows
   */
  field(place: number, header: PartHeader, bytes: ByteBuffer, charset: string | undefined): void
  /** @returns whether the file is taken. One that is not is drained, and has no place */
  filter(info: FileInfo): boolean | Promise<boolean>
  /** A file comes when the files before it have been read. @returns a promise that the reader waits for */
  file(place: number, info: FileInfo, stream: Readable): Promise<void>
  /** True to be offered files of at most 64 KiB whole. */
  readonly takesWholeFiles?: boolean
  /** Takes a file whole. @returns false to get it as a stream */
  wholeFile?(place: number, info: FileInfo, bytes: Buffer): boolean
  /** True if a parser reads parts of this type. Of a part without a file name the others are files, text excepted. */
  readsPart?(mediaType: MediaType): boolean
  /** A file that the schema refuses. Needed where there are file rules. */
  rejectedFile?(place: number, info: FileInfo, content: RejectedContent): void
  /** @returns a promise while the reader should not read on */
  ready?(): Promise<void> | undefined
}

/** The name of a file that was sent without one: what browsers call a Blob in a form (WHATWG XHR, FormData). */
const nameOfNameless = 'blob'

/** Bytes. A stream costs more than so few bytes do. */
const smallFile = 64 * 1024

/** The field that is arriving. One object for all fields of a form, which may be a thousand. */
class OpenField {
  readonly kind = 'field'
  place = 0
  header: PartHeader | undefined
  charset: string | undefined
}

interface OpenFile {
  readonly kind: 'file'
  readonly place: number
  readonly info: FileInfo
  readonly rule: FileRule | undefined
  readonly rejected: RejectedContent | undefined
  size: number
  isStreamed: boolean
}

type OpenPart = OpenField | OpenFile | { readonly kind: 'no file chosen'; readonly number: number } | LeftOut

/** A file that the filter leaves out. */
interface LeftOut {
  readonly kind: 'left out'
  readonly info: FileInfo
  size: number
}

/** Reads the parts of one body, within the limits. */
export class PartReader implements PartListener {
  readonly #limits: Limits
  readonly #receiver: PartReceiver
  readonly #rules: FileRules | undefined
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

  /** @param fields the limits that the fields of the whole request share */
  constructor(
    limits: Limits,
    receiver: PartReceiver,
    rules?: FileRules,
    fields: FieldLimits = new FieldLimits(limits),
  ) {
    this.#limits = limits
    this.#receiver = receiver
    this.#rules = rules
    this.#fields = fields
    this.#parts = new PartLimits(limits)
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
      const first = await this.#earlierFailure(error)
      const part = this.#part
      // One that has a stream is refused by what reads it.
      if (part?.kind === 'file' && !part.isStreamed) publishUnstored('refused', part, first)
      this.fail(first)
      throw first
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
    const receiver = this.#receiver
    if (receiver.ready === undefined) return busy
    return busy === undefined ? receiver.ready() : busy.then(() => receiver.ready!())
  }

  /**
   * The scanner finds a fault as soon as its bytes arrive. If a file before it fails too, the file's error comes first,
   * even when both arrived in one chunk.
   */
  async #earlierFailure(fault: unknown): Promise<unknown> {
    if (this.#failure === undefined && this.#files !== undefined) {
      void this.#files.flush()?.catch(() => undefined)
      await setImmediate()
    }
    return this.#failure === undefined ? fault : this.#failure.reason
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
    const { filename, mediaType } = header
    this.#bytes.truncate(0)
    if (filename === '') this.#part = { kind: 'no file chosen', number }
    else if (filename !== undefined) this.#part = this.#openNamed(header, filename)
    else if (mediaType === undefined || this.#isField(mediaType)) this.#part = this.#openField(header)
    else this.#part = this.#openFiltered(this.#describe(header, nameOfNameless, ''))
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

  /** True if a part of this type is a field unless it has a file name. One that is itself a form is refused as a field. */
  #isField(mediaType: MediaType): boolean {
    const { type, essence } = mediaType
    if (type === 'multipart' || (type !== 'image' && isTextual(essence))) return true
    return this.#receiver.readsPart?.(mediaType) === true
  }

  #openField(header: PartHeader): OpenField {
    const { name, mediaType, number } = header
    this.#fields.begin(name)
    if (mediaType?.type === 'multipart')
      throw malformedPart(number, 'it is itself a multipart body: send each file as a part of its own')
    const field = this.#field
    field.place = this.#places++
    field.header = header
    field.charset = partCharset(header)
    return field
  }

  /** A part with a filename. Browsers give one to a Blob of JSON too, where the schema wants its value. */
  #openNamed(header: PartHeader, filename: string): OpenPart | undefined {
    const { name, number, mediaType } = header
    const isValue = mediaType !== undefined && isJson(mediaType) && this.#rules?.find(name)?.kind === 'value'
    if (isValue) return this.#openField(header)
    const safeName = safeFileName(filename)
    if (safeName !== undefined) return this.#openFiltered(this.#describe(header, safeName, filename))
    throw malformedPart(number, `${quote(filename)} is not a file name`)
  }

  #describe(header: PartHeader, safeName: string, originalName: string): FileInfo {
    return describePart(header, safeName, originalName, this.#receiver.request)
  }

  /** @returns `undefined` while the filter decides, which then opens the part */
  #openFiltered(info: FileInfo): OpenPart | undefined {
    this.#fields.checkName(info.field)
    const isTaken = this.#receiver.filter(info)
    if (isTaken === true) return this.#openFile(info)
    const leftOut: LeftOut = { kind: 'left out', info, size: 0 }
    if (isTaken === false) return leftOut
    this.#decision = isTaken.then((taken) => void (this.#part = taken ? this.#openFile(info) : leftOut))
    return undefined
  }

  #openFile(info: FileInfo): OpenFile {
    this.#parts.beginFile(info.field)
    const rules = this.#rules
    const rule = rules?.find(info.field)
    const isRejected = rules !== undefined && (rule === undefined || !this.#parts.admits(rule, info))
    const rejected = isRejected ? new RejectedContent() : undefined
    const place = this.#places++
    const file: OpenFile = { kind: 'file', place, info, rule, rejected, size: 0, isStreamed: false }
    if (!isRejected && this.#receiver.takesWholeFiles !== true) this.#openStream(file)
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
      const isStripped = file.rule === undefined && this.#rules?.strict === false
      publishUnstored(isStripped ? 'skipped' : 'refused', file)
      return this.#receiver.rejectedFile!(place, info, rejected)
    }
    if (!file.isStreamed) {
      if (this.#receiver.wholeFile!(place, info, this.#bytes.toBuffer())) return
      this.#openStream(file)
    }
    this.#files!.close()
  }

  #openStream(file: OpenFile): void {
    file.isStreamed = true
    this.#files ??= new FileStreams((place, info, stream) => {
      const received = this.#receiver.file(place, info, stream)
      received.catch((error: unknown) => this.fail(error))
      this.#received.push(received)
    })
    this.#files.open(file.place, file.info)
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
  const [boundary, ...others] = parameters.flatMap(({ name, value }) => (name === 'boundary' ? [value] : []))
  if (boundary === undefined) return undefined
  const different = others.find((other) => other !== boundary)
  if (different !== undefined) {
    const detail = `The Content-Type header has two boundaries: "${boundary}" and "${different}".`
    throw new BodyError('DUPLICATE_BOUNDARY', { detail })
  }
  const fault = boundaryFault(boundary)
  if (fault === undefined) return boundary
  throw new BodyError('INVALID_BOUNDARY', { detail: `The boundary in the Content-Type header ${fault}.` })
}

function boundaryFault(boundary: string): string | undefined {
  if (boundary === '') return 'is empty'
  if (boundary.length > longestBoundary)
    return `has ${boundary.length} characters, more than the ${longestBoundary} allowed`
  return boundary.endsWith(' ') ? 'ends in a space' : undefined
}
