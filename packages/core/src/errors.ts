/** The error class of Formgate, with the status, the detail and the hint of each code. */
import { cutText, quoteControls } from './http/shown-text.js'

/** One issue in the `errors` of a problem. */
export interface FieldIssue {
  /** The field, such as `items[0].price`. */
  readonly path: string
  readonly message: string
  readonly code: string
}

/** Every code that a {@link BodyError} can have. */
export type ErrorCode =
  | 'MISSING_BOUNDARY'
  | 'INVALID_BOUNDARY'
  | 'DUPLICATE_BOUNDARY'
  | 'BOUNDARY_MISMATCH'
  | 'NOT_MULTIPART'
  | 'TRUNCATED_BODY'
  | 'LF_LINE_ENDINGS'
  | 'MALFORMED_PART'
  | 'MISSING_PART_NAME'
  | 'MALFORMED_JSON'
  | 'MALFORMED_FORM'
  | 'MALFORMED_ENCODING'
  | 'INVALID_CHARSET'
  | 'MISSING_FILENAME'
  | 'UNHANDLED_FILE'
  | 'LENGTH_MISMATCH'
  | 'INVALID_TICKET'
  | 'IDLE_TIMEOUT'
  | 'TOTAL_TIMEOUT'
  | 'USED_TICKET'
  | 'UPLOAD_MISSING'
  | 'LIMIT_FILE_SIZE'
  | 'LIMIT_FIELD_SIZE'
  | 'LIMIT_FIELD_NAME'
  | 'LIMIT_FIELDS'
  | 'LIMIT_FILES'
  | 'LIMIT_PARTS'
  | 'LIMIT_BODY_SIZE'
  | 'LIMIT_HEADER_SIZE'
  | 'LIMIT_NESTING'
  | 'LIMIT_JSON_VALUES'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'MISSING_CONTENT_TYPE'
  | 'UNSUPPORTED_ENCODING'
  | 'VALIDATION_FAILED'
  | 'FILE_REFUSED'
  | 'CLIENT_ABORTED'
  | 'STORAGE_FAILED'
  | 'STORAGE_FULL'
  | 'INSPECTION_FAILED'
  | 'BODY_ALREADY_READ'
  | 'BODY_NOT_PARSED'

interface ErrorRow {
  readonly status: number
  readonly detail: string
  readonly hint?: string
}

