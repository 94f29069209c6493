/** Writes the tables of a full run into docs/reliability.md and docs/security.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem, type } from 'node:os'
import { attackTable, hundredClients, isAttack } from './attack-table.js'
import type { Row } from './row.js'
import { table } from './table.js'

const marks = /(<!-- run: begin -->\n)[^]*(<!-- run: end -->)/

/** Writes the results of a run between the marks: attacks into the page on security, the rest into that on reliability. */
export function writePages(rows: readonly Row[], seed: string): void {
  const others = rows.filter((row) => !isAttack(row))
  if (others.length > 0) writePage('reliability', `${machine(others, seed)}\n\n${table(others)}\n`)
  writePage('security', attackSection(rows.filter(isAttack), seed))
}

/** The section on attacks of the page on security. */
export function attackSection(rows: readonly Row[], seed: string): string {
  return `${machine(rows, seed)}\n\n${hundredClients(rows)}\n\n${attackTable(rows)}\n`
}

function writePage(name: string, found: string): void {
  const page = new URL(`../../docs/${name}.md`, import.meta.url)
  const text = readFileSync(page, 'utf8')
  if (!marks.test(text)) throw new Error(`docs/${name}.md has no marks for the table.`)
  writeFileSync(
    page,
    text.replace(marks, (_, begin: string, end: string) => `${begin}${found}\n${end}`),
  )
}

function machine(rows: readonly Row[], seed: string): string {
  const minutes = rows.reduce((sum, { seconds }) => sum + seconds, 0) / 60
  const memory = (totalmem() / 1024 ** 3).toFixed(0)
  const date = new Date().toISOString().slice(0, 10)
  return `Run of ${date}: Node ${process.versions.node}, ${type()}, ${availableParallelism()} cores shared with the clients,
${memory} GiB, loopback; seed ${seed}, ${minutes.toFixed(1)} minutes.`
}
