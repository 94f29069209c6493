/**
 * `npm run chaos`: aborts, faults, kills, slow clients and attacks against servers on Express, Koa and Fastify, by a seed.
 *
 *     npm run chaos -- --scale 0.1 --framework express --seed 7
 *     npm run chaos -- --only aborts --only "slow clients"
 *     npm run chaos -- --write                   a full run, whose tables go into docs/reliability.md and docs/security.md
 *     npm run chaos -- --only attacks --write    the attacks alone, whose table goes into docs/security.md
 *
 * Runs in Vitest, which runs TypeScript on every supported Node.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
    scale: { type: 'string', default: '1' },
    framework: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    write: { type: 'boolean', default: false },
  },
})
const isWhole = values.only === undefined || values.only.join() === 'attacks'
if (values.write && (values.scale !== '1' || values.framework || !isWhole)) {
  console.error('A short run is for a first look. --write takes a whole one.')
  process.exit(1)
}

const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/chaos/full-run.test.ts', '--disable-console-intercept'],
  { stdio: 'inherit', env: { ...process.env, CHAOS: JSON.stringify(values) } },
)
process.exit(status ?? 1)
