/** `accept('image/*', '.pdf')`: which files a schema takes, in the words of the HTML attribute of that name. */
import { rangeCovers } from '../http/media-type.js'

/** A media type, a range of them such as `image/*`, or the ending of a file name such as `.pdf`. */
export type Accepted = `${string}/${string}` | `.${string}`

/** What of a file is known before its first byte. */
export interface DeclaredFile {
  readonly name: string
  readonly type: string
}

const wellFormed = /^(?:\.[^\s/]+|[^\s/;]+\/[^\s/;]+)$/

/**
 * A check for `z.file()`, for a browser and a server alike:
 *
 * ```ts
 * z.file().check(accept('image/*', '.pdf'))
 * ```
 *
 * It looks at the type that the client declares and at the file's name. Whether the bytes are of that type is what
 * `sniff()` looks at.
 *
 * @throws TypeError where an argument is neither a media type nor an ending
 */
export function accept(...accepted: readonly [Accepted, ...Accepted[]]): FileCheck {
  for (const each of accepted) {
    if (!wellFormed.test(each)) {
      throw new TypeError(
        `accept() takes media types such as "image/*" and endings such as ".pdf", not "${each}".`,
      )
    }
  }
  const ranges = accepted.map((each) => each.toLowerCase())
  const message = `Invalid file type: expected ${accepted.join(' or ')}`
  return {
    _zod: {
      def: { check: 'formgate_accept', accept: ranges },
      onattach: [],
      check({ value, issues }) {
        if (!isAccepted(value, ranges)) issues.push({ code: 'custom', message, input: value, continue: true })
      },
    },
  }
}

/** Whether a file is one of those accepted, which are in lower case. */
export function isAccepted(file: DeclaredFile, accepted: readonly string[]): boolean {
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
