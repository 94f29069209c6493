/** The paths in an app of Express, as the app defines them. */
import type { Request } from 'express-serve-static-core'

/** One path, of `use()` or of a route. */
export type Spelling = string | RegExp

/** A router. */
export interface Stack {
  readonly stack: readonly RouterLayer[]
}

/** A layer of a router, as far as Formgate reads it. */
export interface RouterLayer {
  readonly handle: Partial<Stack>
  readonly name: string
  /** Of a handler of a route; `undefined` for `route.all()`. */
  readonly method?: string
  readonly route?: Stack & { readonly path: Spelling | readonly Spelling[] }
  /** True at `/`. */
  readonly slash?: boolean
  /** The path given to `use()`. From router 2.3 on. */
  readonly rawPath?: Spelling | readonly Spelling[]
  /** Of Express 4, which keeps no path. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
  match(path: string): unknown
  /** Before router 2.3: the path of the last match. */
  readonly path?: unknown
}

/** In place of a path that is not kept. */
export const unknown = '…'

/** The router of an app. Express 4 makes it with the first route, and its `router` throws. */
export function routerOf(app: object): Partial<Stack> | undefined {
  const known: { lazyrouter?: unknown; _router?: Stack; router?: Stack } = app
  return known.lazyrouter === undefined ? known.router : (known._router ?? { stack: [] })
}

/** The path of a mount, `''` for the root; `undefined` if it is not kept. */
export function pathOf(layer: RouterLayer): RouterLayer['rawPath'] {
  if (isRoot(layer)) return ''
  const { rawPath = readRegexp(layer) } = layer
  return Array.isArray(rawPath) && rawPath.length === 1 ? (rawPath[0] as Spelling) : rawPath
}

export function isRoot({ slash, regexp }: RouterLayer): boolean {
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

/** Where the routers of each route are mounted. */
const mounts = new WeakMap<object, readonly string[]>()

/** The path of the route of a request below those of its routers, for events: `baseUrl` is a part of the URL. */
export function routePattern({ route, baseUrl, app }: Request): string | undefined {
  if (route === undefined) return undefined
  const { path } = route as { path: Spelling | readonly Spelling[] }
  let found = mounts.get(route as object)
  if (found === undefined) mounts.set(route as object, (found = mountsOf(routerOf(app ?? {}), route)))
  const above = app?.path?.() ?? ''
  const mount = above + (found.find((each) => above + each === baseUrl) ?? found[0] ?? '')
  return path === '/' ? mount || path : mount + String(path)
}

function mountsOf(router: Partial<Stack> | undefined, route: unknown, above = ''): readonly string[] {
  return (router?.stack ?? []).flatMap((layer) => {
    if (layer.route === route) return above
    const paths = [pathOf(layer) ?? unknown].flat() as readonly Spelling[]
    return paths.flatMap((path) => mountsOf(layer.handle, route, above + String(path)))
  })
}
