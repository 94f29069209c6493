/** Writes the table of a full run into docs/reliability.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem, type } from 'node:os'
import type { Row } from './row.js'
import { table } from './table.js'

const page = new URL('../../docs/reliability.md', import.meta.url)
const marks = /(<!-- run: begin -->\n)[^]*(<!-- run: end -->)/

/** Puts what a run has found between the marks of the page. */
export function writePage(rows: readonly Row[], seed: string): void {
  const text = readFileSync(page, 'utf8')
  if (!marks.test(text)) throw new Error('docs/reliability.md has no marks for the table.')
  writeFileSync(
    page,
    text.replace(marks, (_, begin: string, end: string) => `${begin}${found(rows, seed)}\n${end}`),
  )
}

function found(rows: readonly Row[], seed: string): string {
  const minutes = rows.reduce((sum, { seconds }) => sum + seconds, 0) / 60
  const memory = (totalmem() / 1024 ** 3).toFixed(0)
  const date = new Date().toISOString().slice(0, 10)
  return `Run of ${date}: Node ${process.versions.node}, ${type()}, ${availableParallelism()} cores shared with the clients,
${memory} GiB, loopback; seed ${seed}, ${minutes.toFixed(1)} minutes.

${table(rows)}
`
}
