/** Makes requests and responses alike for V8, which is what makes access to them fast. */

/**
 * Up to version 12 (Node 22) V8 keeps no transitions from the hidden class of an object that was given another prototype.
 * Express gives one to each request and response and adds properties to them, so that each has hidden classes that
 * nothing else has, and every later access to it is a miss of an inline cache.
 */
const areAllDifferent = Number.parseInt(process.versions.v8, 10) < 13

const passing = Symbol('passing')

/**
 * Lets an object share its hidden class with all that came the same way: with a property less it becomes a dictionary,
 * and dictionaries of one prototype are alike. What it holds stays as it is.
 *
 * A JSON body of 1 KB costs two thirds after that (docs/decisions/0018-express-requests-share-a-shape.md).
 */
export function shareShape(object: object): void {
  if (!areAllDifferent) return
  Reflect.set(object, passing, true)
  Reflect.deleteProperty(object, passing)
}
