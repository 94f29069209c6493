import { expect, test } from 'vitest'
import { checkEveryByte } from './every-byte.js'

test('each byte of the parts of 1,000 random forms arrives in data or files, or the form is refused', async () => {
  let read = 0
  for (let seed = 0; seed < 1000; seed += 1) if (await checkEveryByte(seed)) read += 1
  // Else this test would say nothing about bytes that arrive.
  expect(read).toBeGreaterThan(300)
  expect(read).toBeLessThan(900)
})
