/** Makes classes whose instances are Files and Blobs, but cost nothing to construct. */

/**
 * A native File or Blob takes up to 13 µs to construct, most of it for a store of bytes that would stay empty here.
 * This constructor does nothing; whoever extends it has to define every member.
 */
export const BareFile: new () => object = bare(File.prototype)

/** The same for a Blob. */
export const BareBlob: new () => object = bare(Blob.prototype)

function bare(prototype: Blob): new () => object {
  const Bare = class extends Object {}
  Object.setPrototypeOf(Bare.prototype, prototype)
  return Bare
}

/** Under which Node keeps the store of bytes of a native Blob: on Node 20 to 26 the property `Symbol(kHandle)`. */
const handleKey = Object.getOwnPropertySymbols(new Blob([])).find((key) => key.description === 'kHandle')

/**
 * Lets native code that takes a Blob apart (`new Blob([file])`, `URL.createObjectURL`) find the bytes of a class made
 * above. Without it such code would take the file for a string and write `[object File]`.
 *
 * @param nativeOf gives the native Blob with the same bytes, or throws
 */
export function backNatively<T extends object>(prototype: T, nativeOf: (blob: T) => Blob): void {
  if (handleKey === undefined) return
  Object.defineProperty(prototype, handleKey, {
    get(this: T): unknown {
      return Reflect.get(nativeOf(this), handleKey)
    },
  })
}
