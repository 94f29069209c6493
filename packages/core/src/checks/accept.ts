/** `accept('image/*', '.pdf')`: the files that a schema accepts, as in the HTML attribute `accept`. */
import { rangeCovers } from '../http/media-type.js'

/** A media type, a range such as `image/*`, or a file extension such as `.pdf`. */
export type Accepted = `${string}/${string}` | `.${string}`

const wellFormed = /^(?:\.[^\s/]+|[^\s/;]+\/[^\s/;]+)$/

/**
 * A check for `z.file()`, in browsers and on servers:
 *
 * ```ts
 * z.file().check(accept('image/*', '.pdf'))
 * ```
 *
 * It compares the type that the client declares and the file's name. Use `sniff()` to check the content.
 *
 * @throws TypeError if an argument is neither a media type nor a file extension
 */
export function accept(...accepted: readonly [Accepted, ...Accepted[]]): FileCheck {
  for (const each of accepted) {
    if (!wellFormed.test(each)) {
      throw new TypeError(
        `accept() takes media types such as "image/*" and file extensions such as ".pdf", not "${each}".`,
      )
    }
  }
  const types = accepted.map((each) => each.toLowerCase())
  const message = `Invalid file type: expected ${accepted.join(' or ')}`
  const check: AcceptCheck = ({ value, issues }) => {
    if (!isAccepted(value, types)) issues.push({ code: 'custom', message, input: value, continue: true })
  }
  check.acceptedTypes = types
  return check
}

/** What `.check()` of zod and zod/mini takes. A plain function, so that no bundle gets a second zod. */
export type FileCheck = (file: FileUnderCheck) => void | Promise<void>

interface FileUnderCheck {
  readonly value: File
  readonly issues: { push(issue: FileIssue): unknown }
}

/** A type rather than an interface: zod's issues have an index signature. */
type FileIssue = {
  readonly code: 'custom'
  readonly message: string
  readonly input: unknown
  /** True if the checks after this one run too. */
  readonly continue: boolean
}

interface AcceptCheck extends FileCheck {
  // A property, not a WeakMap: a bundle may hold this module twice.
  acceptedTypes?: readonly string[]
}

/** The types of a check that `accept()` returned, in lower case; `undefined` for any other check. */
export function acceptedTypes(check: unknown): readonly string[] | undefined {
  return typeof check === 'function' ? (check as AcceptCheck).acceptedTypes : undefined
}

/** True if a file matches one of the accepted types, which are in lower case. */
export function isAccepted(file: Pick<File, 'name' | 'type'>, accepted: readonly string[]): boolean {
  const type = bareType(file.type)
  const name = file.name.toLowerCase()
  return accepted.some((each) => (each.startsWith('.') ? name.endsWith(each) : rangeCovers(each, type)))
}

/** A media type in lower case and without parameters. */
export function bareType(type: string): string {
  // Without a pattern: /\s*;/ takes quadratic time on a long run of spaces.
  const end = type.indexOf(';')
  return (end === -1 ? type : type.slice(0, end).trimEnd()).toLowerCase()
}
