import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the tests of the example on Nest pass in Jest with ts-jest, as Nest generates them', async () => {
  const cwd = fileURLToPath(new URL('../../examples/nest', import.meta.url))
  const { stderr } = await promisify(execFile)(process.execPath, ['node_modules/jest/bin/jest.js'], { cwd })
  // Jest reports there.
  expect(stderr).toMatch(/^Tests: +4 passed, 4 total$/m)
})
