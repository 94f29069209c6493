import { expect, test } from 'vitest'
import { runCampaign } from './campaign.js'

/** Half of the 20,000 bodies, so that two processors share the work. */
const first = 10_000

test.for(Array.from({ length: 10 }, (_, index) => first + index * 1000))(
  'body %i and the next 999 get one answer for every cut, and no unknown disagreement with undici or @fastify/busboy',
  { timeout: 300_000 },
  async (start) => {
    const { cases } = await runCampaign(Array.from({ length: 1000 }, (_, index) => start + index))
    expect(cases).toBe(1000)
  },
)
