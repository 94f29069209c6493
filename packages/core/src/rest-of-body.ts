/** What a client still sends of a body that nobody wants any more. */
import { IncomingMessage } from 'node:http'
import { BodyStream } from './body-stream.js'
import { BodyError } from './errors.js'
import type { Limits } from './limits.js'
import type { Source } from './source.js'

/**
 * Reads the rest of a body and throws it away, so that the answer reaches its client and the connection can carry the
 * next request. A client that goes past a limit is cut off when it has its answer.
 */
export function discardRest(
  source: Source,
  { bodySize, idle, total }: Pick<Limits, 'bodySize' | 'idle' | 'total'>,
): void {
  const { request } = source
  if (request.readableEnded || request.destroyed || source.isDiscarded) return
  // Whatever a framework has put in the place of the request would hold the rest back.
  request.unpipe()
  source.isDiscarded = true
  const rest = new BodyStream(request, {
    limit: bodySize,
    idle,
    total,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  rest.on('error', () => source.onResponseEnd(() => request.destroy())).resume()
  if (!(request instanceof IncomingMessage)) return
  // Node does not tell a request that has been answered of the end of its connection.
  const { socket } = request
  const lose = (): unknown => rest.destroy(new BodyError('CLIENT_ABORTED'))
  socket.once('close', lose)
  rest.once('close', () => socket.off('close', lose))
}
