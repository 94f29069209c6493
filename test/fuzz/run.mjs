/**
 * `npm run fuzz`: one body by its seed (`--seed N`), or bodies of random seeds for a time (`--seconds N`, 60 by default).
 * Vitest runs it, since it runs TypeScript on every Node that is promised.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seed: { type: 'string' }, seconds: { type: 'string' } } })
const { seed, seconds = seed === undefined ? '60' : '0' } = values

const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/fuzz/long-run.test.ts', '--disable-console-intercept'],
  {
    stdio: 'inherit',
    env: { ...process.env, FUZZ_SECONDS: seconds, ...(seed !== undefined && { FUZZ_SEED: seed }) },
  },
)
process.exit(status ?? 1)
