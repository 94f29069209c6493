/** The place of a middleware or a route in an Express app. */

/** A path, as an app defines it. */
export type Spelling = string | RegExp

/** A layer of a router, as far as `describe()` reads it. */
export interface RouterLayer {
  readonly handle: unknown
  readonly name: string
  /** Of a handler of a route; `undefined` for `route.all()`. */
  readonly method?: string
  readonly route?: { readonly path: Spelling | readonly Spelling[]; readonly stack: readonly RouterLayer[] }
  /** True at `/`. */
  readonly slash?: boolean
  /** Of Express 4, which keeps no path of a mount. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
  /** The path given to `use()`. From router 2.3 on. */
  readonly rawPath?: Spelling | readonly Spelling[]
  match(path: string): unknown
  /** Before router 2.3: the path of the last match. */
  readonly path?: unknown
}

const unknown = '…'
const notKept =
  'The path at which the router above is mounted is unknown: update the package router to 2.3 or newer.'

/** The layers of `use()` above a place, and the path of its route. */
export class LayerPath {
  readonly #layers: readonly RouterLayer[]
  readonly #end: Spelling | undefined

  constructor(layers: readonly RouterLayer[] = [], end?: Spelling) {
    this.#layers = layers
    this.#end = end
  }

  below(layer: RouterLayer): LayerPath {
    return new LayerPath([...this.#layers, layer])
  }

  route(path: Spelling): LayerPath {
    return new LayerPath(this.#layers, path)
  }

  get text(): string {
    const end = this.#end === undefined ? '' : String(this.#end)
    const text = this.#layers.map(textOf).join('') + (end.startsWith('/') ? end : `${end && '/'}${end}`)
    const hasSlash = text.length > 1 && text.endsWith('/') && !(this.#end instanceof RegExp)
    return hasSlash ? text.slice(0, -1) : text || '/'
  }

  get notes(): readonly string[] {
    return this.#layers.some((layer) => textOf(layer) === unknown) ? [notKept] : []
  }

  /** This place and everything below. */
  everything(): { path: string; notes: readonly string[] } {
    return { path: this.text === '/' ? '/*' : `${this.text}/*`, notes: this.notes }
  }

  /** True if a request for the other place passes here; `undefined` if that is unknown. */
  covers(other: LayerPath): boolean | undefined {
    let shared = 0
    while (shared < this.#layers.length && this.#layers[shared] === other.#layers[shared]) shared += 1
    const own = this.#layers.slice(shared)
    const rest = [
      ...other.#layers.slice(shared).map(pathOf),
      ...(other.#end === undefined ? [] : [other.#end]),
    ]
    if (own.every(isRoot)) return true
    if (!rest.every((path) => typeof path === 'string')) return undefined
    return matches(own, rest.join('') || '/')
  }
}

/** Strips what each layer matches from the path, as a router does. */
function matches(layers: readonly RouterLayer[], path: string): boolean {
  let left = path
  for (const layer of layers) {
    const found = layer.match(left)
    if (found === false) return false
    const taken = typeof found === 'object' ? (found as { path: unknown }).path : layer.path
    left = left.slice(String(taken).length)
    if (!left.startsWith('/')) left = `/${left}`
  }
  return true
}

/** The path of a mount, `''` for the root; `undefined` if it is not kept. */
function pathOf(layer: RouterLayer): RouterLayer['rawPath'] {
  if (isRoot(layer)) return ''
  const { rawPath = readRegexp(layer) } = layer
  return Array.isArray(rawPath) && rawPath.length === 1 ? (rawPath[0] as Spelling) : rawPath
}

function isRoot({ slash, regexp }: RouterLayer): boolean {
  return slash === true || regexp?.fast_slash === true
}

/** The path of a mount of Express 4, or its expression where that has more than names and parameters. */
function readRegexp({ regexp, keys = [] }: RouterLayer): Spelling | undefined {
  const [start, end] = ['^', '\\/?(?=\\/|$)']
  const source = regexp?.source ?? ''
  if (!source.startsWith(start) || !source.endsWith(end)) return regexp
  let rest = source.slice(start.length, -end.length)
  // As path-to-regexp 0.1.12 writes them, and versions before it.
  for (const { name } of keys)
    rest = rest.replace('(?:\\/([^/]+?))', `\\/:${name}`).replace('\\/(?:([^\\/]+?))', `\\/:${name}`)
  const path = rest.replaceAll(/\\(.)/gs, '$1')
  return /[()[\]|*+?]/.test(path) ? regexp : path
}

function textOf(layer: RouterLayer): string {
  const path = pathOf(layer)
  if (path === undefined) return unknown
  if (Array.isArray(path)) return `/(${path.map(String).join('|')})`
  return String(path)
}
