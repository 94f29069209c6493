/** Turns the issues of zod into those of a problem answer. */

import type { FieldIssue } from '../errors.js'
import { cutText, quoteControls } from '../http/shown-text.js'
import type { StandardIssue } from './schema.js'

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

const longestMessage = 500
const longestList = 200

/** Collects the issues of one body. */
export class IssueList {
  readonly errors: FieldIssue[] = []
  /** How many were left out. */
  more = 0
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.errors.length >= this.#most
  }

  /** @param items what the message may list: allowed values, or unknown keys */
  add(path: IssuePath, message: string, code: string, items?: readonly unknown[]): void {
    if (this.isFull) this.more += 1
    else this.errors.push({ path: formatPath(path), message: boundedMessage(message, items), code })
  }

  leaveOut(issues: number): void {
    this.more += issues
  }
}

function boundedMessage(message: string, items: readonly unknown[] = []): string {
  const isLongList = message.length > longestList && items.length > 1
  return quoteControls(cutText((isLongList ? cutList(message, items) : undefined) ?? message, longestMessage))
}

/** Cuts a message behind the last item of its list that stands in the first 200 characters. */
function cutList(message: string, items: readonly unknown[]): string | undefined {
  let end = 0
  let listed = 0
  for (const item of items) {
    const text = String(item)
    const at = message.indexOf(text, end)
    if (at === -1 || at + text.length > longestList) break
    end = at + text.length
    listed += 1
  }
  if (listed === 0 || listed === items.length) return undefined
  if (/["'`]/.test(message.charAt(end))) end += 1
  return `${message.slice(0, end)} and ${items.length - listed} more`
}

/** The keys to a place: numbers count the items of a list. */
export type IssuePath = readonly PropertyKey[]

/** Clients choose the keys of records, at any length and depth. */
const longestPath = 500

/** Writes a path as the name of a form field would be: `items[0].price`; `''` for the body as a whole. */
export function formatPath(path: IssuePath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
    if (text.length > longestPath) break
  }
  return cutText(text, longestPath)
}

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
