/** The routes of each app, recorded for `describe()`: Fastify keeps no list. */
import type { MountStep } from '@formgate/core/adapter'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** The records of one app. */
export interface AppNotes {
  /** Each route with the context in which it was defined. */
  readonly routes: Map<RouteOptions, FastifyInstance>
  /** Each `multipart` of a context. */
  readonly mounts: Map<FastifyInstance, readonly MountStep[]>
  /** True if no route is missing: recording began in the root context, before the first route. */
  isComplete: boolean
}

const notes = new WeakMap<object, AppNotes>()

/** The records of the app of a context, if any. */
export function notesOf(context: FastifyInstance): AppNotes | undefined {
  return notes.get(context.server)
}

/** Records the routes defined from now on, in this context and below, and a `multipart` of the context. */
export function noteRoutes(context: FastifyInstance, mount?: MountStep): void {
  const known: AppNotes = notesOf(context) ?? { routes: new Map(), mounts: new Map(), isComplete: false }
  notes.set(context.server, known)
  known.isComplete ||= contextAround(context) === undefined && context.printRoutes() === '(empty tree)'
  const mounts = known.mounts.get(context)
  known.mounts.set(context, [...(mounts ?? []), ...(mount === undefined ? [] : [mount])])
  if (mounts !== undefined) return
  context.addHook('onRoute', function note(route) {
    known.routes.set(route, this)
  })
}

/** The parent of a context: each context inherits from it, and the root from a plain object. */
export function contextAround(context: FastifyInstance): FastifyInstance | undefined {
  const around = Object.getPrototypeOf(context) as object
  return 'addHook' in around ? (around as FastifyInstance) : undefined
}
