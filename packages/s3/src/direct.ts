/** Files of a form that browsers upload straight to the bucket. */
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import {
  BodyError,
  defaultLimits,
  FormParser,
  JSONParser,
  MultiPartParser,
  type BaseParser,
  type FileRules,
  type FrameworkRequest,
  type Schema,
  type Storage,
} from '@formgate/core'
import { fileRules } from '@formgate/core/storage'
import { PendingUploads } from './pending-uploads.js'
import type { S3File } from './s3-file.js'
import { resolveOptions, type S3Options } from './s3-options.js'
import { ticketLifetime, Tickets, type TicketOwner } from './tickets.js'

/** Options of `directUploads()`: those of `s3()`, but for `key` and `overwrite`, and these. */
export interface DirectUploadOptions<Request = FrameworkRequest> extends Omit<
  S3Options<Request>,
  'key' | 'overwrite'
> {
  /** The name of the form. Tickets of a form with another name are refused. */
  readonly name: string
  /** Signs the tickets: at least 32 characters, the same in every process. */
  readonly secret: string
  /**
   * Returns who sends a request, such as the id of the user. A ticket is valid only for the owner who requested it. Called for
   * each ticket that is handed out and for each form with tickets; an error that it throws becomes the answer.
   */
  readonly owner: { owner(request: Request): string | Promise<string> }['owner']
  /**
   * Where files lie until their form arrives. Default `incoming/`. Let a lifecycle rule remove objects with this prefix after a
   * day or more.
   */
  readonly pending?: string
  /** How long an upload may begin after its ticket was handed out, in seconds. Default 900, at most 86,400 (a day). */
  readonly expires?: number
}

/** What a page sends to request a ticket. */
export interface UploadRequest {
  /** The name of the form field. */
  readonly field: string
  /** The file name. */
  readonly name: string
  /** The media type. Default `application/octet-stream`. */
  readonly type?: string
  /** Bytes. */
  readonly size: number
}

/** What a page gets to upload a file. */
export interface UploadTicket {
  /** Where to POST a multipart form with `fields` and, after them, the file in the field `file`. */
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
  /** The value of the form field, in place of the file. It is valid for a day. */
  readonly ticket: string
}

/** What `directUploads()` returns: the parts of the two routes that a direct upload needs. */
export interface DirectUploads<Request = FrameworkRequest> {
  /** The schema of the request for a ticket: `body(uploads.request)`. It applies the file rules of the form. */
  readonly request: Schema<UploadRequest>
  /**
   * Hands out a ticket.
   *
   * @param file the `data` of a route with `body(uploads.request)`
   * @param request the request of the route, for `owner`
   * @throws BodyError `VALIDATION_FAILED` for a file that the schema of the form does not accept; what `owner` throws
   */
  sign(file: UploadRequest, request: Request): Promise<UploadTicket>
  /**
   * Options of the route that gets the form: `form(schema, uploads.options)`. Its tickets become files in the bucket. Files in
   * the form itself are stored there too.
   */
  readonly options: { readonly parsers: readonly BaseParser[]; readonly storage: Storage<S3File> }
}

/**
 * Lets browsers upload the files of a form straight to the bucket.
 *
 * A page requests a ticket for each file, uploads the file with the presigned POST that comes with it, and sends the form with
 * the tickets in place of the files. The route then checks each file, moves it out of the reach of the client, and hands it to
 * the handler as if it had come with the form: it is removed when the response has ended, unless the handler keeps it.
 *
 * A ticket is for one owner, form, field, size and media type, and for one use. It is used up when its file is moved, also if
 * the form is refused after that.
 *
 * @param schema that of the form
 * @throws TypeError for an invalid option
 */
