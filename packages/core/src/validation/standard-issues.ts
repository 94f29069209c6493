/** Turns the issues of any Standard Schema library into those of a problem answer. */
import { IssueList } from './issue-list.js'
import type { IssuePath } from './issue-path.js'
import type { StandardIssue } from './schema.js'

/** What issues of valibot (`type`, `received`) and arktype (`code`, `actual`) have besides. */
interface KnownIssue extends StandardIssue {
  readonly code?: unknown
  readonly type?: unknown
  readonly received?: unknown
  readonly actual?: unknown
}

/**
 * Issues, in the order in which the library reports them.
 *
 * @param most how many to read; the rest are counted
 * @param value what was validated: messages of valibot and arktype repeat it, and an answer must not
 */
export function readStandardIssues(
  issues: readonly StandardIssue[],
  value: unknown,
  most: number,
): IssueList {
  const list = new IssueList(most)
  for (const issue of issues.slice(0, most) as readonly KnownIssue[]) {
    const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
    const code = [issue.code, issue.type].find((each) => typeof each === 'string') ?? 'invalid'
    list.add(path, withoutValue(issue, valueAt(value, path)), code)
  }
  list.leaveOut(Math.max(issues.length - most, 0))
  return list
}

function withoutValue(issue: KnownIssue, value: unknown): string {
  let { message } = issue
  if (typeof issue.received === 'string') message = message.replace(` but received ${issue.received}`, '')
  if (typeof issue.actual === 'string') message = message.replace(` (was ${issue.actual})`, '')
  return repeats(message, value) ? 'Invalid value' : message
}

/** Whether a message has the submitted text in it, in quotes or at a length that is no accident. */
function repeats(message: string, value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  if (value.length > 8 && message.includes(value)) return true
  return [`"${value}"`, `'${value}'`, `\`${value}\``, JSON.stringify(value)].some((quoted) =>
    message.includes(quoted),
  )
}

function valueAt(value: unknown, path: IssuePath): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<PropertyKey, unknown>)[key]
  }
  return current
}
