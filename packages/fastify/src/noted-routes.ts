/** The routes of each app, recorded for `describe()`: Fastify keeps no list. */
import type { MountStep } from '@formgate/core/adapter'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** The records of one app. */
export interface AppNotes {
  /** Each route with the context in which it was defined. */
  readonly routes: Map<RouteOptions, FastifyInstance>
  /** True if no route is missing: recording began in the root context, before the first route. */
  isComplete: boolean
}

/** By server. */
const notes = new WeakMap<object, AppNotes>()
/** By context. */
const mounts = new WeakMap<object, readonly MountStep[]>()

/** The records of the app of a context, if any. */
export function notesOf(context: FastifyInstance): AppNotes | undefined {
  return notes.get(context.server)
}

/** Each `multipart` above a route. A context inherits from the one around it. */
export function mountsAbove(context: object | null): readonly MountStep[] {
  if (context === null) return []
  return [...mountsAbove(Object.getPrototypeOf(context) as object | null), ...(mounts.get(context) ?? [])]
}

/** Records the routes defined from now on, in this context and below, and a `multipart` of the context. */
export function noteRoutes(context: FastifyInstance, ...added: readonly MountStep[]): void {
  const known = notesOf(context) ?? { routes: new Map<RouteOptions, FastifyInstance>(), isComplete: false }
  notes.set(context.server, known)
  const isRoot = !('addHook' in (Object.getPrototypeOf(context) as object))
  known.isComplete ||= isRoot && context.printRoutes() === '(empty tree)'
  mounts.set(context, [...(mounts.get(context) ?? []), ...added])
  context.addHook('onRoute', function note(route) {
    known.routes.set(route, this)
  })
}