export function directUploads<Request = FrameworkRequest>(
  schema: Schema,
  options: DirectUploadOptions<Request>,
): DirectUploads<Request> {
  const { name, secret, owner, pending: prefix = 'incoming/', expires = 900, ...ofBucket } = options
  checkOptions({ ...options, pending: prefix, expires })
  const settings = resolveOptions(ofBucket as S3Options)
  const rules = fileRules(schema, defaultLimits)
  const tickets = new Tickets(secret, [settings.bucket, prefix, name], owner as TicketOwner)
  const pending = new PendingUploads(settings, prefix, tickets)
  return {
    request: {
      '~standard': {
        version: 1,
        vendor: 'formgate',
        validate: (value) => ({ value: checkRequest(value, rules) }),
      },
    },
    async sign(asked, request) {
      const { field, ...file } = checkRequest(asked, rules)
      const owner = await tickets.ownerOf(request as FrameworkRequest)
      const { ticket, text } = tickets.issue(file, field, owner)
      const { url, fields } = await createPresignedPost(settings.client, {
        Bucket: settings.bucket,
        Key: pending.keyOf(ticket),
        Fields: { 'Content-Type': file.type },
        Conditions: [['content-length-range', file.size, file.size]],
        Expires: expires,
      })
      return { url, fields, ticket: text }
    },
    options: {
      // JSON is for parts of the form.
      parsers: [
        redeeming(new FormParser(), pending),
        redeeming(new MultiPartParser(), pending),
        new JSONParser(),
      ],
      storage: pending,
    },
  }
}

/** Lets a parser put files in the place of tickets. @returns the parser */
function redeeming<Parser extends FormParser | MultiPartParser>(
  parser: Parser,
  pending: PendingUploads,
): Parser {
  const read = parser.parse.bind(parser)
  const parse: typeof read = async (stream, mediaType, context) =>
    pending.redeem(await read(stream, mediaType, context), context)
  return Object.assign(parser, { parse })
}

function checkOptions<Request>(options: DirectUploadOptions<Request>): void {
  const { name, secret, owner, pending, prefix = '', expires = 0 } = options
  if (typeof name !== 'string' || name === '') throw new TypeError('name must be the name of the form.')
  if (typeof secret !== 'string' || secret.length < 32)
    throw new TypeError('secret must be a string of at least 32 characters.')
  if (typeof owner !== 'function') throw new TypeError('owner must be a function.')
  if (typeof pending !== 'string' || pending === '') throw new TypeError('pending must be a prefix.')
  if (prefix.startsWith(pending))
    throw new TypeError('prefix must not begin with `pending`: the objects below that expire.')
  if (!Number.isInteger(expires) || expires < 1 || expires > ticketLifetime)
    throw new TypeError(`expires must be an integer from 1 to ${ticketLifetime}, in seconds.`)
}

/**
 * Checks a request for a ticket against the file rules of the form.
 *
 * @throws BodyError `VALIDATION_FAILED`
 */
function checkRequest(value: unknown, rules: FileRules): Required<UploadRequest> {
  const { field, name, type = '', size } = (value ?? {}) as Partial<Record<keyof UploadRequest, unknown>>
  // As in a form: the rules remember names.
  if (typeof field !== 'string' || Buffer.byteLength(field) > defaultLimits.fieldNameSize)
    throw invalid('field', 'Expected the name of a field')
  if (typeof name !== 'string' || name === '') throw invalid('name', 'Expected a file name')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid('size', 'Expected a size in bytes')
  const bare = typeof type === 'string' ? type.split(';', 1)[0]!.trim().toLowerCase() : '?'
  const isMediaType = bare.includes('/') && bare.length <= 255 && /^[\x21-\x7e]+$/.test(bare)
  if (bare !== '' && !isMediaType) throw invalid('type', 'Expected a media type')
  const file = { field, name: name.slice(0, 255), type: bare || 'application/octet-stream', size }
  const rule = rules.find(field)
  if (rule === undefined || rule.kind === 'value') throw invalid(field, 'The form has no such file')
  if (!rule.accepts(file)) throw invalid(field, `Invalid file type: ${file.type}`)
  const most = rule.maxSize ?? defaultLimits.fileSize
  if (size <= most) return file
  const errors = rule.tooLarge?.(size, 0)
  if (errors !== undefined) throw new BodyError('VALIDATION_FAILED', { errors })
  throw invalid(field, `Too big: expected a file of at most ${most} bytes`)
}

function invalid(path: string, message: string): BodyError {
  return new BodyError('VALIDATION_FAILED', { errors: [{ path, message, code: 'custom' }] })
}
