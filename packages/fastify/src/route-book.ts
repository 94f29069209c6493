/** The routes of an app, written down as they are defined: Fastify keeps no list of them. */
import { stepOf, type BodyStep } from '@formgate/core/adapter'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** A route, and the context that it was defined in. */
export interface BookedRoute {
  readonly context: FastifyInstance
  readonly options: RouteOptions
}

/** What is written down of one app. */
export class RouteBook {
  readonly #routes = new Map<RouteOptions, FastifyInstance>()
  readonly #mounts = new Map<FastifyInstance, BodyStep[]>()
  #isWhole = false

  /** Whether every route of the app is in it: the first to write stood in the root context, before any route. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  get routes(): readonly BookedRoute[] {
    return [...this.#routes].map(([options, context]) => ({ context, options }))
  }

  /** Writes down, from here on, the routes of this context and of those below. */
  open(context: FastifyInstance): void {
    const isRoot = parentOf(context) === undefined
    this.#isWhole ||= isRoot && this.#routes.size === 0 && hasNoRoute(context)
    const { isWhole } = this
    const routes = this.#routes
    // Once is enough, and a context inside has the hook of that around it.
    if (this.#mounts.has(context)) return
    this.#mounts.set(context, [])
    if (isWhole && !isRoot) return
    context.addHook('onRoute', function book(options) {
      routes.set(options, this)
    })
  }

  /** Writes down a `multipart` of this context. */
  mount(context: FastifyInstance, step: BodyStep): void {
    this.#mounts.get(context)!.push(step)
  }

  /** What of Formgate stands on the way to a route, in the order of a request. */
  stepsOf({ context, options }: BookedRoute): readonly BodyStep[] {
    const contexts: FastifyInstance[] = []
    for (let each: FastifyInstance | undefined = context; each !== undefined; each = parentOf(each))
      contexts.unshift(each)
    const own = [options.preParsing ?? []].flat() as readonly unknown[]
    return [
      ...contexts.flatMap((each) => this.#mounts.get(each) ?? []),
      ...own.flatMap((hook) => stepOf(hook) ?? []),
    ]
  }
}

const books = new WeakMap<object, RouteBook>()

/** The book of an app: one, whichever of its contexts asks. */
export function bookOf(context: FastifyInstance): RouteBook | undefined {
  return books.get(context.server)
}

/** The same, begun here where there is none. */
export function openBook(context: FastifyInstance): RouteBook {
  const book = bookOf(context) ?? new RouteBook()
  books.set(context.server, book)
  book.open(context)
  return book
}

/** A context inherits from that around it, and the first from a plain object. */
function parentOf(context: FastifyInstance): FastifyInstance | undefined {
  const parent: unknown = Object.getPrototypeOf(context)
  return typeof parent === 'object' && parent !== null && 'addHook' in parent
    ? (parent as FastifyInstance)
    : undefined
}

function hasNoRoute(context: FastifyInstance): boolean {
  return context.printRoutes() === '(empty tree)'
}
