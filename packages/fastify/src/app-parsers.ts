/** The content type parsers of Fastify: those of the app, which take precedence, and the one of a mount. */
import type { Readable } from 'node:stream'
import { openedBody, type MountStep, type RequestBody } from '@formgate/core/adapter'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What Fastify keeps to itself: `hasContentTypeParser()` finds neither `*` nor what a pattern matches. */
interface ContentTypeParsers {
  readonly customParsers: ReadonlyMap<string, { readonly fn: unknown }>
  getParser(contentType: string): { readonly fn: unknown } | undefined
}

/** Those of the contexts in which the app has some of its own. */
const ofContexts = new WeakMap<object, ContentTypeParsers>()

/** Methods whose body Fastify does not parse. */
export const bodyless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE'])

/** True if Fastify will pass a body to a content type parser of the app. */
export function isForApp(context: object, { source }: RequestBody): boolean {
  const parsers = ofContexts.get(context)
  if (parsers === undefined || bodyless.has(source.request.method!)) return false
  const { 'content-type': type } = source.headers
  if (type === undefined && source.hasNoBody) return false
  const parser = parsers.getParser(type ?? '')
  return parser !== undefined && parser.fn !== passOn
}

/** Leaves each body to the app's own content type parsers, and every other body to Formgate. */
export function addParsers(app: FastifyInstance, { config }: MountStep): void {
  refuseMultipart(app)
  for (const type of ['application/json', 'text/plain']) {
    // Fastify replaces its own parser, but refuses to replace one of the app.
    try {
      app.addContentTypeParser(type, passOn)
    } catch {
      continue
    }
    app.removeContentTypeParser(type)
  }
  // A catch-all from before keeps what the mount does not read.
  const types = parsersOfApp(app).includes('*') ? config.parsers.map(({ range }) => range.essence) : ['*']
  const contexts = [app]
  app.addHook('onRegister', (context) => void contexts.push(context))
  // When all parsers of the app are known.
  app.addHook('onReady', async () => {
    for (const context of contexts) {
      refuseMultipart(context)
      const taken = parsersOfApp(context)
      if (taken.length > 0) ofContexts.set(context, keptParsers(context)!)
      for (const type of types) if (!taken.includes(type)) context.addContentTypeParser(type, passOn)
    }
  })
}

/** The parser of a mount, for what its hook has read, or has left to the handler as a stream. */
function passOn(
  request: FastifyRequest,
  payload: Readable,
  done: (error: null, data: unknown) => void,
): void {
  done(null, openedBody(request.raw, payload)?.isRead === true ? request.body : payload)
}

/** Without this check, the second plugin fails with an error that does not name the first. */
function refuseMultipart(context: FastifyInstance): void {
  if (!context.hasPlugin('@fastify/multipart')) return
  throw new Error(
    '@formgate/fastify and @fastify/multipart are registered in the same context, and both set request.files. ' +
      'Register only one of them, or each in its own context.',
  )
}

/** The media types and patterns of the content type parsers in a context, without those of Formgate. */
export function parsersOfApp(context: FastifyInstance): readonly string[] {
  const added = [...(keptParsers(context)?.customParsers ?? [])].filter(([, { fn }]) => fn !== passOn)
  return added.map(([type]) => type || '*')
}

function keptParsers(context: FastifyInstance): ContentTypeParsers | undefined {
  const symbol = Object.getOwnPropertySymbols(context).find(
    ({ description }) => description === 'fastify.contentTypeParser',
  )
  return symbol && (Reflect.get(context, symbol) as ContentTypeParsers)
}
