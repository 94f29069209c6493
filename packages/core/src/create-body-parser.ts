/** Formgate without a framework, for servers of node:http and node:http2. */
import { resolveConfig, resolveMount, type MountOptions } from './options/options.js'
import { bodyChannel, BodyTrace } from './events.js'
import { parseBody, readerOf, type BodyResult } from './parse-body.js'
import type { RouteParams } from './parsers/base-parser.js'
import { IncomingBody, type NodeRequest, type NodeResponse } from './http/incoming-body.js'

/** Reads the body of one request. @throws BodyError */
export type BodyParser = (
  request: NodeRequest,
  response: NodeResponse,
  params?: RouteParams,
) => Promise<BodyResult>

/**
 * Creates a function that reads bodies.
 *
 * ```ts
 * const parseBody = createBodyParser({ limits: { fileSize: 5_000_000 } })
 * createServer(async (request, response) => {
 *   const { data, files } = await parseBody(request, response)
 *   response.end(JSON.stringify({ data, files }))
 * })
 * ```
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function createBodyParser(
  options: Omit<MountOptions, 'errors' | 'onError' | 'lazy'> = {},
): BodyParser {
  const config = resolveMount(options)
  return async (request, response, params = {}) => {
    const resolved = config.limitLayers === undefined ? config : resolveConfig(config, request, new Map())
    const source = new IncomingBody(request, response)
    const isTraced = bodyChannel.hasSubscribers && !source.hasNoBody
    const trace = isTraced ? new BodyTrace(source, readerOf(source, resolved)?.parser, 'node') : undefined
    try {
      const parsed = await (trace === undefined
        ? parseBody(source, resolved, params)
        : trace.run(parseBody, source, resolved, params))
      await source.ended()
      trace?.succeed(parsed)
      return { data: parsed.data, files: parsed.files }
    } catch (error) {
      trace?.fail(error)
      throw error
    }
  }
}
