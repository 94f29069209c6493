import { expect, test } from 'vitest'
import { checkEveryByte } from './every-byte.js'

test.for(Array.from({ length: 10 }, (_, index) => 1000 + index * 5000))(
  'each byte of the parts of form %i and the next 4,999 arrives in data or files, or the form is refused',
  { timeout: 300_000 },
  async (start) => {
    let read = 0
    for (let seed = start; seed < start + 5000; seed += 1) if (await checkEveryByte(seed)) read += 1
    expect(read).toBeGreaterThan(1500)
  },
)
