/** The place of a middleware or a route in an Express app. */

import { isRoot, pathOf, unknown, type RouterLayer, type Spelling } from '../layers.js'

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

function textOf(layer: RouterLayer): string {
  const path = pathOf(layer)
  if (path === undefined) return unknown
  if (Array.isArray(path)) return `/(${path.map(String).join('|')})`
  return String(path)
}
