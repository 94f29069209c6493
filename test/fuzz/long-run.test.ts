import { expect, test } from 'vitest'
import { runCampaign } from './campaign.js'

/** Set by run.mjs. */
const seed = process.env['FUZZ_SEED']
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0)
const first = Number(seed ?? Math.floor(Math.random() * 2 ** 31))

function* seedsUntil(end: number): Generator<number> {
  for (let next = first; performance.now() < end; next = (next + 1) % 2 ** 31) yield next
}

test.skipIf(seed === undefined && seconds === 0)(
  'bodies of random seeds get one answer for every cut, and no unknown disagreement with undici or @fastify/busboy',
  { timeout: (seconds + 300) * 1000 },
  async () => {
    console.log(seconds === 0 ? `Seed ${first}.` : `From seed ${first} on, for ${seconds} s.`)
    const { cases, tally } = await runCampaign(
      seconds === 0 ? [first] : seedsUntil(performance.now() + seconds * 1000),
    )
    console.log(`${cases} bodies. Disagreements of a known class:`)
    for (const [name, count] of [...tally].toSorted(([, one], [, other]) => other - one))
      console.log(`${count}\t${name}`)
    expect(cases).toBeGreaterThan(0)
  },
)
