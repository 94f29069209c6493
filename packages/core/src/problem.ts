/** The answer to a request whose body was refused: application/problem+json (RFC 9457). */
import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { BodyError, type ErrorCode, type FieldIssue } from './errors.js'
import { cutOff, drain } from './refused-client.js'
import { cutToBytes, sizeOf } from './shown-text.js'
import type { Source } from './source.js'

/** The body of a problem answer. */
export interface Problem {
  /** `about:blank`: the status says it, and `code` more exactly (RFC 9457, 4.2.1). */
  readonly type: string
  /** The reason phrase of the status. */
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly hint?: string
  readonly field?: string
  readonly limit?: number
  readonly errors?: readonly FieldIssue[]
  /** How many issues are not among them. */
  readonly moreErrors?: number
}

/** An answer for an adapter to send as it is. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** A stream where the client is still sending: it ends when the client may be cut off. */
  readonly body: string | Readable
}

/** Bytes of a text, of an issue and of all issues: an answer has at most 64 KiB. */
const textSize = 4 * 1024
const issueSize = 4 * 1024
const issuesSize = 48 * 1024

/**
 * The body of the answer to an error, of at most 64 KiB: long texts are cut, and issues for which there is no room are
 * counted. That of a 5xx has no hint, which is for the server.
 */
export function toProblem(error: BodyError): Problem {
  const { status, code, detail, hint, field, limit, errors } = error
  const listed = errors && fittingIssues(errors)
  const moreErrors = (error.moreErrors ?? 0) + (errors?.length ?? 0) - (listed?.length ?? 0)
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: cutToBytes(detail, textSize),
    ...(hint !== undefined && status < 500 && { hint: cutToBytes(hint, textSize) }),
    ...(field !== undefined && { field: cutToBytes(field, textSize) }),
    ...(limit !== undefined && { limit }),
    ...(listed !== undefined && { errors: listed }),
    ...(moreErrors > 0 && { moreErrors }),
  }
}

/** The first issues, as many as there is room for. */
function fittingIssues(errors: readonly FieldIssue[]): readonly FieldIssue[] {
  let size = 0
  const fitting: FieldIssue[] = []
  for (const each of errors) {
    const isShort = each.message.length + each.path.length < issueSize && sizeOf(each) <= issueSize
    const issue = isShort ? each : cutIssue(each)
    // With the comma behind it.
    size += sizeOf(issue) + 1
    if (size > issuesSize) break
    fitting.push(issue)
  }
  return fitting
}

function cutIssue({ path, message, code }: FieldIssue): FieldIssue {
  const size = issueSize / 4
  return {
    path: cutToBytes(path, size),
    message: cutToBytes(message, size),
    code: cutToBytes(code, size),
  }
}

/** What an adapter does with an error. */
export type Reaction =
  | ({ readonly kind: 'answer' } & ProblemAnswer)
  /** Hand it to the framework's own error path. */
  | { readonly kind: 'pass on' }
  /** Do nothing: the client has gone. */
  | { readonly kind: 'drop' }

const passedOn = new WeakSet<object>()
/** Codes whose hint has been told. */
const toldHints = new Set<ErrorCode>()

/**
 * Decides what becomes of an error. One that was passed on stays so, whoever catches it later.
 *
 * @param errors the option of this name: `respond` answers a 4xx and passes on everything else
 */
export async function reactTo(error: unknown, errors: 'respond' | 'next', source: Source): Promise<Reaction> {
  // A small body that came with its headers is whole after one turn of the event loop, and its connection can stay.
  if (source.isIncoming) await setImmediate()
  if (errors === 'respond' && error instanceof BodyError && !passedOn.has(error)) {
    if (error.code === 'CLIENT_ABORTED') return { kind: 'drop' }
    if (error.expose) return { kind: 'answer', ...answerProblem(error, source) }
  }
  if (error instanceof BodyError) {
    passedOn.add(error)
    if (error.status >= 500) tellHint(error)
  }
  // Whoever answers it need not close the connection of a client that goes on sending.
  if (source.isIncoming && !source.isDiscarded) void cutOff(source)
  return { kind: 'pass on' }
}

/** Tells the server what to change, once for each code: Express and Koa log the stack of an error and nothing else. */
function tellHint({ code, detail, hint }: BodyError): void {
  if (hint === undefined || toldHints.has(code)) return
  toldHints.add(code)
  process.emitWarning(hint, { type: 'FormgateWarning', code, detail })
}

/**
 * The answer to an error.
 *
 * A client that is still sending gets the whole answer at once, but its end only when the client has stopped or has sent
 * enough: a connection that is closed while the client sends is reset, and a reset takes the answer with it.
 */
function answerProblem(error: BodyError, source: Source): ProblemAnswer {
  const json = JSON.stringify(toProblem(error))
  const headers: Record<string, string> = {
    ...error.headers,
    'Content-Type': 'application/problem+json',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(json)),
  }
  if (!source.isIncoming) return { status: error.status, headers, body: json }
  if (source.request.httpVersionMajor > 1) {
    source.stopWhenAnswered()
    return { status: error.status, headers, body: json }
  }
  headers['Connection'] = 'close'
  return { status: error.status, headers, body: Readable.from(heldOpen(json, source), { objectMode: false }) }
}

async function* heldOpen(json: string, source: Source): AsyncGenerator<string> {
  const { response } = source
  const drained = drain(source, {
    handedOver: Promise.resolve(),
    // A length that is still that of the JSON says that nothing stands between, such as a compression.
    isSent: () =>
      response.headersSent &&
      response.writableLength === 0 &&
      Number(response.getHeader('content-length')) === Buffer.byteLength(json),
  })
  yield json
  await drained
}
