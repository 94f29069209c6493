/** The options of mounts and routes, checked and completed once, before the first request. */
import type { FileFilter, Inspector } from '../files/inspection.js'
import type { Storage, StoredFile } from '../storages/storage.js'
import { spool } from '../storages/spool.js'
import { checkLimits, completeLimits, defaultLimits, type Limits, type LimitsOption } from '../limits.js'
import type { ParserLike } from '../parsers/base-parser.js'
import type { FileRules } from '../parsers/form-limits.js'
import { FormParser } from '../parsers/form-parser.js'
import { JSONParser } from '../parsers/json-parser.js'
import { MultiPartParser } from '../parsers/multipart/multipart-parser.js'
import type { ErrorListener, FrameworkRequest, ProgressListener } from '../http/progress.js'
import { registerParsers, type RegisteredParser } from '../parsers/registry.js'

/** Options of one route. `Request` is what handlers of the framework get as their request. */
export interface RouteOptions<Request = FrameworkRequest> {
  /**
   * Applied on top of the limits of the `multipart()` above, or of the defaults. A function of the request is called once
   * per body; what it returns is checked as an object is at definition, and an invalid value is a 500.
   */
  readonly limits?: LimitsOption<Request>
  /** Where files go. The first of a list that accepts a file stores it. Default: memory up to 256 KiB, then a temporary file. */
  readonly storage?: Storage<StoredFile, Request> | readonly Storage<StoredFile, Request>[]
  /** Chooses the files to store, by their description: it returns `false` for one that is to be left out. */
  readonly filter?: FileFilter<Request>
  /** Sees each chunk of each file before it is stored, such as `hash()`. Those of a list run in order. */
  readonly inspect?: Inspector<Request> | readonly Inspector<Request>[]
  /**
   * Make objects and lists of the names of a form, such as `a[b]`, `a.b`, `a[0]` and `a[]`, within the limits `nesting` and
   * `arrayIndex`. Default false. A zod schema does that by itself.
   */
  readonly nested?: boolean
  /** Called as the body arrives. */
  readonly onProgress?: ProgressListener<Request>
  /**
   * Keep the bytes of a JSON body, a URL-encoded form or a text as `rawBody` of the request, for signatures. They are those
   * after decompression. Default false.
   */
  readonly rawBody?: boolean
  /** `respond` (default) answers a 4xx as problem+json and passes a 5xx to the framework; `next` passes every error. */
  readonly errors?: 'respond' | 'next'
  /** Called once for every error, answered or not: for logs. The option of a route replaces that of the `multipart()` above. */
  readonly onError?: ErrorListener<Request>
}

/** Options of `multipart()`. */
export interface MountOptions<Request = FrameworkRequest> extends RouteOptions<Request> {
  /** Classes or instances: the first that reads the media type is used. Default: JSON, URL-encoded forms, multipart. */
  readonly parsers?: readonly ParserLike[]
  /** Parse only when a route asks for it: by its own `parsers()`, `form()` or `body()`, or by `await req.parse()`. Default false. */
  readonly lazy?: boolean
}

/** How to read the body of a request. */
export interface Config {
  /** The options set by the user that have no effect once the body has been read. */
  readonly readingOptions: readonly string[]
  readonly parsers: readonly RegisteredParser[]
  readonly limits: Limits
  /** Those of the limits that users set. */
  readonly setLimits: Partial<Limits>
  /** All limits that users set, in order, if one is a function: `limits` then holds only those before it. */
  readonly limitLayers?: readonly LimitsOption[]
  /** Changes the config, after functions among the limits were called. */
  readonly complete?: (config: Config) => Config
  readonly storages: readonly Storage[]
  readonly inspectors: readonly Inspector[]
  readonly filter: FileFilter | undefined
  readonly nested: boolean
  readonly onProgress: ProgressListener | undefined
  readonly rawBody: boolean
  readonly errors: 'respond' | 'next'
  readonly onError: ErrorListener | undefined
  readonly lazy: boolean
  /** The parsers for the parts of a form, if they differ from `parsers`. */
  readonly partParsers?: readonly RegisteredParser[]
  /** The rules of the route's schema for its files. */
  readonly fileRules?: FileRules
}

