/** The highest costs of attacks, as a table in Markdown. */
import { attackNames, everythingWithheld } from './kinds/attacks.js'
import type { Figures, Row } from './row.js'

const MiB = 1024 * 1024

const heads = [
  'attack',
  'bytes sent by each',
  'bytes held per byte sent',
  'CPU, ms',
  'CPU, ms per MiB',
  'bytes of an answer',
  'per byte sent',
  'RSS of all, MiB',
  'another request waits, ms',
]

export function isAttack({ kind }: Row): boolean {
  return attackNames.includes(kind)
}

/** The worst figures of all frameworks; none if the attack has ended a process. */
export function attackTable(rows: readonly Row[]): string {
  const kinds = attackNames.filter((name) => rows.some(({ kind }) => kind === name))
  const lines = [
    heads,
    heads.map((_, at) => (at === 0 ? '---' : '---:')),
    ...kinds.map((kind) => [kind, ...cells(worstOf(rows, kind))]),
  ]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** The memory held by a hundred clients that use up every limit. */
export function hundredClients(rows: readonly Row[]): string {
  const worst = worstOf(rows, everythingWithheld.name)
  if (worst === undefined) return ''
  const { clients, held, sent } = worst
  return `${clients} clients at their worst under default limits hold ${mib(held)} MiB, for ${mib(sent * clients)} MiB that they have sent.`
}

function worstOf(rows: readonly Row[], kind: string): Figures | undefined {
  const own = rows.filter((row) => row.kind === kind)
  const all = own.flatMap(({ figures }) => figures ?? [])
  if (all.length === 0 || all.length < own.length) return undefined
  const most = (name: keyof Figures): number => Math.max(...all.map((figures) => figures[name]))
  return {
    clients: most('clients'),
    sent: most('sent'),
    cpu: most('cpu'),
    answer: most('answer'),
    held: most('held'),
    rss: most('rss'),
    wait: most('wait'),
  }
}

function cells(figures: Figures | undefined): string[] {
  if (figures === undefined) return ['the process ended', ...heads.slice(2).map(() => '')]
  const { clients, sent, cpu, answer, held, rss, wait } = figures
  return [
    sent.toLocaleString('en'),
    (held / (sent * clients)).toFixed(1),
    cpu.toFixed(0),
    // For a short body only the milliseconds count.
    sent < 300_000 ? '' : (cpu / (sent / MiB)).toFixed(0),
    answer.toLocaleString('en'),
    (answer / sent).toFixed(1),
    mib(rss),
    wait.toFixed(0),
  ]
}

function mib(bytes: number): string {
  return (bytes / MiB).toLocaleString('en', { maximumFractionDigits: 0 })
}
