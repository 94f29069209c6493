/** Turns the issues of zod into those of a problem answer. */
import { IssueList } from './issue-list.js'
import type { IssuePath } from './issue-path.js'

/** An issue as zod reports it; `code` says which of the others are there. */
export interface ZodIssue {
  readonly code?: string
  readonly message: string
  readonly path: IssuePath
  /** Of `invalid_union`: the issues of each option. */
  readonly errors?: readonly (readonly ZodIssue[])[]
  /** Of `invalid_key` and `invalid_element`. */
  readonly issues?: readonly ZodIssue[]
  /** Of `invalid_value`: what is allowed. */
  readonly values?: readonly unknown[]
  /** Of `unrecognized_keys`. */
  readonly keys?: readonly unknown[]
  /** Of `invalid_union`: what the discriminator may be. */
  readonly options?: readonly unknown[]
}

/** What counts of an issue that is left out. */
export type LeftOutIssue = Omit<ZodIssue, 'message' | 'path'> & { readonly path?: IssuePath | undefined }

/**
 * Issues, those inside unions, maps and records too, in the order in which zod reports them.
 *
 * @param issues those that may be listed
 * @param others those that are counted only
 */
export function readZodIssues(
  issues: readonly ZodIssue[],
  most: number,
  others: readonly LeftOutIssue[] = [],
): IssueList {
  const list = new IssueList(most)
  for (const issue of issues) readIssue(issue, [], list)
  for (const issue of others) list.leaveOut(countIssues(issue))
  return list
}

function readIssue(issue: ZodIssue, around: IssuePath, list: IssueList): void {
  if (list.isFull) return list.leaveOut(countIssues(issue))
  const path = [...around, ...issue.path]
  const inner = innerIssues(issue)
  if (inner !== undefined) {
    for (const each of inner) readIssue(each as ZodIssue, path, list)
    return
  }
  // What is wrong with a key says more than that it is invalid.
  const { message, values, keys, options } =
    (issue.code === 'invalid_key' ? issue.issues?.[0] : undefined) ?? issue
  list.add(path, message, issue.code ?? 'custom', values ?? keys ?? options)
}

function countIssues(issue: LeftOutIssue): number {
  return innerIssues(issue)?.reduce((count, each) => count + countIssues(each), 0) ?? 1
}

/** The issues that say more than this one. */
function innerIssues(issue: LeftOutIssue): readonly LeftOutIssue[] | undefined {
  if (issue.code === 'invalid_union') return closestBranch(issue.errors ?? [])
  return issue.code === 'invalid_element' && issue.issues?.length !== 0 ? issue.issues : undefined
}

/**
 * The option of a union that the value was most likely meant for: of those that take this kind of value at all, the
 * one with the fewest issues. Where none does, the union speaks for itself.
 */
function closestBranch(branches: readonly (readonly LeftOutIssue[])[]): readonly LeftOutIssue[] | undefined {
  let closest: readonly LeftOutIssue[] | undefined
  for (const branch of branches) {
    if (branch.length === 0 || branch.some(isWrongKind)) continue
    if (closest === undefined || branch.length < closest.length) closest = branch
  }
  return closest
}

function isWrongKind(issue: LeftOutIssue): boolean {
  if (issue.path !== undefined && issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return closestBranch(issue.errors ?? []) === undefined
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}
