/** Answers errors as application/problem+json (RFC 9457). */

import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { BodyError, type ErrorCode, type FieldIssue } from '../errors.js'
import { cutOff, drain } from './drain.js'
import type { NodeResponse, IncomingBody } from './incoming-body.js'
import { cutToBytes, sizeOf } from './shown-text.js'

/** The body of a problem answer. */
export interface Problem {
  /** `about:blank` (RFC 9457, 4.2.1): use `code`. */
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
  /** The number of issues that are not in `errors`. */
  readonly moreErrors?: number
}

/** An answer that an adapter sends unchanged. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /**
   * A stream if the client is still sending: it ends when the connection may be closed. Bytes, since Fastify adds a charset to
   * JSON in a string, which problem+json does not have.
   */
  readonly body: Buffer | Readable
}

/** Bytes of one text, of one issue and of all issues, which keep an answer below 64 KiB. */
const textSize = 4 * 1024
const issueSize = 4 * 1024
const issuesSize = 48 * 1024

/**
 * The body of the answer to an error, at most 64 KiB: long texts are cut, and issues that do not fit are counted. The hint of
 * a 5xx is left out: it is for the server.
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

function fittingIssues(errors: readonly FieldIssue[]): readonly FieldIssue[] {
  let size = 0
  const fitting: FieldIssue[] = []
  for (const each of errors) {
    const isShort = each.message.length + each.path.length < issueSize && sizeOf(each) <= issueSize
    const issue = isShort ? each : cutIssue(each)
    // With a comma.
    size += sizeOf(issue) + 1
    if (size > issuesSize) break
    fitting.push(issue)
  }
  return fitting
}

function cutIssue({ path, message, code }: FieldIssue): FieldIssue {
  const cut = (text: string): string => cutToBytes(text, issueSize / 4)
  return { path: cut(path), message: cut(message), code: cut(code) }
}

/** What an adapter does with an error. */
export type Reaction =
  | ({ readonly kind: 'answer' } & ProblemAnswer)
  /** Pass the error to the framework. */
  | { readonly kind: 'pass on' }
  /** Do nothing: the client is gone. */
  | { readonly kind: 'drop' }

const printedHints = new Set<ErrorCode>()

/**
 * Decides what to do with an error.
 *
 * @param errors the option of this name: `respond` answers a 4xx and passes on everything else
 */
export async function reactTo(
  error: unknown,
  errors: 'respond' | 'next',
  source: IncomingBody,
): Promise<Reaction> {
  // A small body that came with its headers is complete after one turn of the event loop, so its connection can stay open.
  if (source.isIncoming) await setImmediate()
  if (errors === 'respond' && error instanceof BodyError) {
    if (error.code === 'CLIENT_ABORTED') return { kind: 'drop' }
    if (error.expose) return { kind: 'answer', ...answerProblem(error, source) }
  }
  if (error instanceof BodyError && error.status >= 500) printHint(error)
  // The app's answer may leave the connection of a client open that is still sending.
  if (source.isIncoming && !source.isDiscarded) void cutOff(source)
  return { kind: 'pass on' }
}

/** Prints the hint once for each code: Express and Koa log only the stack of an error. */
function printHint({ code, detail, hint }: BodyError): void {
  if (hint === undefined || printedHints.has(code)) return
  printedHints.add(code)
  process.emitWarning(hint, { type: 'FormgateWarning', code, detail })
}

/** The whole answer to an error, for a client that need not be drained. */
export function problemAnswer(error: BodyError): ProblemAnswer & { readonly body: Buffer } {
  const body = Buffer.from(JSON.stringify(toProblem(error)))
  const headers = {
    ...error.headers,
    'Content-Type': 'application/problem+json',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(body.length),
  }
  return { status: error.status, headers, body }
}

/**
 * The answer to an error.
 *
 * A client that is still sending gets the answer at once, but the end of the answer only after the rest of the body is
 * drained: closing a connection while the client sends resets it, and the client loses the answer.
 */
function answerProblem(error: BodyError, source: IncomingBody): ProblemAnswer {
  const answer = problemAnswer(error)
  // What is drained already need not hold the answer open.
  if (!source.isIncoming || source.isDiscarded) return answer
  if (source.request.httpVersionMajor > 1) {
    source.stopWhenAnswered()
    return answer
  }
  const headers = { ...answer.headers, Connection: 'close' }
  const body = Readable.from(heldOpen(answer.body, source), { objectMode: false })
  return { ...answer, headers, body }
}

async function* heldOpen(json: Buffer, source: IncomingBody): AsyncGenerator<Buffer> {
  const { response } = source
  // Other middleware, such as compression, has replaced the answer if the length differs.
  const isSent = (): boolean =>
    response.headersSent &&
    response.writableLength === 0 &&
    Number(response.getHeader('content-length')) === json.length
  const drained = drain(source, Promise.resolve(), isSent)
  yield json
  await drained
}

/** Sends an answer, unless another one has begun. */
export function sendProblem(response: NodeResponse, { status, headers, body }: ProblemAnswer): void {
  if (response.headersSent) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body instanceof Readable) body.pipe(response as NodeJS.WritableStream)
  else response.end(body)
}
