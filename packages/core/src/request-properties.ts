/** Opens the body of a request, and defines `data`, `files`, `parse()` and `parts()` on the requests of frameworks. */
import type { Readable } from 'node:stream'
import { IncomingBody, type NodeRequest, type NodeResponse } from './http/incoming-body.js'
import type { FrameworkRequest } from './http/progress.js'
import { RequestBody, type Framework } from './request-body.js'

/**
 * The property that keeps the body of a request. With a WeakMap, or with getters for each request, V8 moved the objects of each
 * request to the old space, which cost 60 µs for a small form.
 */
const bodyKey = Symbol('formgate body')

interface BodyHolder {
  [bodyKey]?: RequestBody | undefined
}

/** The same for every request. The app may set `data` and `files`. */
const ownProperties: PropertyDescriptorMap = {
  data: bodyProperty('data'),
  files: bodyProperty('files'),
  parse: bodyMethod('parse'),
  parts: bodyMethod('parts'),
}
const names = Object.keys(ownProperties)

const allProperties: PropertyDescriptorMap = {
  [bodyKey]: { value: undefined, writable: true },
  ...ownProperties,
}

/**
 * Returns the one RequestBody of a request. The first call gives the target its properties.
 *
 * @param stream the body, if the framework has replaced the request's own stream
 */
export function openBody(
  framework: Framework,
  request: NodeRequest,
  response: NodeResponse,
  target: FrameworkRequest,
  stream?: Readable,
): RequestBody {
  const known = openedBody(request, stream)
  if (known !== undefined) return known
  const body = new RequestBody(framework, new IncomingBody(request, response, stream, target))
  if (!(bodyKey in target)) Object.defineProperties(ownerOf(target, request), allProperties)
  // Replaces what the app has set before.
  if (names.some((name) => Object.hasOwn(target, name))) Object.defineProperties(target, ownProperties)
  ;(target as BodyHolder)[bodyKey] = body
  if (request !== target) (request as BodyHolder)[bodyKey] = body
  return body
}

/** The body of a request, if it was opened. @param stream the body, if the framework has replaced the request's own stream */
export function openedBody(request: NodeRequest, stream?: Readable): RequestBody | undefined {
  const body = (request as BodyHolder)[bodyKey]
  if (stream !== undefined) body?.source.replaceStream(stream)
  return body
}

/**
 * The object that gets the properties: the prototype of an app's requests, if the framework has created one, since defining
 * properties takes longer than reading a small form. Node's own prototypes belong to all apps.
 */
function ownerOf(target: object, request: object): object {
  const prototype = Object.getPrototypeOf(target) as object
  // A mock may be a plain object.
  const isOfApp =
    prototype !== Object.prototype && (target !== request || !Object.hasOwn(prototype, 'constructor'))
  return isOfApp ? prototype : target
}

function bodyProperty(name: 'data' | 'files' | 'parse' | 'parts'): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: BodyHolder) {
      return this[bodyKey]?.[name]
    },
    set(this: BodyHolder, value: unknown) {
      if (name === 'data' && this[bodyKey]?.framework.sharesBody === true) {
        ;(this as { body?: unknown }).body = value
        return
      }
      Object.defineProperty(this, name, { value, configurable: true, writable: true, enumerable: true })
    },
  }
}

/** `undefined` on a request that Formgate did not open. */
function bodyMethod(name: 'parse' | 'parts'): PropertyDescriptor {
  return {
    ...bodyProperty(name),
    enumerable: false,
    get(this: BodyHolder) {
      const body = this[bodyKey]
      return body && (() => body[name]())
    },
  }
}
