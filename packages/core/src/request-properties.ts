/** What a framework's request shows of its body: `data`, `files`, `parse()` and `parts()`. */
import type { FilesByField } from './parsers/data-and-files.js'

/** What is shown. */
export interface ShownBody {
  readonly data: unknown
  readonly files: FilesByField
  parse(): Promise<unknown>
  parts(): AsyncGenerator
}

/**
 * Where a request keeps its body. In a WeakMap, and with getters made for each request, its objects outlived every minor
 * collection: V8 keeps both in the old space. That took 60 µs of each request of a small form.
 */
const bodyKey = Symbol('formgate body')

/** A request that may have been opened. */
interface BodyHolder {
  [bodyKey]?: ShownBody | undefined
}

/** The same for every request. A value that the app sets in the place of `data` or `files` stays. */
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

/** The body that a request holds; `undefined` where none has been opened. */
export function heldBody(request: object): ShownBody | undefined {
  return (request as BodyHolder)[bodyKey]
}

/**
 * Gives a request its body.
 *
 * @param request Node's own
 * @param target what the handler gets as its request, and what gets the properties
 */
export function holdBody(request: object, target: object, body: ShownBody): void {
  if (!(bodyKey in target)) Object.defineProperties(familyOf(target, request), allProperties)
  // What an app had put there before gives way.
  if (names.some((name) => Object.hasOwn(target, name))) Object.defineProperties(target, ownProperties)
  ;(target as BodyHolder)[bodyKey] = body
  if (request !== target) (request as BodyHolder)[bodyKey] = body
}

/**
 * Who gets the properties: the prototype that all requests of an app share, where the framework has made one for it,
 * since to define properties takes longer than to read a small form. Node's own prototypes are everybody's.
 */
function familyOf(target: object, request: object): object {
  const prototype = Object.getPrototypeOf(target) as object
  const isOfApp = target !== request || !Object.hasOwn(prototype, 'constructor')
  return isOfApp ? prototype : target
}

function bodyProperty(name: keyof ShownBody): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: BodyHolder) {
      return this[bodyKey]?.[name]
    },
    set(value: unknown) {
      Object.defineProperty(this, name, { value, configurable: true, writable: true, enumerable: true })
    },
  }
}

/** A request that has not been opened has no such method: it is of a route outside of Formgate. */
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
