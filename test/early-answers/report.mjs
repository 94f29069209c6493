/** The outcomes of uploads as text and as a table. */
import { ways } from './ways.mjs'

/** @typedef {import('./clients/clients.mjs').Outcome} Outcome */

/**
 * Whether a client has read the right answer.
 *
 * @param {Outcome} outcome
 * @param {import('./ways.mjs').Way} way
 */
export function hasRead({ status, body = '' }, way) {
  if (status !== way.status) return false
  if (way.code === undefined) return body.length > 0
  try {
    return JSON.parse(body).code === way.code
  } catch {
    return false
  }
}

/**
 * @param {Outcome[]} outcomes
 * @param {import('./ways.mjs').Way} way
 */
export function inWords(outcomes, way) {
  const missed = outcomes.filter((outcome) => !hasRead(outcome, way))
  const read = outcomes.length - missed.length
  const times = outcomes.map(({ time = 0 }) => time).toSorted((a, b) => a - b)
  const median = times[times.length >> 1] ?? 0
  const reasons = [
    ...new Set(missed.map(({ error, status, body }) => error ?? `${status} ${body?.slice(0, 80)}`)),
  ]
  const why = reasons.length === 0 ? '' : ` (${reasons.slice(0, 3).join(' | ').slice(0, 400)})`
  return {
    text: `${read} of ${outcomes.length} in ${Math.round(median)} ms${why}`,
    isComplete: missed.length === 0,
  }
}

/**
 * @param {import('./run.mjs').Cells} cells
 * @param {string[]} columns
 */
export function table(cells, columns) {
  const heads = ['', ...columns.map((name) => ways[name]?.title ?? name)]
  const rows = Object.entries(cells).map(([name, row]) => [name, ...columns.map((key) => row[key] ?? '-')])
  return [heads, heads.map(() => '---'), ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n')
}
