/** Compares the answers on a page with the real ones. */
import { expect } from 'vitest'
import type { Block } from './pages.js'
import type { Output } from './commands.js'

/** Expects the answer to a request to be as the page shows it. */
export function expectShown({ language, code }: Block, { stdout, statuses }: Output): void {
  if (language === 'json') {
    const answer: unknown = JSON.parse(stdout)
    expect(answer).toEqual(JSON.parse(code))
    if (statuses !== undefined) expect(statuses).toEqual([statusOf(answer)])
    return
  }
  const shown = readResponse(code)
  const actual = readResponse(stdout)
  expect(actual.statusLine).toBe(shown.statusLine)
  for (const [name, value] of shown.headers) expect([name, actual.headers.get(name)]).toEqual([name, value])
  expect(body(actual.text)).toEqual(body(shown.text))
}

/** The status of each request of a block: that in the comment after it, or 200. */
export function promisedStatuses(code: string): number[] {
  const lines = code.replace(/\\\n\s*/g, ' ').split('\n')
  return lines
    .filter((line) => /\bcurl /.test(line))
    .map((line) => Number(/# (\d{3})$/.exec(line)?.[1] ?? 200))
}

/** The status in a problem, and 200 for any other JSON. */
function statusOf(answer: unknown): number {
  const isProblem = typeof answer === 'object' && answer !== null && 'code' in answer && 'status' in answer
  return isProblem ? Number(answer.status) : 200
}

function readResponse(response: string): { statusLine: string; headers: Map<string, string>; text: string } {
  // Without a 100 Continue before it.
  const text = response.replaceAll('\r\n', '\n').replace(/^HTTP\/1.1 100 .*\n\n/, '')
  const cut = text.indexOf('\n\n')
  const [statusLine = '', ...lines] = text.slice(0, cut).split('\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { statusLine, headers: new Map(headers), text: text.slice(cut + 2) }
}

function body(text: string): unknown {
  return /^[[{]/.test(text) ? JSON.parse(text) : text.trim()
}