/**
 * The limits that hold whatever the type of a route says. Below an eager mount, which reads the body before the route is
 * known, its defaults hold too.
 */
export function capsOf({ lazy, limits, setLimits }: Config): Partial<Limits> {
  return lazy ? setLimits : limits
}

/** The parsers of an app that sets none. */
export const defaultParsers: readonly ParserLike[] = [JSONParser, FormParser, MultiPartParser]

/** What each option must be: of a type, or one of two values; `undefined` if that is checked where it is read. */
export type OptionTypes = Readonly<
  Record<string, 'boolean' | 'function' | readonly [string, string] | undefined>
>

const readingTypes = {
  limits: undefined,
  storage: undefined,
  filter: 'function',
  inspect: undefined,
  nested: 'boolean',
  onProgress: 'function',
  rawBody: 'boolean',
} as const
export const routeTypes: OptionTypes = { ...readingTypes, errors: ['respond', 'next'], onError: 'function' }
const mountTypes: OptionTypes = { parsers: undefined, ...routeTypes, lazy: 'boolean' }
const readingNames = ['parsers', ...Object.keys(readingTypes)] as ('parsers' | keyof typeof readingTypes)[]

/** @throws TypeError for an unknown option or a value of another type, since an untyped program may set anything */
export function checkOptions(options: object, types: OptionTypes): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      const names = Object.keys(types).join(', ')
      throw new TypeError(`Unknown option \`${name}\`. The options are: ${names}.`)
    }
    const type = types[name]
    if (value === undefined || type === undefined) continue
    if (typeof type === 'string' ? typeof value === type : type.includes(value as string)) continue
    if (type === 'function') throw new TypeError(`${name} must be a function.`)
    const [one, other] = type === 'boolean' ? ['true', 'false'] : type.map((each) => `'${each}'`)
    throw new TypeError(`${name} must be ${one} or ${other}, but is ${String(value)}.`)
  }
}

/**
 * Completes the options of `multipart()`.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function resolveMount(options: MountOptions = {}): Config {
  checkOptions(options, mountTypes)
  const { parsers = defaultParsers, lazy = false } = options
  const defaults: Config = {
    parsers: registerParsers(parsers),
    limits: defaultLimits,
    setLimits: {},
    storages: [spool()],
    inspectors: [],
    filter: undefined,
    nested: false,
    onProgress: undefined,
    rawBody: false,
    errors: 'respond',
    onError: undefined,
    readingOptions: readingNames.filter((name) => (options[name] ?? false) !== false),
    lazy,
  }
  return overlay(defaults, options)
}

/** How a route reads its body: its own options on top of those of the `multipart()` above it. */
export class RouteConfig {
  readonly #choose: ParserChoice
  readonly #adapt: Completion
  /** Those that the route itself sets. */
  readonly options: RouteOptions
  readonly #alone: Config
  readonly #below = new WeakMap<Config, Config>()

  /**
   * @param choose selects the parsers of the route
   * @param adapt changes the config, once for each mount
   * @throws TypeError for an unknown option or an invalid value
   */
  constructor(choose: ParserChoice, options: RouteOptions, adapt: Completion = (config) => config) {
    this.#choose = choose
    this.#adapt = adapt
    this.options = options
    checkOptions(options, routeTypes)
    // As below a lazy mount, the route itself reads the body.
    this.#alone = { ...resolveMount(options), lazy: true }
  }

  /** The options of the route that have no effect once the body has been read. */
  get readingOptions(): readonly string[] {
    return this.#alone.readingOptions
  }

