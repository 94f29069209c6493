/** The rows of a run as a table in Markdown. */
import type { Left, Row } from './row.js'

const MiB = 1024 * 1024

const heads = [
  'chaos',
  'on',
  'tried',
  'files',
  'descriptors',
  'listeners',
  'unsettled',
  'unhandled',
  'objects',
  'heap',
  'RSS',
  'what was seen',
]

/** The whole table. */
export function table(rows: readonly Row[]): string {
  const lines = [
    heads,
    heads.map((_, at) => (at > 1 && at < heads.length - 1 ? '---:' : '---')),
    ...rows.map(cells),
  ]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** One row as a line for the console. */
export function line(row: Row): string {
  const left = row.left === undefined ? '' : `; left ${cellsOf(row.left).join(' ')}`
  const broken = row.broken.map((promise) => `\n    ✗ ${promise}`)
  return `${row.broken.length === 0 ? '✓' : '✗'} ${row.kind} ${row.framework ?? ''}: ${row.tried}; ${row.seen}${left} (${row.seconds.toFixed(1)} s)${broken.slice(0, 20).join('')}`
}

function cells({ kind, framework, tried, seen, left, broken }: Row): string[] {
  const last = broken.length === 0 ? seen : `${seen}. **Broken:** ${broken.slice(0, 3).join('; ')}`
  return [kind, framework ?? '', tried.toLocaleString('en'), ...cellsOf(left), last]
}

function cellsOf(left: Left | undefined): string[] {
  if (left === undefined) return Array.from({ length: 8 }, () => '')
  const { files, descriptors, listeners, unsettled, unhandled, objects, heap, rss } = left
  const counts = [files, descriptors, listeners, unsettled, unhandled, objects].map((count) =>
    count === undefined ? '—' : String(Math.max(0, count)),
  )
  return [...counts, inMiB(heap), inMiB(rss)]
}

function inMiB(bytes: number): string {
  const value = (bytes / MiB).toFixed(1)
  return bytes < 0 ? value.replace('-', '−') : `+${value}`
}
