import { expect, test } from 'vitest'
import { isAttack } from './attack-table.js'
import { attackSection, writePages } from './page.js'
import { runChaos } from './run-chaos.js'
import { frameworks, type FrameworkName } from './server-process.js'
import { line, table } from './table.js'

/** Set by run.mjs. */
const options = JSON.parse(process.env['CHAOS'] ?? 'null') as null | {
  readonly seed: string
  readonly scale: string
  readonly framework?: readonly FrameworkName[]
  readonly only?: readonly string[]
  readonly without?: readonly string[]
  readonly write: boolean
}

test.skipIf(options === null)(
  'a run of chaos leaves nothing in the processes',
  { timeout: 3_600_000 },
  async () => {
    const { seed, scale, framework = frameworks, only = [], without = [], write } = options!
    console.log(`Seed ${seed}, scale ${scale}.`)
    if (process.platform !== 'linux')
      console.log('Descriptors are not counted: only Linux has /proc, which lists them.')
    const rows = await runChaos({
      seed: Number(seed),
      scale: Number(scale),
      frameworks: framework,
      only,
      without,
      onRow: (row) => console.log(line(row)),
    })
    const attacks = rows.filter(isAttack)
    if (rows.length > attacks.length) console.log(`\n${table(rows.filter((row) => !isAttack(row)))}\n`)
    if (attacks.length > 0) console.log(`\n${attackSection(attacks, seed)}\n`)
    if (write) writePages(rows, seed)
    expect(
      rows.flatMap(({ kind, framework, broken }) => broken.map((each) => [kind, framework, each])),
    ).toEqual([])
    expect(rows).not.toEqual([])
  },
)
