/** The issues of an answer: so many of them, and a count of the rest. */
import type { FieldIssue } from '../errors.js'
import { cutText, quoteControls } from '../shown-text.js'
import { formatPath, type IssuePath } from './issue-path.js'

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
