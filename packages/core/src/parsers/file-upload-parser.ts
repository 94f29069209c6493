/** The parser for a body that is a bare file. */
import type { Readable } from 'node:stream'
import { DataAndFiles } from './data-and-files.js'
import { BodyError } from '../errors.js'
import { publishFile } from '../events.js'
import { safeFileName } from '../storages/safe-name.js'
import { RejectedContent } from '../files/rejected-file.js'
import { DescribedFile, type UploadedFile } from '../files/uploaded-file.js'
import type { MediaType } from '../http/media-type.js'
import { BaseParser, type ParserContext, type SizeLimit } from './base-parser.js'
import { guessFormat, readStart } from './guess-format.js'
import { DispositionFault, parseContentDisposition } from '../http/content-disposition.js'
import { forEachChunk } from '../http/body-stream.js'

/** The field under which a raw file is listed. */
export const rawFileField = 'file'

/** Options of `FileUploadParser`. */
export interface FileUploadParserOptions {
  /** The media types that may be uploaded, such as `image/*`: one or a list. Default: any. */
  readonly mediaType?: string | readonly string[]
  /** Replacements for the default messages, as in Django REST framework. */
  readonly errorMessages?: {
    /** No storage accepts the file. */
    readonly unhandled?: string
    /** Neither the route nor Content-Disposition names the file. */
    readonly no_filename?: string
  }
}

/**
 * Stores the body as `files.file`, named by the route's `filename` parameter or else by the Content-Disposition header.
 *
 * ```ts
 * parsers([new FileUploadParser({ mediaType: 'image/*' })]) // of app.put('/photos/:filename')
 * ```
 */
export class FileUploadParser extends BaseParser {
  readonly mediaType: string | readonly string[]
  readonly errorMessages: NonNullable<FileUploadParserOptions['errorMessages']>

  constructor(options: FileUploadParserOptions = {}) {
    super()
    this.mediaType = options.mediaType ?? '*/*'
    this.errorMessages = options.errorMessages ?? {}
  }

  override get sizeLimits(): readonly SizeLimit[] {
    return ['bodySize', 'fileSize']
  }

  /** @throws BodyError `MISSING_FILENAME`, `UNHANDLED_FILE`, or a 415 for a multipart body */
  async parse(stream: Readable, mediaType: MediaType, context: ParserContext): Promise<DataAndFiles> {
    const bytes = await refuseForm(stream, mediaType)
    const { filename = dispositionName(context) } = context.params
    const originalName = Array.isArray(filename) ? filename.join('/') : filename
    const name = originalName === undefined ? undefined : safeFileName(originalName)
    if (originalName === undefined || name === undefined)
      throw new BodyError('MISSING_FILENAME', { detail: this.errorMessages.no_filename })
    const length = context.headers['content-length']
    const info = new DescribedFile(rawFileField, name, originalName, mediaType.essence, context.request)
    info.headers = {}
    if (length !== undefined) info.expectedSize = Number(length)
    if ((await context.filter?.(info)) === false) {
      await drain(bytes, info)
      return new DataAndFiles({})
    }
    const isUnknown = context.fileRules !== undefined && context.fileRules.find(info.field) === undefined
    try {
      const file = isUnknown ? await drain(bytes, info) : await context.storeFile(bytes, info)
      return new DataAndFiles({}, { [rawFileField]: [file] })
    } catch (error) {
      const { unhandled } = this.errorMessages
      if (unhandled === undefined || !(error instanceof BodyError) || error.code !== 'UNHANDLED_FILE')
        throw error
      throw new BodyError('UNHANDLED_FILE', { detail: unhandled, field: rawFileField, cause: error })
    }
  }
}

/** Reads a file that is left out, or that the schema does not know and so strips or refuses. */
async function drain(stream: Readable, info: DescribedFile): Promise<UploadedFile> {
  const content = new RejectedContent()
  await forEachChunk(stream, (chunk) => {
    content.add(chunk, 0, chunk.length)
    return undefined
  })
  const { field, type } = info
  publishFile({ outcome: 'skipped', field, type, bytes: content.size })
  return content.toFile(info)
}

/** The name in the Content-Disposition header of the request. */
function dispositionName({ headers }: ParserContext): string | undefined {
  const header = headers['content-disposition']
  if (header === undefined) return undefined
  try {
    return parseContentDisposition(header).filename
  } catch (fault) {
    if (!(fault instanceof DispositionFault)) throw fault
    const detail = `The filename cannot be read: ${fault.message}.`
    throw new BodyError(fault.charset === undefined ? 'MISSING_FILENAME' : 'INVALID_CHARSET', { detail })
  }
}

/** Refuses a multipart form, which would be stored with its delimiters. @returns the body, to be read from its start */
async function refuseForm(stream: Readable, mediaType: MediaType): Promise<Readable> {
  if (mediaType.type === 'multipart') {
    throw new BodyError('UNSUPPORTED_MEDIA_TYPE', {
      detail: `Unsupported media type "${mediaType.source}" in request: this route takes the bare file.`,
      hint: bareFileHint,
    })
  }
  if (mediaType.essence !== '') return stream
  const { start, whole } = await readStart(stream)
  if (guessFormat(start).kind !== 'multipart') return whole
  throw new BodyError('MISSING_CONTENT_TYPE', {
    detail: 'The request has no Content-Type header, and its body looks like multipart/form-data.',
    hint: bareFileHint,
  })
}

const bareFileHint =
  'Send the file itself as the body, without a form around it: curl -T photo.png, or data=open("photo.png", "rb") in ' +
  'python-requests.'
