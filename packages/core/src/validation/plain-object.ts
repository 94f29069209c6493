/** Objects that inherit nothing. */

/** An object by string keys. */
export type PlainObject = Record<string, unknown>

// An object that `Object.create(null)` makes is a dictionary to V8, and each read of it takes twice the time.
// An instance of this class is an ordinary fast object, and its prototype is empty.
class Bare {
  [key: string]: unknown
  static {
    Reflect.deleteProperty(this.prototype, 'constructor')
    Object.setPrototypeOf(this.prototype, null)
  }
}

/** An object on which `__proto__`, `constructor` and `toString` are keys like any other. */
export function plainObject(): PlainObject {
  return new Bare()
}

/** Whether a value is an object by keys: no array, file or date. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || prototype === Bare.prototype
}
