/** Route options that read the body of a route. */
import type {
  BodyData,
  BodyOptions,
  BodyType,
  FormOptions,
  ParserLike,
  RouteOptions,
  Schema,
} from '@formgate/core'
import { bodyStep, formStep, parsersStep, stepOf, type RouteStep } from '@formgate/core/adapter'
import type { FastifyRequest, RouteOptions as FastifyRouteOptions } from 'fastify'
import { parsingHook, type ParsingHook, type TypedParsingHook } from './parsing-hook.js'

/**
 * Spread it into the route options: `{ ...parsers([JSONParser]), onRequest }`. In a list of `preParsing` hooks, put this
 * one last: a later hook that reads the headers makes Fastify parse the body again.
 */
export interface ParsingRoute<Hook = ParsingHook> {
  readonly preParsing: Hook
}

/** A `ParsingRoute` that gives `req.data` of the route a type. */
export type TypedParsingRoute<Data> = ParsingRoute<TypedParsingHook<Data>>

/**
 * Sets the parsers of one route, with or without `register(multipart)`.
 *
 * ```ts
 * app.post('/rpc', parsers([JSONParser]), async (request) => request.data)
 * ```
 *
 * @param list classes or instances. The first that reads the media type is used; if there is none, the answer is a 415.
 * @throws TypeError for an invalid parser or option
 */
export function parsers(
  list: readonly ParserLike[],
  options: RouteOptions<FastifyRequest> = {},
): ParsingRoute {
  return routeOptions(parsersStep(list, options))
}

/**
 * Reads a form, multipart or URL-encoded, whose fields and files a schema coerces, validates and types.
 *
 * ```ts
 * app.post('/users', form(z.object({ age: z.number() })), async (request) => request.data.age)
 * ```
 *
 * @throws TypeError for an invalid schema or option
 */
export function form<Type extends Schema, const Options extends FormOptions<FastifyRequest>>(
  schema: Type,
  options?: Options,
): TypedParsingRoute<BodyData<Type, Options>> {
  return routeOptions(formStep(schema, options))
}

/**
 * Reads a body of any listed media type, which a schema validates and types; with `bytes()` or `stream()` the raw body.
 *
 * ```ts
 * app.post('/orders', body(z.object({ count: z.number() })), async (request) => request.data.count)
 * ```
 *
 * @throws TypeError for an invalid schema or option, or options that exclude each other
 */
export function body<
  Type extends BodyType | undefined = undefined,
  const Options extends BodyOptions<FastifyRequest> = BodyOptions<FastifyRequest>,
>(type?: Type, options?: Options): TypedParsingRoute<BodyData<Type, Options>> {
  return routeOptions(bodyStep(type, options))
}

function routeOptions(step: RouteStep): ParsingRoute {
  const preParsing = parsingHook(step)
  // Under a key of its own, which stays when another option `preParsing` replaces the hook.
  const kept = { [Symbol('formgate')]: preParsing }
  return { preParsing, ...kept }
}

/** Refuses a route in which something replaced our hook. @throws TypeError */
export function refuseReplacedHooks(route: FastifyRouteOptions): void {
  const hooks: readonly unknown[] = [route.preParsing].flat()
  for (const key of Object.getOwnPropertySymbols(route)) {
    const hook: unknown = Reflect.get(route, key)
    if (stepOf(hook) === undefined || hooks.includes(hook)) continue
    throw new TypeError(
      `The route ${route.url} has form(), body() or parsers(), but a later option \`preParsing\` replaces it, so that the ` +
        'body would not be checked. Put both hooks in one list: preParsing: [yours, ours.preParsing].',
    )
  }
}
