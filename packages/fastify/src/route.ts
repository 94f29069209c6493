/** Route options that read the body of one route. */
import type {
  BodyData,
  BodyOptions,
  BodyType,
  FormOptions,
  ParserLike,
  RouteOptions,
  Schema,
} from '@formgate/core'
import { bodyStep, formStep, noteStep, parsersStep, type RouteStep } from '@formgate/core/adapter'
import { parsingHook, type ParsingHook, type TypedParsingHook } from './parsing-hook.js'

/**
 * Can be spread beside other options: `{ ...parsers([JSONParser]), onRequest }`. In a list of `preParsing` hooks, put this
 * one last: a later hook that reads the headers makes Fastify parse the body again.
 */
export interface ParsingRoute<Hook = ParsingHook> {
  readonly preParsing: Hook
}

/** The same, and `req.data` of the route has a type. */
export type TypedParsingRoute<Data> = ParsingRoute<TypedParsingHook<Data>>

/**
 * The parser list of one route, with or without `register(multipart)`.
 *
 * @param list classes or instances; the first that reads the media type wins, and none is a 415
 * @throws TypeError for what is no parser, an unknown option or an invalid value
 */
export function parsers(list: readonly ParserLike[], options: RouteOptions = {}): ParsingRoute {
  return routeOptions(parsersStep(list, options))
}

/**
 * A form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * @throws TypeError for what is no schema, an unknown option or an invalid value
 */
export function form<Type extends Schema, const Options extends FormOptions>(
  schema: Type,
  options?: Options,
): TypedParsingRoute<BodyData<Type, Options>> {
  return routeOptions(formStep(schema, options))
}

/**
 * A body of any listed media type that a schema validates and types; with `bytes()` or `stream()` the raw body.
 *
 * @throws TypeError for what is no schema, an unknown option or an invalid value, and options that exclude each other
 */
export function body<
  Type extends BodyType | undefined = undefined,
  const Options extends BodyOptions = BodyOptions,
>(type?: Type, options?: Options): TypedParsingRoute<BodyData<Type, Options>> {
  return routeOptions(bodyStep(type, options))
}

function routeOptions(step: RouteStep): ParsingRoute {
  return { preParsing: noteStep(parsingHook(step), step) }
}
