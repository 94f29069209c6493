/** The issues of a validation, as the error of a request lists them. */
import type { $ZodIssue, $ZodRawIssue } from 'zod/v4/core'
import type { FieldIssue } from '../errors.js'
import { cutText, quoteControls } from '../http/shown-text.js'
import { formatPath, type IssuePath, sentPath } from './field-path.js'
import type { StandardIssue } from './schema.js'

/** An issue that is counted but not listed. One that code of an author has pushed may lack any property. */
type LeftOutIssue = $ZodIssue | $ZodRawIssue

/**
 * Reads the issues of zod, those inside unions, maps and records too, in zod's order.
 *
 * @param issues may be listed
 * @param others are only counted
 * @param value the validated value
 */
export function readZodIssues(
  issues: readonly $ZodIssue[],
  most: number,
  others: readonly LeftOutIssue[],
  value: unknown,
): IssueList {
  const list = new IssueList(most, value)
  for (const issue of issues) readIssue(issue, [], list)
  for (const issue of others) list.more += countIssues(issue)
  return list
}

function readIssue(issue: $ZodIssue, around: IssuePath, list: IssueList): void {
  if (list.isFull) {
    list.more += countIssues(issue)
    return
  }
  const path = [...around, ...issue.path]
  const inner = innerIssues(issue)
  if (inner !== undefined) {
    for (const each of inner) readIssue(each, path, list)
    return
  }
  // The issue inside says why the key is invalid.
  const told = (issue.code === 'invalid_key' ? issue.issues?.[0] : undefined) ?? issue
  const { values, keys, options } = told as Partial<Record<'values' | 'keys' | 'options', readonly unknown[]>>
  list.add(path, told.message, issue.code ?? 'custom', values ?? keys ?? options)
}

function countIssues(issue: LeftOutIssue): number {
  return innerIssues(issue)?.reduce((count, each) => count + countIssues(each), 0) ?? 1
}

/** The more specific issues inside an issue. */
function innerIssues(issue: LeftOutIssue): readonly $ZodIssue[] | undefined {
  if (issue.code === 'invalid_union') return closestBranch(issue.errors ?? [])
  return issue.code === 'invalid_element' && issue.issues?.length !== 0 ? issue.issues : undefined
}

/**
 * The issues of the option that the value was most likely meant for: among the options that accept this kind of value,
 * the one with the fewest issues. `undefined` if there is none: then the union itself is the issue.
 */
function closestBranch(branches: readonly (readonly $ZodIssue[])[]): readonly $ZodIssue[] | undefined {
  let closest: readonly $ZodIssue[] | undefined
  for (const branch of branches) {
    if (branch.length === 0 || branch.some(isWrongKind)) continue
    if (closest === undefined || branch.length < closest.length) closest = branch
  }
  return closest
}

function isWrongKind(issue: $ZodIssue): boolean {
  if (issue.path?.length > 0) return false
  if (issue.code === 'invalid_union') return closestBranch(issue.errors ?? []) === undefined
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

const longestMessage = 500
const longestList = 200

/** Collects the issues of one body. */
export class IssueList {
  readonly errors: FieldIssue[] = []
  /** The number of issues that were left out. */
  more = 0
  readonly #most: number
  readonly #value: unknown

  /** @param value the validated value */
  constructor(most: number, value: unknown) {
    this.#most = most
    this.#value = value
  }

  get isFull(): boolean {
    return this.errors.length >= this.#most
  }

  /** @param items what the message may enumerate: allowed values or unknown keys */
  add(path: IssuePath, message: string, code: string, items?: readonly unknown[]): void {
    if (this.isFull) this.more += 1
    else {
      const sent = formatPath(sentPath(path, this.#value))
      this.errors.push({ path: sent, message: boundedMessage(message, items), code })
    }
  }
}

function boundedMessage(message: string, items: readonly unknown[] = []): string {
  const isLongList = message.length > longestList && items.length > 1
  return quoteControls(cutText((isLongList ? cutList(message, items) : undefined) ?? message, longestMessage))
}

/** Cuts a message after the last item that ends within the first 200 characters. */
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

/** Further properties of issues of valibot (`type`, `received`) and arktype (`code`, `actual`). */
interface KnownIssue extends StandardIssue {
  readonly code?: unknown
  readonly type?: unknown
  readonly received?: unknown
  readonly actual?: unknown
}

/**
 * Reads the issues of any other library, in its order.
 *
 * @param most how many to list; the rest are counted
 * @param value the validated value: messages of valibot and arktype repeat it, and an answer must not
 */
export function readStandardIssues(
  issues: readonly StandardIssue[],
  value: unknown,
  most: number,
): IssueList {
  const list = new IssueList(most, value)
  for (const issue of issues.slice(0, most) as readonly KnownIssue[]) {
    const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
    const code = [issue.code, issue.type].find((each) => typeof each === 'string') ?? 'invalid'
    list.add(path, withoutValue(issue, valueAt(value, path)), code)
  }
  list.more += Math.max(issues.length - most, 0)
  return list
}

function withoutValue(issue: KnownIssue, value: unknown): string {
  let { message } = issue
  if (typeof issue.received === 'string') message = message.replace(` but received ${issue.received}`, '')
  if (typeof issue.actual === 'string') message = message.replace(` (was ${issue.actual})`, '')
  return repeats(message, value) ? 'Invalid value' : message
}

/** True if a message contains the submitted text, in quotes or too long for a coincidence. */
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
