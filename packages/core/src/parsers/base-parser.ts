/** What a parser is: a class with a media type and a parse method, as in Django REST framework. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { FileInfo } from '../files/storage.js'
import type { UploadedFile } from '../files/uploaded-file.js'
import type { Limits } from '../limits.js'
import type { MediaType } from '../media-type.js'
import type { RequestMeters } from './meters.js'

/** The parameters of a route, as the framework has them. Express gives a list for a wildcard. */
export type RouteParams = Readonly<Record<string, string | string[] | undefined>>

/** What a schema says about files, for a parser to apply while they arrive. */
export interface FileRules {
  /** Whether a name that the schema does not have makes the whole form invalid. */
  readonly strict: boolean
  /**
   * The rule for a field; `undefined` for a name that the schema does not have, whose files are not to be stored.
   *
   * @throws BodyError `LIMIT_NESTING`
   */
  find(name: string): FileRule | undefined
}

/** The rule for the files of one field. */
export interface FileRule {
  /** What the schema wants there. */
  readonly kind: 'file' | 'value' | 'either'
  /** The list that `maxCount` is about: several names may lead to one. */
  readonly list: string
  /** Bytes of one file. */
  readonly maxSize?: number
  /** Files in the list. */
  readonly maxCount?: number
  /** Whether a file of this name and declared type may pass. */
  accepts(file: { readonly name: string; readonly type: string }): boolean
}

/** What a parser may know of the request besides its body. */
export interface ParserContext {
  readonly headers: IncomingHttpHeaders
  /** The route's parameters. */
  readonly params: RouteParams
  /** The charset that the Content-Type header declares, else `utf-8`: a label that TextDecoder knows. */
  readonly encoding: string
  readonly limits: Limits
  /** What this request has used of its limits, for the parsers that count JSON values and fields. */
  readonly meters?: RequestMeters
  /** What the schema of the route says about its files, where there is one. */
  readonly fileRules: FileRules | undefined
  /** Aborted when the request has failed. */
  readonly signal: AbortSignal
  /**
   * Hands a file to the storages of this route.
   *
   * @throws BodyError `UNHANDLED_FILE`, `STORAGE_FAILED` or `STORAGE_FULL`
   */
  storeFile(stream: Readable, info: FileInfo): Promise<UploadedFile>
  /**
   * Stores a file of at most 64 KiB that has come whole; where it gives `undefined`, `storeFile` has to. There is no such
   * method where the storages of this route want a stream of every file.
   *
   * @throws BodyError as `storeFile` does
   */
  readonly storeBytes: ((bytes: Buffer, info: FileInfo) => UploadedFile | undefined) | undefined
  /**
   * The parser of this route's list for a part of a body with this media type, ready to be called with its bytes or with
   * a stream of them; `undefined` if there is none.
   */
  partParser(mediaType: MediaType): PartParser | undefined
}

/** Reads one part of a body by the part's own media type. Bytes are faster: most parsers then need no stream. */
export type PartParser = (content: Readable | Buffer) => Promise<unknown>

/** The limits that can bound a whole body. */
export type SizeLimit = 'textSize' | 'bodySize' | 'fileSize'

/** A parser class, or a ready instance of one. */
export type ParserLike = BaseParser | (new () => BaseParser)

/**
 * The base of every parser. A parser of one's own sets `mediaType` and overrides `parse`:
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
  /** The media type that this parser reads; `text/*`, `application/*+json` and any type are ranges. */
  abstract readonly mediaType: string

  /** The limits that bound the body. By default `textSize` for `text/*` and `bodySize` for everything else. */
  get sizeLimits(): readonly SizeLimit[] {
    return [this.mediaType.startsWith('text/') ? 'textSize' : 'bodySize']
  }

  /** Whether a body with a Content-Encoding (gzip, deflate, br) is inflated for this parser. Default false. */
  get inflates(): boolean {
    return false
  }

  /**
   * Reads a body.
   *
   * @param stream the body's bytes, limited: reading past a limit throws the 413
   * @param mediaType the media type of the request, which may be more specific than the parser's
   * @returns the parsed data, or a `DataAndFiles`
   * @throws BodyError where the body is not what its media type says. Any other error is taken for a programming
   * error and answered 500.
   */
  abstract parse(stream: Readable, mediaType: MediaType, context: ParserContext): unknown

  /**
   * Reads a small body that had come whole before anybody looked at it; returns and throws the same as `parse`, which reads
   * all other bodies. Optional: it saves the making of a stream.
   *
   * A class that overrides `parse` does without what it inherits of this method.
   */
  parseBytes?(bytes: Buffer, mediaType: MediaType, context: ParserContext): unknown
}
