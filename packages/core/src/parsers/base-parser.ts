/** The base class of parsers, with a media type and a parse method as in Django REST framework. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { BodyError } from '../errors.js'
import type { FileDescription } from '../storages/storage.js'
import type { UploadedFile } from '../files/uploaded-file.js'
import { charsetOf, readBytes } from '../http/charset.js'
import type { MediaType } from '../http/media-type.js'
import type { FrameworkRequest } from '../http/progress.js'
import type { Limits } from '../limits.js'
import { quote, type FileRules, type RequestMeters } from './form-limits.js'

/** The parameters of a route, as the framework gives them. Express gives a list for a wildcard. */
export type RouteParams = Readonly<Record<string, string | string[] | undefined>>

/** What a parser knows of the request besides its body. */
export interface ParserContext {
  readonly headers: IncomingHttpHeaders
  /** The request that the handlers get. */
  readonly request: FrameworkRequest
  readonly params: RouteParams
  /** The charset that the Content-Type header declares, else `utf-8`, as a label that TextDecoder knows. */
  readonly encoding: string
  readonly limits: Limits
  /** Counts the fields and JSON values of the request. */
  readonly meters?: RequestMeters
  /** What the schema of the route says about its files. */
  readonly fileRules: FileRules | undefined
  /** Aborted when the request fails. */
  readonly signal: AbortSignal
  /**
   * Whether the route takes a file, if it has a `filter`. Drain one that it does not take, and leave it out.
   *
   * @throws the error of the filter
   */
  readonly filter?: ((file: FileDescription) => boolean | Promise<boolean>) | undefined
  /**
   * Hands a file to the storages of this route, and tells them the request.
   *
   * @throws BodyError `UNHANDLED_FILE`, `STORAGE_FAILED` or `STORAGE_FULL`
   */
  storeFile(stream: Readable, info: FileDescription): Promise<UploadedFile>
  /**
   * Stores a whole file of at most 64 KiB. If it returns `undefined`, call `storeFile`. The method itself is `undefined` if
   * the storages of this route want every file as a stream.
   *
   * @throws BodyError as `storeFile` does
   */
  readonly storeBytes: ((bytes: Buffer, info: FileDescription) => UploadedFile | undefined) | undefined
  /** The parser of this route for a part with this media type, if there is one. */
  partParser(mediaType: MediaType): PartParser | undefined
}

/** Reads one part by its own media type. Pass bytes if you have them: most parsers then need no stream. */
export type PartParser = (content: Readable | Buffer) => Promise<unknown>

/** A limit on the size of a whole body. */
export type SizeLimit = 'textSize' | 'bodySize' | 'fileSize'

/** A parser class or an instance of one. */
export type ParserLike = BaseParser | (new () => BaseParser)

/**
 * The base of every parser. To write your own, set `mediaType` and override `parse`:
 *
 * ```ts
 * class CsvParser extends BaseParser {
 *   mediaType = 'text/csv'
 *   async parse(stream: Readable) {
 *     return (await text(stream)).trim().split('\n').map((line) => line.split(','))
 *   }
 * }
 * ```
 */
export abstract class BaseParser {
  /** The media type that this parser reads, or a range (`text/*`, `application/*+json`, any type), or a list of these. */
  abstract readonly mediaType: string | readonly string[]

  /**
   * Whether the names of the forms that it reads, such as `a[b]`, make objects and lists in `data`. Default: as the option
   * `nested` of the `multipart()` or of the route says.
   */
  readonly nested?: boolean | undefined

  /** The limits on the size of the body. By default `textSize` for `text/*`, else `bodySize`. */
  get sizeLimits(): readonly SizeLimit[] {
    return [[this.mediaType].flat().every((type) => type.startsWith('text/')) ? 'textSize' : 'bodySize']
  }

  /** If true, a body with a Content-Encoding (gzip, deflate, br) is decompressed for this parser. Default false. */
  get inflates(): boolean {
    return false
  }

  /** The data of a body without a byte. By default an empty object. */
  get emptyData(): unknown {
    return undefined
  }

  /**
   * Reads a body.
   *
   * @param stream the bytes of the body; reading past a limit throws the 413
   * @param mediaType the media type of the request, which may be more specific than the parser's
   * @returns the parsed data, or a `DataAndFiles`
   * @throws BodyError if the body is not what its media type says. Any other error is answered with 500.
   */
  abstract parse(stream: Readable, mediaType: MediaType, context: ParserContext): unknown

  /**
   * Reads a small body that arrived whole, which is faster without a stream. Optional; it returns and throws the same as
   * `parse`. It is not called on a class that overrides `parse` alone.
   */
  parseBytes?(bytes: Buffer, mediaType: MediaType, context: ParserContext): unknown

  /**
   * Takes over what a parser above Formgate, such as `express.json()`, has made of a body that it has read. Optional: without
   * it, such a body is a 500. It returns and throws the same as `parse`, and is not called on a class that overrides `parse`
   * alone.
   */
  adopt?(value: unknown, context: ParserContext): unknown
}

/** The base of parsers for a text, which is read whole. */
export abstract class TextParser<Data> extends BaseParser {
  override get sizeLimits(): readonly SizeLimit[] {
    return ['textSize']
  }

  override get inflates(): boolean {
    return true
  }

  /** @throws BodyError as `readText` does, and `UNSUPPORTED_MEDIA_TYPE` for an unknown charset */
  async parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<Data> {
    // Before the body is read: an unknown charset needs no byte of it.
    const charset = charsetOf(mediaType)
    return this.readText(await readBytes(stream), charset, context)
  }

  override parseBytes(bytes: Buffer, mediaType: MediaType, context: ParserContext): Data {
    return this.readText(bytes, charsetOf(mediaType), context)
  }

  /** @param charset that the header declares, as a label that TextDecoder knows; default `utf-8` */
  protected abstract readText(bytes: Buffer, charset: string, context: ParserContext): Data
}

/** Reads the value of a field. @throws BodyError what the parser throws, with the name of the field in it */
export async function parsePart(parser: PartParser, content: Buffer, name: string): Promise<unknown> {
  try {
    // The part was sent, so its value is not undefined.
    return (await parser(content)) ?? null
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    const detail = `In the field ${quote(name)}: ${error.detail}`
    const { code, status, hint, limit } = error
    throw new BodyError(code, { status, hint, limit, detail, field: name, cause: error })
  }
}
