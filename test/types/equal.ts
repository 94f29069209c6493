/** Whether two types are one and the same, `any` and optional properties included. */
export type Equal<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false

/** Compiles only if the types are equal. */
export function is<_Same extends true>(): void {
  // Only types are compared.
}
