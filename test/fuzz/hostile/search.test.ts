import { beforeAll, describe, expect, test } from 'vitest'
import { allowedAnswer, allowedCpu } from './allowed.js'
import { costOf, excess } from './cost.js'
import { honest, known } from './known.js'
import { find, lineOf, search } from './search.js'

/** Set by ../run.mjs. */
const task = JSON.parse(process.env['FUZZ_HOSTILE'] ?? 'null') as null | {
  readonly seed?: string
  readonly minutes: number
}

/** The allowed multiple of the promised cost: on a busy machine everything costs more. */
const slack = 3

/** Random bodies beside the known ones. */
const seeds = process.env['FORMGATE_LONG'] === undefined ? 50 : 200

/** Milliseconds of processor time that the honest body takes at most on an idle machine. */
const quiet = 10

describe.skipIf(task !== null)('a hostile body', () => {
  let slowness: number
  beforeAll(async () => {
    const costs = []
    for (let turn = 0; turn < 10; turn += 1) costs.push((await costOf(honest, 1)).cpu)
    slowness = Math.max(1, Math.min(...costs) / quiet)
  })

  test.each([...Object.keys(known), ...Array.from({ length: seeds }, (_, seed) => String(seed))])(
    '%s costs at most a few times the processor time of an honest one, and has a short answer',
    { timeout: 60_000 },
    async (seed) => {
      const found = await find(seed)
      const { bytes, cpu, answer, failure } = found.cost
      const isTooDear = cpu > allowedCpu(bytes) * slack * slowness
      expect(isTooDear || answer > allowedAnswer || failure !== undefined ? lineOf(found) : '').toBe('')
    },
  )
})

test.runIf(task?.seed !== undefined)(
  'npm run fuzz -- --hostile --seed: one body',
  { timeout: 300_000 },
  async () => {
    const found = await find(task!.seed!, 10)
    console.log(lineOf(found))
    expect(excess(found.cost)).toBeLessThanOrEqual(1)
  },
)

test.runIf(task !== null && task.seed === undefined)(
  'npm run fuzz -- --hostile: a search for the dearest body',
  { timeout: ((task?.minutes ?? 0) + 30) * 60_000 },
  async () => {
    const end = performance.now() + task!.minutes * 60_000
    const first = Math.floor(Math.random() * 2 ** 31)
    console.log(`From seed ${first} on, for ${task!.minutes} minutes.`)
    const { worst, tried } = await search(
      first,
      () => performance.now() > end,
      (found) => console.log(`Worse: ${lineOf(found)}`),
    )
    console.log(`${tried} bodies. The worst of each kind, measured anew:`)
    const again = []
    for (const { seed } of worst) again.push(await find(seed, 10))
    again.sort((one, other) => excess(other.cost) - excess(one.cost))
    for (const found of again) console.log(lineOf(found))
    expect(again.filter(({ cost }) => excess(cost) > 1).map(({ seed }) => seed)).toEqual([])
  },
)
