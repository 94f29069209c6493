/** The requests and responses of Nest, on Express and on Fastify. */
import type { FilesByField, FrameworkRequest, RouteParams } from '@formgate/core'
import {
  openBody,
  sendProblem,
  type Framework,
  type NodeRequest,
  type NodeResponse,
  type ProblemAnswer,
  type RequestBody,
} from '@formgate/core/adapter'

/** A request of Express, which is Node's own, or of Fastify, which wraps that. */
export interface PlatformRequest extends FrameworkRequest {
  readonly raw?: NodeRequest
  readonly params?: RouteParams
  /** Of Fastify. */
  readonly routeOptions?: { readonly url?: string }
  /** Of Express. */
  readonly route?: { readonly path: string | readonly string[] }
  /** Added by Formgate. */
  readonly data?: unknown
  readonly files?: FilesByField
}

interface Reply {
  readonly raw: NodeResponse
  readonly sent: boolean
  code(status: number): Reply
  headers(values: Readonly<Record<string, string>>): Reply
  send(body: unknown): unknown
}

/** A response of Express, which is Node's own, or a reply of Fastify. */
export type PlatformResponse = NodeResponse | Reply

/** Returns the body of a request. The first call adds `data`, `files` and so on to the request. */
export function bodyOf(request: PlatformRequest, response: PlatformResponse): RequestBody {
  const { raw } = request
  const platform = raw === undefined ? onExpress : onFastify
  return openBody(
    platform,
    raw ?? (request as NodeRequest),
    'raw' in response ? response.raw : response,
    request,
  )
}

const onExpress: Framework<PlatformRequest> = {
  name: 'nest',
  route: ({ routeOptions, route }) => routeOptions?.url ?? route?.path.toString(),
  params: ({ params }) => params,
}
/** It has parsed JSON and URL-encoded forms, and `data` is its `body`. */
const onFastify: Framework<PlatformRequest> = { ...onExpress, sharesBody: true }

/** Sends an answer, unless another one has begun. */
export function sendAnswer(response: PlatformResponse, answer: ProblemAnswer): void {
  if (!('raw' in response)) return sendProblem(response, answer)
  if (response.sent) return
  response.code(answer.status).headers(answer.headers).send(answer.body)
}
