/** Reads the code of a system error. */

/** The `code` of a system error, such as `ENOENT`; `''` for what has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
