/** The parser list of one route. */
import type { ParserLike, RouteOptions } from '@formgate/core'
import { RouteConfig } from '@formgate/core/adapter'
import { parsingHook, type ParsingHook } from './parsing-hook.js'

/** Route options that read the body. They can be spread beside others: `{ ...parsers([JSONParser]), onRequest }`. */
export interface ParsingRoute {
  readonly preParsing: ParsingHook
}

/**
 * The parser list of one route, with or without `register(multipart)`.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): ParsingRoute {
  const route = new RouteConfig(list, options)
  return { preParsing: parsingHook((body) => body.route(route), route) }
}
