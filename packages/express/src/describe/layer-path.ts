/** Where a middleware or a route stands, as far as Express keeps it. */

/** As an app may give it to a router. */
export type Spelling = string | RegExp

/** What is read of a layer of a router. */
export interface RouterLayer {
  readonly handle: unknown
  readonly name: string
  /** Of a route's own handlers; `undefined` in `route.all()`. */
  readonly method?: string
  readonly route?: { readonly path: Spelling | readonly Spelling[]; readonly stack: readonly RouterLayer[] }
  /** Whether it stands at `/`, and so above everything. */
  readonly slash?: boolean
  /** What `use()` was given. Kept by router 2.3 and newer. */
  readonly rawPath?: Spelling | readonly Spelling[]
  match(path: string): unknown
  /** What the last match has taken off a path, before router 2.3. */
  readonly path?: unknown
}

const unknown = '…'
const notKept =
  'Express does not keep the path that the router above is mounted at: update the package router to 2.3 or newer.'

/** The layers of `use()` on the way to a place, and the path of the route at its end. */
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

  /** This place with all that lies below it. */
  everything(): { path: string; notes: readonly string[] } {
    return { path: this.text === '/' ? '/*' : `${this.text}/*`, notes: this.notes }
  }

  /** Whether a request for the other place passes here; `undefined` where that cannot be known. */
  covers(other: LayerPath): boolean | undefined {
    let shared = 0
    while (shared < this.#layers.length && this.#layers[shared] === other.#layers[shared]) shared += 1
    const own = this.#layers.slice(shared)
    const rest = [
      ...other.#layers.slice(shared).map(pathOf),
      ...(other.#end === undefined ? [] : [other.#end]),
    ]
    if (own.every(({ slash }) => slash === true)) return true
    if (!rest.every((path) => typeof path === 'string')) return undefined
    return matches(own, rest.join('') || '/')
  }
}

/** Takes off what each layer matches, as a router does. */
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

/** The path of a mount, `''` for the root; a regular expression or nothing where it has no text. */
function pathOf({ slash, rawPath }: RouterLayer): RouterLayer['rawPath'] {
  if (slash === true) return ''
  return Array.isArray(rawPath) && rawPath.length === 1 ? (rawPath[0] as Spelling) : rawPath
}

function textOf(layer: RouterLayer): string {
  const path = pathOf(layer)
  if (path === undefined) return unknown
  if (Array.isArray(path)) return `/(${path.map(String).join('|')})`
  return String(path)
}
