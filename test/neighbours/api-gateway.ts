/** API Gateway in miniature, for the adapters that run an app on AWS Lambda. */
import type { RequestListener, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { format } from 'node:util'

/** A Lambda handler, as the adapters make it. */
export type LambdaHandler = (event: object, context: object) => unknown

/** The answer of a handler. */
interface LambdaAnswer {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly isBase64Encoded?: boolean
}

/** Passes each request to a Lambda handler as an event of payload format 2.0, as API Gateway does. */
export function apiGateway(handler: LambdaHandler): RequestListener {
  return (request, response) => {
    void buffer(request)
      .then(async (body) => {
        const { method = '', url = '/', headers } = request
        const [rawPath = '/', rawQueryString = ''] = url.split('?')
        const http = { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' }
        // Like API Gateway: text as it is, anything else in base64.
        const isText = /^(application\/json|text\/)/.test(headers['content-type'] ?? '')
        const event = {
          version: '2.0',
          routeKey: '$default',
          rawPath,
          rawQueryString,
          headers,
          requestContext: { http, stage: '$default' },
          ...(body.length > 0 && {
            body: body.toString(isText ? 'utf8' : 'base64'),
            isBase64Encoded: !isText,
          }),
        }
        answer((await handler(event, {})) as LambdaAnswer, response)
      })
      .catch((error: unknown) => response.writeHead(502).end(format(error)))
  }
}

function answer(
  { statusCode, headers = {}, body = '', isBase64Encoded = false }: LambdaAnswer,
  response: ServerResponse,
): void {
  response.writeHead(statusCode, headers).end(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
}
