/** The routes of each app, noted for `describe()` as they are defined: Fastify keeps no list of them. */
import type { MountStep } from '@formgate/core/adapter'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** What is noted of one app. */
export interface AppNotes {
  /** Each route with the context that it was defined in. */
  readonly routes: Map<RouteOptions, FastifyInstance>
  /** Each `multipart` of a context. */
  readonly mounts: Map<FastifyInstance, readonly MountStep[]>
  /** Whether it has every route: noting began in the root context, before the first of them. */
  isComplete: boolean
}

const notes = new WeakMap<object, AppNotes>()

/** The notes of an app, given any of its contexts; `undefined` where none were taken. */
export function notesOf(context: FastifyInstance): AppNotes | undefined {
  return notes.get(context.server)
}

/** Notes the routes that are defined from here on, in this context and in those below; and a `multipart` of the context. */
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

/** The context around this one: Fastify makes each inherit from it, and the first from a plain object. */
export function contextAround(context: FastifyInstance): FastifyInstance | undefined {
  const around = Object.getPrototypeOf(context) as object
  return 'addHook' in around ? (around as FastifyInstance) : undefined
}
