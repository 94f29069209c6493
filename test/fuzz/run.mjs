/**
 * `npm run fuzz`: one body by its seed (`--seed N`), or bodies of random seeds for a time (`--seconds N`, 60 by default).
 * `npm run fuzz -- --hostile`: a search for the body that costs the most, for a time (`--minutes N`, 1 by default), or
 * one that it has found (`--seed bad-escapes.12.7`).
 * Runs in Vitest, which runs TypeScript on every supported Node.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string' },
    hostile: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '1' },
  },
})
const { seed, seconds = seed === undefined ? '60' : '0', hostile, minutes } = values
const [file, variables] = hostile
  ? ['hostile/search.test.ts', { FUZZ_HOSTILE: JSON.stringify({ seed, minutes: Number(minutes) }) }]
  : ['long-run.test.ts', { FUZZ_SECONDS: seconds, ...(seed !== undefined && { FUZZ_SEED: seed }) }]

const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', `test/fuzz/${file}`, '--disable-console-intercept'],
  {
    stdio: 'inherit',
    env: { ...process.env, ...variables },
  },
)
process.exit(status ?? 1)
