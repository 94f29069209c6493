/** Turns the issues of zod into those of a problem answer. */
import type { FieldIssue } from '../errors.js'
import { formatPath, type IssuePath } from './issue-path.js'

/** An issue as zod reports it; `code` says which of the others are there. */
export interface ZodIssue {
  readonly code?: string
  readonly message: string
  readonly path: IssuePath
  /** Of `invalid_union`: the issues of each option. */
  readonly errors?: readonly (readonly ZodIssue[])[]
  /** Of `invalid_key` and `invalid_element`. */
  readonly issues?: readonly ZodIssue[]
}

/** Every issue, those inside unions, maps and records too, in the order in which zod reports them. */
export function readZodIssues(issues: readonly ZodIssue[]): FieldIssue[] {
  return issues.flatMap((issue) => readIssue(issue, []))
}

function readIssue(issue: ZodIssue, around: IssuePath): FieldIssue[] {
  const path = [...around, ...issue.path]
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors ?? [])
    if (branch !== undefined) return branch.flatMap((each) => readIssue(each, path))
  }
  if (issue.code === 'invalid_element' && issue.issues !== undefined && issue.issues.length > 0) {
    return issue.issues.flatMap((each) => readIssue(each, path))
  }
  // What is wrong with a key says more than that it is invalid.
  const inKey = issue.code === 'invalid_key' ? issue.issues?.[0] : undefined
  const { message } = inKey ?? issue
  return [{ path: formatPath(path), message, code: issue.code ?? 'custom' }]
}

/**
 * The option of a union that the value was most likely meant for: of those that take this kind of value at all, the
 * one with the fewest issues. Where none does, the union speaks for itself.
 */
function closestBranch(branches: readonly (readonly ZodIssue[])[]): readonly ZodIssue[] | undefined {
  let closest: readonly ZodIssue[] | undefined
  for (const branch of branches) {
    if (branch.length === 0 || branch.some(isWrongKind)) continue
    if (closest === undefined || branch.length < closest.length) closest = branch
  }
  return closest
}

function isWrongKind(issue: ZodIssue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return closestBranch(issue.errors ?? []) === undefined
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}
