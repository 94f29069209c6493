/**
 * A trick for V8 up to version 12 (Node 20 and 22): lets all requests, and all responses, share a hidden class.
 *
 * Express gives each request and response another prototype. These versions keep no transitions from the hidden class of
 * such an object, so every property that is added later makes a class of its own, and every access misses its inline
 * cache. An object that loses a property becomes a dictionary, and dictionaries of one prototype share one class.
 *
 * Cost: two property operations an object, some nanoseconds at each later access. Gain: 20 to 40 % of the CPU time of a
 * small body (docs/decisions/0018-express-requests-share-a-shape.md). Delete this file when Node 22 is no longer supported.
 */
const isNeeded = Number.parseInt(process.versions.v8, 10) < 13

const temporary = Symbol('temporary')

/** Makes a dictionary of a request or a response. What it holds stays the same. */
export function shareShape(object: object): void {
  if (!isNeeded) return
  Reflect.set(object, temporary, true)
  Reflect.deleteProperty(object, temporary)
}
