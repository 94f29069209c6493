/** A check that a schema for files takes. */

/**
 * What `.check()` of zod and zod/mini takes, as a plain object: zod asks no more of a check than this, and so neither
 * the checks nor their users' bundles import a second zod.
 */
export interface FileCheck {
  readonly _zod: {
    readonly def: { readonly check: string; readonly accept?: readonly string[] }
    /** Zod calls these with the schema that the check is added to. */
    readonly onattach: []
    check(payload: FilePayload): void | Promise<void>
  }
}

/** A file under validation, and where to put what is wrong with it. */
interface FilePayload {
  readonly value: File
  readonly issues: { push(issue: FileIssue): unknown }
}

/** A type and not an interface, since only a type may stand where zod has an index signature. */
type FileIssue = {
  readonly code: 'custom'
  readonly message: string
  readonly input: unknown
  /** Whether the checks after this one run too. */
  readonly continue: boolean
}