  /** The config of this route below `mount`. @throws TypeError if no parser there reads the route's media types */
  below(mount: Config = this.#alone): Config {
    let config = this.#below.get(mount)
    if (config === undefined) {
      const { parsers } = mount
      const own = overlay({ ...mount, parsers: this.#choose(parsers) }, this.options)
      const complete: Config['complete'] = (resolved) => this.#adapt(resolved, parsers)
      this.#below.set(mount, (config = complete(own.limitLayers === undefined ? own : { ...own, complete })))
    }
    return config
  }
}

/** Selects the parsers of a route from those of the mount above. */
type ParserChoice = (mounted: readonly RegisteredParser[]) => readonly RegisteredParser[]

/** Changes the config of a route. `mounted` has the parsers of the mount above. */
type Completion = (config: Config, mounted: readonly RegisteredParser[]) => Config

/** What functions among the limits have returned for one body. */
export type LimitsByFunction = Map<LimitsOption, Partial<Limits>>

/**
 * The config for one request: calls the functions among its limits, unless `known` has their results.
 *
 * @throws TypeError for a limit that is not valid; what a function throws
 */
export function resolveConfig(config: Config, request: FrameworkRequest, known: LimitsByFunction): Config {
  const { limitLayers = [], complete = (each) => each } = config
  let setLimits: Partial<Limits> = {}
  for (const layer of limitLayers) {
    if (typeof layer !== 'function') setLimits = { ...setLimits, ...layer }
    else {
      const given = known.get(layer) ?? layer(request)
      setLimits = { ...setLimits, ...checkReturned(given) }
      known.set(layer, given)
    }
  }
  return complete({ ...config, setLimits, limits: completeLimits(setLimits) })
}

function checkReturned(given: Partial<Limits>): Partial<Limits> {
  try {
    return checkLimits(given)
  } catch (error) {
    const { message } = error as Error
    throw new TypeError(`The function \`limits\` returned an invalid value: ${message}`, { cause: error })
  }
}

function overlay(base: Config, options: RouteOptions): Config {
  const { storage = base.storages, inspect = base.inspectors, filter = base.filter } = options
  const { nested = base.nested, rawBody = base.rawBody } = options
  const { errors = base.errors, onProgress = base.onProgress, onError = base.onError } = options
  const storages = [storage].flat() as readonly Storage[]
  if (!storages.every((each) => typeof each?.store === 'function')) {
    throw new TypeError(
      'A storage must be an object with a store() method, such as spool(), memory() or disk().',
    )
  }
  const inspectors = [inspect].flat() as readonly Inspector[]
  if (!inspectors.every((each) => typeof each === 'function')) {
    throw new TypeError(
      'inspect must be an inspector, which is a function such as hash() returns, or a list of inspectors.',
    )
  }
  const limits = overlayLimits(base, options.limits)
  return { ...base, errors, storages, inspectors, filter, nested, onProgress, rawBody, onError, ...limits }
}

function overlayLimits(
  { setLimits: before, limitLayers }: Config,
  given: LimitsOption | undefined,
): Partial<Config> {
  if (given === undefined) return {}
  const isDynamic = limitLayers !== undefined || typeof given === 'function'
  const layer = typeof given === 'function' ? given : checkLimits(given)
  const setLimits = typeof layer === 'function' ? before : { ...before, ...layer }
  const { fileSize = 0, bodySize } = setLimits
  const isRaised = !isDynamic && fileSize !== before.fileSize && fileSize !== Infinity
  if (isRaised) warnOfCaps('a file', fileSize, { bodySize })
  return {
    setLimits,
    limits: completeLimits(setLimits),
    ...(isDynamic && { limitLayers: [...(limitLayers ?? [before]), layer] }),
  }
}

/** Limits by name. */
export type Caps = Readonly<Partial<Record<keyof Limits, number | undefined>>>

/**
 * Says that a limit which a user set is below what a route allows elsewhere.
 *
 * @param what has `bytes`
 * @returns true if it is
 */
export function warnOfCaps(what: string, bytes: number, caps: Caps, definition?: string): boolean {
  const [name, cap] = Object.entries(caps).find(([, limit = Infinity]) => limit < bytes) ?? []
  if (name === undefined) return false
  process.emitWarning(`A route allows ${what} of ${bytes} bytes, but limits.${name} is ${cap}.`, {
    type: 'FormgateWarning',
    code: 'LIMIT_TOO_LOW',
    detail:
      `Raise that limit for this route, or lower the size. ${definition?.replace('Error: ', '') ?? ''}`.trimEnd(),
  })
  return true
}
