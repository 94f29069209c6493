/**
 * A trick for V8 up to version 12 (Node 20 and 22): lets all requests, and all responses, share a hidden class.
 *
 * Express changes the prototype of each request and response. These versions keep no transitions from the hidden class of
 * such an object: every property added later creates a new class, and every access misses its inline cache. An object
 * that loses a property becomes a dictionary, and dictionaries with one prototype share one class.
 *
 * Cost: two property operations per object, and some nanoseconds per later access. Gain: 20 to 40 % of the CPU time of a
 * small body (docs/decisions/0018-express-requests-share-a-shape.md). Delete this file when Node 22 is not supported.
 */
const isNeeded = Number.parseInt(process.versions.v8, 10) < 13

const temporary = Symbol('temporary')

/** Turns a request or a response into a dictionary, with the same properties. */
export function shareShape(object: object): void {
  if (!isNeeded) return
  Reflect.set(object, temporary, true)
  Reflect.deleteProperty(object, temporary)
}
