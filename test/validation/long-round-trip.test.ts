import { expect, test } from 'vitest'
import { roundTrips } from './round-trip.js'

test(
  'the values of 10,000 random schemas come back from the forms that encode them',
  { timeout: 1_200_000 },
  async () => {
    const first = Math.floor(Math.random() * 2 ** 31)
    console.log(`From seed ${first} on.`)
    const forms = await roundTrips(Array.from({ length: 10_000 }, (_, at) => first + at))
    expect(forms).toBe(10_000 * 3 * 2 * 2)
  },
)
