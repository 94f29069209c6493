import { expect, test } from 'vitest'
import { roundTrips } from './round-trip.js'

test('the values of 500 random schemas come back from the forms that encode them', async () => {
  const forms = await roundTrips(Array.from({ length: 500 }, (_, seed) => seed))
  expect(forms).toBe(500 * 3 * 2 * 2)
})
