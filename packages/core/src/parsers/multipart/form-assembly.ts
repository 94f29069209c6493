/** Puts a form together from its parts. */
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Entry } from '../../entries.js'
import { safeFileName } from '../../files/file-name.js'
import type { FileInfo } from '../../files/storage.js'
import { UnstoredContent } from '../../files/unstored-file.js'
import { isJson, isKnownCharset } from '../../media-type.js'
import type { FileRule, ParserContext } from '../base-parser.js'
import { quote } from '../field-meter.js'
import { GatheredBytes } from '../gathered-bytes.js'
import { parsePart } from '../parse-part.js'
import { decodeText, isUtf8Label } from '../text-body.js'
import { FileReader } from './busboy.js'
import type { PartListener } from './framing.js'
import { malformedPart, partCharset, parsePartHeader, type PartHeader } from './part-header.js'
import { PartMeter } from './part-meter.js'

/** What happens to the content of the part that is arriving. */
interface OpenPart {
  add(piece: Buffer, from: number, to: number): void
  close(): void
}

/** The field that names the charset of all others (WHATWG HTML, 4.10.18.1). */
const charsetFieldName = '_charset_'

/** Takes the parts as the framing finds them; gives the entries of the form, in the same order. */
export class FormAssembly implements PartListener {
  readonly #context: ParserContext
  readonly #charsetField: boolean
  readonly #meter: PartMeter
  /** One for each part that counts; `undefined` until it is complete. */
  readonly #entries: (Entry | undefined)[] = []
  #files: FileReader | undefined
  readonly #stores: Promise<void>[] = []
  /** What is decoded when the whole form is there: which error is answered must not depend on how it was cut. */
  readonly #deferred: (() => void | Promise<void>)[] = []
  #storeFailure: unknown
  #part: OpenPart | undefined

  /** @param charsetField whether `_charset_` names the charset of the text fields */
  constructor(context: ParserContext, charsetField: boolean) {
    this.#context = context
    this.#charsetField = charsetField
    this.#meter = new PartMeter(context.limits)
  }

  openPart(text: string): void {
    const header = parsePartHeader(text, this.#meter.beginPart())
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

  /** Hands on what has come so far. @returns a promise where there is no room for more yet */
  flush(): Promise<void> | undefined {
    return this.#files?.flush()
  }

  /** The body is complete: waits for every file and gives the entries. */
  async end(): Promise<readonly Entry[]> {
    await this.#files?.end()
    await Promise.all(this.#stores)
    for (const decode of this.#deferred) await decode()
    return this.#entries.filter((entry) => entry !== undefined)
  }

  /**
   * Why a file that began before the fault of the body could not be stored. A fault is found as soon as its bytes are
   * there, and must not get ahead of a file that no storage takes, only because both came in one piece.
   */
  async earlierFailure(): Promise<unknown> {
    if (this.#files === undefined) return undefined
    void this.#files.flush()?.catch(() => undefined)
    await setImmediate()
    return this.#storeFailure
  }

  /** Stops every store. */
  fail(error: unknown): void {
    this.#files?.fail(error)
  }

  #openField(header: PartHeader): OpenPart {
    const { name } = header
    this.#meter.beginField(name)
    const slot = this.#entries.push(undefined) - 1
    const finish = this.#fieldDecoder(header, slot)
    const bytes = new GatheredBytes()
    return {
      add: (piece, from, to) => {
        bytes.add(piece, from, to)
        this.#meter.addToField(name, to - from, bytes.size)
      },
      close: () => finish(bytes),
    }
  }

  /** What a field's bytes come to when its part is complete. */
  #fieldDecoder(header: PartHeader, slot: number): (bytes: GatheredBytes) => void {
    const { name, mediaType } = header
    const setText = (value: string): void => {
      this.#entries[slot] = { kind: 'text', name, value }
    }
    const charset = partCharset(header)
    const isText = mediaType === undefined || mediaType.essence === 'text/plain'
    if (mediaType?.type === 'multipart') {
      throw malformedPart(header.number, 'it holds several parts itself: send each file as a part of its own')
    }
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
        const buffer = bytes.toBuffer()
        this.#deferred.push(() => setText(decodeText(buffer, this.#formCharset())))
      }
    }
    if (charset === undefined || isUtf8Label(charset)) return (bytes) => setText(bytes.toString('utf8'))
    return (bytes) => setText(decodeText(bytes.toBuffer(), charset))
  }

  /** A part with a file name. A browser gives one to a Blob of JSON too, where the schema wants its value. */
  #openNamed(header: PartHeader, filename: string): OpenPart {
    const { name, number, mediaType, fields } = header
    const rules = this.#context.fileRules
    const rule = rules?.find(name)
    if (rule?.kind === 'value' && mediaType !== undefined && isJson(mediaType)) return this.#openField(header)
    this.#meter.beginFile(name)
    const safeName = safeFileName(filename)
    if (safeName === undefined) throw malformedPart(number, `${quote(filename)} is no name for a file`)
    const info = {
      field: name,
      name: safeName,
      originalName: filename,
      type: mediaType?.essence ?? '',
      headers: fields,
    }
    const isRefused = rule === undefined ? rules?.strict === true : !this.#meter.admits(rule, info)
    return isRefused ? this.#openRefused(info, rule) : this.#openFile(info, rule)
  }

  /** A file that the schema will refuse: its content is not stored, and the schema says why when the form is complete. */
  #openRefused(info: FileInfo, rule: FileRule | undefined): OpenPart {
    const slot = this.#entries.push(undefined) - 1
    const content = new UnstoredContent()
    return {
      add: (piece, from, to) => {
        content.add(piece, from, to)
        this.#meter.addToFile(info.field, content.size, rule)
      },
      close: () => {
        this.#entries[slot] = { kind: 'file', name: info.field, value: content.toFile(info) }
      },
    }
  }

  #openFile(info: FileInfo, rule: FileRule | undefined): OpenPart {
    const slot = this.#entries.push(undefined) - 1
    const files = (this.#files ??= new FileReader())
    files.open((stream) => this.#store(stream, info, slot))
    let size = 0
    return {
      add: (piece, from, to) => {
        size += to - from
        this.#meter.addToFile(info.field, size, rule)
        files.content(piece, from, to)
      },
      close: () => undefined,
    }
  }

  #store(stream: Readable, info: FileInfo, slot: number): void {
    const stored = this.#context.storeFile(stream, info).then((value) => {
      this.#entries[slot] = { kind: 'file', name: info.field, value }
    })
    stored.catch((error: unknown) => {
      this.#storeFailure ??= error
      this.fail(error)
    })
    this.#stores.push(stored)
  }

  #formCharset(): string {
    const named = this.#entries.find((entry) => entry?.name === charsetFieldName)?.value
    return typeof named === 'string' && isKnownCharset(named) ? named : 'utf-8'
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
