/** The pattern of the route of a request, for events. */
import type { Request } from 'express-serve-static-core'

interface Stack {
  readonly stack: readonly Layer[]
}

interface Layer {
  readonly handle: Partial<Stack>
  readonly route?: object
  /** True at `/`. */
  readonly slash?: boolean
  /** The path given to `use()`. From router 2.3 on. */
  readonly rawPath?: string | RegExp | readonly (string | RegExp)[]
  /** Of Express 4, which keeps no path. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly unknown[]
}

/** Where the routers of each route are mounted. */
const mounts = new WeakMap<object, readonly string[]>()

/** The path of a route below those of its routers, as the app defines them: `baseUrl` is a part of the URL. */
export function routePattern({ route, baseUrl, app }: Request): string | undefined {
  if (route === undefined) return undefined
  let found = mounts.get(route as object)
  if (found === undefined) mounts.set(route as object, (found = mountsOf(routerOf(app), route)))
  const above = app?.path?.() ?? ''
  const mount = above + (found.find((each) => above + each === baseUrl) ?? found[0] ?? '')
  const path = String((route as { path: string | RegExp | readonly string[] }).path)
  return path === '/' ? mount || path : mount + path
}

/** The router of an app. Express 4 makes it with the first route, and its `router` throws. */
function routerOf(app: object | undefined): Partial<Stack> | undefined {
  const known: { lazyrouter?: unknown; _router?: Partial<Stack>; router?: Partial<Stack> } = app ?? {}
  return known.lazyrouter === undefined ? known.router : known._router
}

function mountsOf(router: Partial<Stack> | undefined, route: unknown, above = ''): readonly string[] {
  return (router?.stack ?? []).flatMap((layer) =>
    layer.route === route ? [above] : mountsOf(layer.handle, route, above + pathOf(layer)),
  )
}

function pathOf({ slash, rawPath, regexp, keys }: Layer): string {
  if (slash === true || regexp?.fast_slash === true) return ''
  if (rawPath !== undefined) return String(rawPath)
  // Without parameters, the expression of Express 4 is the path between these.
  const isPlain = regexp !== undefined && keys?.length === 0
  return isPlain ? regexp.source.slice(1, -String.raw`\/?(?=\/|$)`.length).replaceAll('\\', '') : '/…'
}
