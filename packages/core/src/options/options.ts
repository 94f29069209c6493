/** The options of mounts and routes, checked and completed once, before the first request. */
import type { FileFilter, Inspector } from '../files/inspection.js'
import type { Storage } from '../storages/storage.js'
import { spool } from '../storages/spool.js'
import { defaultLimits, resolveLimits, type Limits } from '../limits.js'
import type { ParserLike } from '../parsers/base-parser.js'
import type { FileRules } from '../parsers/form-limits.js'
import { FormParser } from '../parsers/form-parser.js'
import { JSONParser } from '../parsers/json-parser.js'
import { MultiPartParser } from '../parsers/multipart/multipart-parser.js'
import type { FrameworkRequest, ProgressListener } from '../http/progress.js'
import { registerParsers, type RegisteredParser } from '../parsers/registry.js'

/** Options of one route. `Request` is what handlers of the framework get as their request. */
export interface RouteOptions<Request = FrameworkRequest> {
  /** Applied on top of the limits of the `multipart()` above, or of the defaults. */
  readonly limits?: Partial<Limits>
  /** Where files go. The first of a list that accepts a file stores it. Default: memory up to 256 KiB, then a temporary file. */
  readonly storage?: Storage | readonly Storage[]
  /** Chooses the files to store, by their description: it returns `false` for one that is to be left out. */
  readonly filter?: FileFilter<Request>
  /** Sees each chunk of each file before it is stored, such as `hash()`. Those of a list run in order. */
  readonly inspect?: Inspector | readonly Inspector[]
  /**
   * Make objects and lists of the names of a form, such as `a[b]`, `a.b`, `a[0]` and `a[]`, within the limits `nesting` and
   * `arrayIndex`. Default false. A zod schema does that by itself.
   */
  readonly nested?: boolean
  /** Called as the body arrives. */
  readonly onProgress?: ProgressListener
  /** `respond` (default) answers a 4xx as problem+json and passes a 5xx to the framework; `next` passes every error. */
  readonly errors?: 'respond' | 'next'
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
  readonly storages: readonly Storage[]
  readonly inspectors: readonly Inspector[]
  readonly filter: FileFilter | undefined
  readonly nested: boolean
  readonly onProgress: ProgressListener | undefined
  readonly errors: 'respond' | 'next'
  readonly lazy: boolean
  /** The parsers for the parts of a form, if they differ from `parsers`. */
  readonly partParsers?: readonly RegisteredParser[]
  /** The rules of the route's schema for its files. */
  readonly fileRules?: FileRules
}

/** The parsers of an app that sets none. */
export const defaultParsers: readonly ParserLike[] = [JSONParser, FormParser, MultiPartParser]

const commonNames = ['limits', 'storage', 'filter', 'inspect', 'nested', 'onProgress'] as const
/** The options that every kind of route has. */
export const routeOptionNames: readonly string[] = [...commonNames, 'errors']
const mountOptionNames = ['parsers', ...routeOptionNames, 'lazy']
const readingOptionNames = ['parsers', ...commonNames] as const

/**
 * Completes the options of `multipart()`.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function resolveMount(options: MountOptions = {}): Config {
  checkNames(options, mountOptionNames)
  return complete(options)
}

function complete(options: MountOptions): Config {
  const { parsers = defaultParsers, lazy = false } = options
  if (typeof lazy !== 'boolean') throw new TypeError(`lazy must be true or false, but is ${String(lazy)}.`)
  const readingOptions = readingOptionNames.filter((name) => options[name] !== undefined)
  const base = {
    parsers: registerParsers(parsers),
    limits: defaultLimits,
    storages: [spool()],
    inspectors: [],
    filter: undefined,
    nested: false,
    onProgress: undefined,
    readingOptions,
    lazy,
  }
  return overlay({ ...base, errors: 'respond' }, options)
}

/** How a route reads its body: its own options on top of those of the `multipart()` above it. */
export class RouteConfig {
  readonly #choose: ParserChoice
  readonly #adapt: Completion
  readonly #options: RouteOptions
  readonly #alone: Config
  readonly #below = new WeakMap<Config, Config>()

  /**
   * @param choose selects the parsers of the route
   * @param adapt changes the config, once for each mount
   * @param options names already checked
   * @throws TypeError for an invalid value
   */
  constructor(choose: ParserChoice, options: RouteOptions, adapt: Completion = (config) => config) {
    this.#choose = choose
    this.#adapt = adapt
    this.#options = options
    this.#alone = complete(options)
  }

  /** A route with a list of parsers. @throws TypeError for an invalid parser, an unknown option or an invalid value */
  static ofParsers(list: readonly ParserLike[], options: RouteOptions): RouteConfig {
    const parsers = registerParsers(list)
    checkNames(options, routeOptionNames)
    return new RouteConfig(() => parsers, options)
  }

  /** The option `errors` of the route. `undefined`: that of the mount above applies. */
  get errors(): 'respond' | 'next' | undefined {
    return this.#options.errors
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
      const own = overlay({ ...mount, parsers: this.#choose(parsers) }, this.#options)
      this.#below.set(mount, (config = this.#adapt(own, parsers)))
    }
    return config
  }
}

/** Selects the parsers of a route from those of the mount above. */
export type ParserChoice = (mounted: readonly RegisteredParser[]) => readonly RegisteredParser[]

/** Changes the config of a route. `mounted` has the parsers of the mount above. */
type Completion = (config: Config, mounted: readonly RegisteredParser[]) => Config

function overlay(base: Config, options: RouteOptions): Config {
  const { storage, inspect, errors = base.errors, onProgress = base.onProgress } = options
  const { filter = base.filter, nested = base.nested } = options
  if (errors !== 'respond' && errors !== 'next') {
    throw new TypeError(`errors must be 'respond' or 'next', but is ${String(errors)}.`)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError('onProgress must be a function.')
  if (filter !== undefined && typeof filter !== 'function') throw new TypeError('filter must be a function.')
  if (typeof nested !== 'boolean')
    throw new TypeError(`nested must be true or false, but is ${String(nested)}.`)
  const limits = resolveLimits(options.limits, base.limits)
  const storages = storage === undefined ? base.storages : storageList(storage)
  const inspectors = inspect === undefined ? base.inspectors : inspectorList(inspect)
  return { ...base, errors, limits, storages, inspectors, filter, nested, onProgress }
}

function inspectorList(inspect: Inspector | readonly Inspector[]): readonly Inspector[] {
  const inspectors = [inspect].flat() as readonly Inspector[]
  if (inspectors.every((each) => typeof each === 'function')) return inspectors
  throw new TypeError(
    'inspect must be an inspector, which is a function such as hash() returns, or a list of inspectors.',
  )
}

function storageList(storage: Storage | readonly Storage[]): readonly Storage[] {
  const storages = [storage].flat() as readonly Storage[]
  for (const each of storages) {
    if (typeof each?.store !== 'function') {
      throw new TypeError(
        'A storage must be an object with a store() method, such as spool(), memory() or disk().',
      )
    }
  }
  return storages
}

/** @throws TypeError for an unknown option */
export function checkNames(options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new TypeError(`Unknown option \`${name}\`. The options are: ${names.join(', ')}.`)
  }
}
