import { expect, test } from 'vitest'
import { runCampaign } from './campaign.js'

test('the first 500 bodies get one answer for every cut, and no unknown disagreement with undici or @fastify/busboy', async () => {
  const { cases } = await runCampaign(Array.from({ length: 500 }, (_, seed) => seed))
  expect(cases).toBe(500)
})