/** The detail and the hint are defaults: the code that throws may replace them with more specific ones. */
const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  MISSING_BOUNDARY: {
    status: 400,
    detail: 'The Content-Type header says multipart/form-data but has no boundary parameter.',
    hint: 'Remove the Content-Type header that was set by hand: the HTTP client adds it together with the boundary.',
  },
  INVALID_BOUNDARY: {
    status: 400,
    detail: 'The boundary in the Content-Type header is not valid.',
    hint: 'A boundary has 1 to 200 characters and does not end in a space (RFC 2046, 5.1.1). Let the HTTP client generate it.',
  },
  DUPLICATE_BOUNDARY: {
    status: 400,
    detail: 'The Content-Type header has two different boundary parameters.',
    hint: 'Send only one boundary parameter. Let the HTTP client generate it.',
  },
  BOUNDARY_MISMATCH: {
    status: 400,
    detail: 'The body does not use the boundary that the Content-Type header declares.',
    hint: 'The boundary in the header and in the body must be the same, character for character. Let the HTTP client write both.',
  },
  NOT_MULTIPART: {
    status: 400,
    detail: 'The Content-Type header says multipart/form-data but the body is not multipart.',
    hint: 'Set the Content-Type header to the type of the body, or let the HTTP client set it.',
  },
  TRUNCATED_BODY: {
    status: 400,
    detail: 'The body ends before its closing delimiter.',
    hint: 'The last line of a multipart body is "--", the boundary, and "--". Check that the body was sent whole.',
  },
  LF_LINE_ENDINGS: {
    status: 400,
    detail: 'The multipart body uses LF line endings where CRLF is required.',
    hint: 'End every delimiter and header line with CRLF ("\\r\\n"), not with LF ("\\n") (RFC 2046, 4.1.1).',
  },
  MALFORMED_PART: {
    status: 400,
    detail: 'A part of the multipart body is malformed.',
  },
  MISSING_PART_NAME: {
    status: 400,
    detail: 'A part of the multipart body has no name.',
    hint: 'Give every part a header such as: Content-Disposition: form-data; name="field" (RFC 7578, 4.2).',
  },
  MALFORMED_JSON: {
    status: 400,
    detail: 'The body is not valid JSON.',
  },
  MALFORMED_FORM: {
    status: 400,
    detail: 'The body is not a URL-encoded form.',
  },
  MALFORMED_ENCODING: {
    status: 400,
    detail: 'The body does not match its Content-Encoding header.',
    hint: 'Compress the whole body in the encoding that the header names, or remove the header.',
  },
  INVALID_CHARSET: {
    status: 400,
    detail: 'The request uses an unknown charset.',
    hint: 'Use UTF-8.',
  },
  MISSING_FILENAME: {
    status: 400,
    detail:
      'Missing filename. Request should include a Content-Disposition header with a filename parameter.',
    hint: 'Add a header such as: Content-Disposition: attachment; filename="photo.png".',
  },
  UNHANDLED_FILE: {
    status: 400,
    detail: 'No storage of this server accepts this file.',
    hint: 'Send another type of file, or leave the file out.',
  },
  LENGTH_MISMATCH: {
    status: 400,
    detail: 'The length of the body differs from the Content-Length header.',
    hint: 'Let the HTTP client set Content-Length.',
  },
  INVALID_TICKET: {
    status: 403,
    detail: 'The ticket of an upload is not valid.',
    hint: 'Request a ticket for this field as the user who sends the form, upload the file, and send the ticket unchanged.',
  },
  IDLE_TIMEOUT: {
    status: 408,
    detail: 'No byte of the body arrived within the time limit.',
    hint: 'Send the body without pauses. If the whole body was sent, check that Content-Length is its length in bytes.',
  },
  TOTAL_TIMEOUT: {
    status: 408,
    detail: 'The body took too long to arrive.',
    hint: 'Send the body faster, or send less in one request.',
  },
  USED_TICKET: {
    status: 409,
    detail: 'The ticket of an upload was already used.',
    hint: 'A ticket is for one form. To send the file again, request another ticket and upload it again.',
  },
  UPLOAD_MISSING: {
    status: 409,
    detail: 'The file of a ticket was not uploaded.',
    hint: 'Upload the file to the URL that came with the ticket, and send the form after that.',
  },
  LIMIT_FILE_SIZE: { status: 413, detail: 'A file is too large.', hint: 'Send a smaller file.' },
  LIMIT_FIELD_SIZE: {
    status: 413,
    detail: 'The value of a field is too long.',
    hint: 'Send a shorter value, or send it as a file.',
  },
  LIMIT_FIELD_NAME: { status: 413, detail: 'The name of a field is too long.', hint: 'Use shorter names.' },
  LIMIT_FIELDS: {
    status: 413,
    detail: 'The form has too many fields.',
    hint: 'Send fewer fields in one request.',
  },
  LIMIT_FILES: {
    status: 413,
    detail: 'The form has too many files.',
    hint: 'Send fewer files in one request.',
  },
  LIMIT_PARTS: {
    status: 413,
    detail: 'The form has too many parts.',
    hint: 'Send fewer fields and files in one request.',
  },
  LIMIT_BODY_SIZE: { status: 413, detail: 'The body is too large.', hint: 'Send less in one request.' },
  LIMIT_HEADER_SIZE: {
    status: 413,
    detail: 'The header of a part is too long.',
    hint: 'Shorten the name or the file name of the part.',
  },
  LIMIT_NESTING: { status: 413, detail: 'The data is nested too deeply.', hint: 'Send flatter data.' },
  LIMIT_JSON_VALUES: {
    status: 413,
    detail: 'The request has too many JSON values.',
    hint: 'Send less JSON in one request.',
  },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, detail: 'The media type of this request is not supported.' },
  MISSING_CONTENT_TYPE: {
    status: 415,
    detail: 'The request has a body but no Content-Type header.',
    hint: 'Set the Content-Type header to the type of the body.',
  },
  UNSUPPORTED_ENCODING: {
    status: 415,
    detail: 'The Content-Encoding of this request is not supported.',
    hint: 'Send the body without Content-Encoding.',
  },
  VALIDATION_FAILED: { status: 422, detail: 'The body does not match the schema of this route.' },
  FILE_REFUSED: { status: 422, detail: 'This server does not accept this file.' },
  CLIENT_ABORTED: { status: 499, detail: 'The client closed the connection before the body was complete.' },
  STORAGE_FAILED: { status: 500, detail: 'An uploaded file could not be stored.' },
  STORAGE_FULL: { status: 507, detail: 'There is no space left to store an uploaded file.' },
  INSPECTION_FAILED: { status: 500, detail: 'An uploaded file could not be inspected.' },
  BODY_ALREADY_READ: {
    status: 500,
    detail: 'The body of this request was read before Formgate could read it.',
    hint: 'Place Formgate above the middleware that reads the body, or remove that middleware. JSON and URL-encoded forms are also taken from req.body, and any body from req.rawBody, a Buffer of its bytes.',
  },
  BODY_NOT_PARSED: {
    status: 500,
    detail: 'The body of this request has not been parsed yet.',
    hint: 'Under multipart({ lazy: true }), call "await req.parse()" first, or give the route its own parsers().',
  },
}

