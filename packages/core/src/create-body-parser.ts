/** Formgate without a framework, for servers of node:http and node:http2. */
import { resolveConfig, resolveMount, type MountOptions } from './options/options.js'
import { parseBody, type BodyResult } from './parse-body.js'
import type { RouteParams } from './parsers/base-parser.js'
import { Source, type NodeRequest, type NodeResponse } from './http/incoming-body.js'

/** Reads the body of one request. @throws BodyError */
export type BodyParser = (
  request: NodeRequest,
  response: NodeResponse,
  params?: RouteParams,
) => Promise<BodyResult>

/** Creates a function that reads bodies. @throws TypeError for an unknown option or an invalid value */
export function createBodyParser(
  options: Omit<MountOptions, 'errors' | 'onError' | 'lazy'> = {},
): BodyParser {
  const config = resolveMount(options)
  return async (request, response, params = {}) => {
    const resolved = config.limitLayers === undefined ? config : resolveConfig(config, request, new Map())
    const { data, files } = await parseBody(new Source(request, response), resolved, params)
    return { data, files }
  }
}
