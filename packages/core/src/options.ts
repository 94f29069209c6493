/** What a user can set, checked and completed once, before the first request. */
import type { Inspector } from './files/inspection.js'
import type { Storage } from './files/storage.js'
import { spool } from './files/spool.js'
import { defaultLimits, resolveLimits, type Limits } from './limits.js'
import type { FileRules, ParserLike } from './parsers/base-parser.js'
import { FormParser } from './parsers/form-parser.js'
import { JSONParser } from './parsers/json-parser.js'
import { MultiPartParser } from './parsers/multipart/multipart-parser.js'
import type { ProgressListener } from './progress.js'
import { registerParsers, type RegisteredParser } from './registry.js'

/** Options of one route. */
export interface RouteOptions {
  /** Laid over the limits of the `multipart()` above, or over the defaults. */
  readonly limits?: Partial<Limits>
  /** Where files go; of a list, each is asked in turn. Default: memory up to 256 KiB, then a temporary file. */
  readonly storage?: Storage | readonly Storage[]
  /** What sees each chunk of each file before it is stored, such as `hash()`; of a list, one after the other. */
  readonly inspect?: Inspector | readonly Inspector[]
  /** Is told how much of the body has arrived. */
  readonly onProgress?: ProgressListener
  /** `respond` (default) answers a 4xx as problem+json and hands on a 5xx; `next` hands every error to the framework. */
  readonly errors?: 'respond' | 'next'
}

/** Options of `multipart()`. */
export interface MountOptions extends RouteOptions {
  /** Classes or instances; the first that reads the media type wins. Default: JSON, URL-encoded forms, multipart. */
  readonly parsers?: readonly ParserLike[]
  /** Parse on demand only: at a route's own `parsers()`, or at `await req.parse()`. Default false. */
  readonly lazy?: boolean
}

/** How the body of a request is to be read. */
export interface Config {
  /** Those options that the user has set and that can act only while bytes arrive. */
  readonly readingOptions: readonly string[]
  readonly parsers: readonly RegisteredParser[]
  readonly limits: Limits
  readonly storages: readonly Storage[]
  readonly inspectors: readonly Inspector[]
  readonly onProgress: ProgressListener | undefined
  readonly errors: 'respond' | 'next'
  readonly lazy: boolean
  /** Those that the parts of a form may be read by, where these are others than `parsers`. */
  readonly partParsers?: readonly RegisteredParser[]
  /** What the schema of the route says about its files. */
  readonly fileRules?: FileRules
}

/** The parsers of an app that names none. */
export const defaultParsers: readonly ParserLike[] = [JSONParser, FormParser, MultiPartParser]

const mountOptionNames = ['parsers', 'limits', 'storage', 'inspect', 'onProgress', 'errors', 'lazy']
/** The options of a route, whatever else a kind of route takes. */
export const routeOptionNames: readonly string[] = ['limits', 'storage', 'inspect', 'onProgress', 'errors']
const readingOptionNames = ['parsers', 'limits', 'storage', 'inspect', 'onProgress'] as const

/**
 * Completes the options of `multipart()`.
 *
 * @throws TypeError for an unknown option or an invalid value
 */
export function resolveMount(options: MountOptions = {}): Config {
  checkNames(options, mountOptionNames)
  const { parsers = defaultParsers, lazy = false } = options
  if (typeof lazy !== 'boolean') throw new TypeError(`lazy must be true or false, but is ${String(lazy)}.`)
  const readingOptions = readingOptionNames.filter((name) => options[name] !== undefined)
  const base = {
    parsers: registerParsers(parsers),
    limits: defaultLimits,
    storages: [spool()],
    inspectors: [],
    onProgress: undefined,
    readingOptions,
    lazy,
  }
  return overlay({ ...base, errors: 'respond' }, options)
}

/** How a route reads its body, whatever the `multipart()` above it says. */
export class RouteConfig {
  readonly #choose: ParserChoice
  readonly #complete: Completion
  readonly #options: RouteOptions
  readonly #alone: Config
  readonly #below = new WeakMap<Config, Config>()

  /**
   * @param choose the parsers of the route, given those that it would have otherwise
   * @param complete what a kind of route adds to its config, once for each mount
   * @throws TypeError for an unknown option or an invalid value
   */
  constructor(choose: ParserChoice, options: RouteOptions, complete: Completion = (config) => config) {
    checkNames(options, routeOptionNames)
    this.#choose = choose
    this.#complete = complete
    this.#options = options
    this.#alone = resolveMount(options)
  }

  /** The route with this list of parsers. @throws TypeError also for what is no parser */
  static ofParsers(list: readonly ParserLike[], options: RouteOptions): RouteConfig {
    const parsers = registerParsers(list)
    return new RouteConfig(() => parsers, options)
  }

  /** What the route says about errors; `undefined` where it leaves that to the mount above. */
  get errors(): 'respond' | 'next' | undefined {
    return this.#options.errors
  }

  /** Those options of the route that can act only while bytes arrive. */
  get readingOptions(): readonly string[] {
    return this.#alone.readingOptions
  }

  /**
   * How a body is read here, below `mount`.
   *
   * @throws TypeError where the parsers there do not read what the route wants
   */
  below(mount: Config = this.#alone): Config {
    let config = this.#below.get(mount)
    if (config === undefined) {
      const { parsers } = mount
      const own = overlay({ ...mount, parsers: this.#choose(parsers) }, this.#options)
      this.#below.set(mount, (config = this.#complete(own, parsers)))
    }
    return config
  }
}

/** Chooses the parsers of a route. */
export type ParserChoice = (mounted: readonly RegisteredParser[]) => readonly RegisteredParser[]

/** Completes the config of a route, given the parsers that it would have without its choice. */
type Completion = (config: Config, mounted: readonly RegisteredParser[]) => Config

function overlay(base: Config, options: RouteOptions): Config {
  const { storage, inspect, errors = base.errors, onProgress = base.onProgress } = options
  if (errors !== 'respond' && errors !== 'next') {
    throw new TypeError(`errors must be 'respond' or 'next', but is ${String(errors)}.`)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError('onProgress must be a function.')
  const limits = resolveLimits(options.limits, base.limits)
  const storages = storage === undefined ? base.storages : storageList(storage)
  const inspectors = inspect === undefined ? base.inspectors : inspectorList(inspect)
  return { ...base, errors, limits, storages, inspectors, onProgress }
}

function inspectorList(inspect: Inspector | readonly Inspector[]): readonly Inspector[] {
  const inspectors = [inspect].flat() as readonly Inspector[]
  if (inspectors.every((each) => typeof each === 'function')) return inspectors
  throw new TypeError(
    'inspect must be an inspector, such as hash(), or a list of inspectors: functions of a file.',
  )
}

function storageList(storage: Storage | readonly Storage[]): readonly Storage[] {
  const storages = [storage].flat() as readonly Storage[]
  for (const each of storages) {
    if (typeof each?.store !== 'function') {
      throw new TypeError(
        'A storage is an object with a store() method, such as spool(), memory() or disk().',
      )
    }
  }
  return storages
}

function checkNames(options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new TypeError(`${name} is no option here. The options are: ${names.join(', ')}.`)
  }
}