/** In characters. Details and hints may quote names that a client chose. */
const longestText = 2000

/** What the code that throws adds to the defaults of its error code. */
export interface BodyErrorOptions {
  /** Replaces the default detail. */
  readonly detail?: string | undefined
  /** Replaces the default hint. */
  readonly hint?: string | undefined
  /** Replaces the default status. */
  readonly status?: number | undefined
  /** The form field that the error concerns. */
  readonly field?: string | undefined
  /** The limit that was exceeded, in its own unit. */
  readonly limit?: number | undefined
  /** The issues of a `VALIDATION_FAILED`, at most `limits.issues`; that of a file which the schema finds too large. */
  readonly errors?: readonly FieldIssue[] | undefined
  /** The number of issues that are not in `errors`. */
  readonly moreErrors?: number
  /** Header fields that the answer must have, such as `Accept` with a 415. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** Marks the errors of every copy of this package, of which a program may have several. */
const mark: unique symbol = Symbol.for('formgate.BodyError') as never

/**
 * Everything that can go wrong with a request body. Branch on `code`.
 *
 * `status`, `statusCode`, `expose` and `headers` follow the convention of http-errors, which the error paths of
 * Express, Koa and Fastify read.
 *
 * ```ts
 * throw new BodyError('LIMIT_FILES', { detail: 'Your plan has room for 3 files.', limit: 3 })
 * ```
 */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly code: ErrorCode
  /** The HTTP status of the answer. 499 is never sent: the client is gone. */
  readonly status: number
  /** The same as `status`. */
  readonly statusCode: number
  /** True if the client may see the detail: every 4xx but 499. */
  readonly expose: boolean
  /** What is wrong with this request, in one sentence. Control characters are escaped. */
  readonly detail: string
  /** What to change: on the client for a 4xx, on the server for a 5xx, whose answer omits it. */
  declare readonly hint?: string
  /** Header fields that the answer must have, such as `Accept` with a 415. Empty for most errors. */
  readonly headers: Readonly<Record<string, string>>
  declare readonly field?: string
  declare readonly limit?: number
  declare readonly errors?: readonly FieldIssue[]
  declare readonly moreErrors?: number

  /** True if a value is a BodyError, also one of another copy of Formgate. The same as `instanceof BodyError`. */
  static is(value: unknown): value is BodyError {
    return typeof value === 'object' && value !== null && mark in value
  }

  /** A class that extends this one has its own instances alone. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === BodyError ? BodyError.is(value) : Function.prototype[Symbol.hasInstance].call(this, value)
  }

  constructor(code: ErrorCode, options: BodyErrorOptions = {}) {
    const row = errorTable[code]
    const detail = shown(options.detail ?? row.detail)
    const hint = options.hint ?? row.hint
    // Not the hint: the error handlers of frameworks send the message to the client.
    super(detail, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = options.status ?? row.status
    this.statusCode = this.status
    this.expose = this.status < 499
    this.detail = detail
    this.headers = { ...options.headers }
    if (hint !== undefined) this.hint = shown(hint)
    if (options.field !== undefined) this.field = options.field
    if (options.limit !== undefined) this.limit = options.limit
    if (options.errors !== undefined) this.errors = options.errors
    if (options.moreErrors !== undefined) this.moreErrors = options.moreErrors
  }
}

Object.defineProperty(BodyError.prototype, mark, { value: true })

function shown(text: string): string {
  return quoteControls(cutText(text, longestText))
}
