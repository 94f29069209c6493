/** Keys that become a prototype when they are assigned. */

/**
 * Takes the keys called `__proto__` out of a value as JSON has it. zod 4.1 assigns what a loose object holds, and would
 * make a prototype of it; newer versions leave the key out.
 */
export function dropPrototypeKeys(value: unknown): void {
  // A parser of the user's own may give an object that contains itself, or one that is no data.
  const found = new Set<object>()
  const add = (each: unknown): void => {
    if (Array.isArray(each) || isData(each)) found.add(each)
  }
  add(value)
  // A set that grows while it is walked is walked to its new end.
  for (const each of found) {
    if (Object.hasOwn(each, '__proto__')) Reflect.deleteProperty(each, '__proto__')
    for (const member of Object.values(each)) add(member)
  }
}

/** Whether a value is an object by keys, whatever its keys do to it. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
