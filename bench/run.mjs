/**
 * The benchmark.
 *
 *     npm run bench                          everything, about 35 minutes
 *     npm run bench -- --quick               the usual peers, fewer rows and rounds, about five minutes
 *     npm run bench -- --only=form,avatar    some rows
 *     npm run bench -- --profile=profiles    leaves a CPU profile of every server
 *
 * Others: --rounds=N, --directory=<where uploads go>, --output=<JSON of the run>, --newer=<major version of the newer Node>
 * (default 24; `none` for no such columns).
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installPeers, versions } from './install-peers.mjs'
import { Client, generator, onSharedCore } from './load.mjs'
import { measure } from './measure.mjs'
import { onNewer, rows } from './rows.mjs'
import { nodeOf } from './server.mjs'
import { newerFigures, tableOf, verdictsOf } from './verdicts.mjs'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    profile: { type: 'string' },
    newer: { type: 'string', default: '24' },
    directory: { type: 'string', default: tmpdir() },
    output: { type: 'string', default: fileURLToPath(new URL('last-run.json', import.meta.url)) },
  },
})

installPeers()
const isQuick = options.quick
const only = options.only?.split(',')
const unknown = only?.filter((name) => !rows.some((row) => row.name === name)) ?? []
if (unknown.length > 0)
  throw new Error(
    `Unknown rows: ${unknown.join(', ')}. The rows are: ${rows.map(({ name }) => name).join(', ')}`,
  )

const directory = mkdtempSync(join(resolve(options.directory), 'formgate-bench-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
const client = new Client()
const setting = {
  client,
  directory,
  isQuick,
  rounds: Number(options.rounds ?? (isQuick ? 3 : 7)),
  generations: isQuick ? 1 : 3,
  // Many short turns: other work of the machine lasts for seconds, and a median of many turns ignores it.
  lightTurns: isQuick ? 3 : 4,
  seconds: isQuick ? 0.25 : 1 / 3,
  // V8 compiles for some ten thousand requests.
  warmUp: isQuick ? 0.75 : 1.5,
  profiles: options.profile && resolve(options.profile),
}

const run = {
  date: new Date().toISOString().slice(0, 10),
  commit: commit(),
  isQuick,
  rounds: setting.rounds,
  generations: setting.generations,
  lightTurns: setting.lightTurns,
  load: { generator, isOnSharedCore: onSharedCore.length > 0 },
  machine: `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
  node: process.version,
  versions: versions(),
  rows: {},
}
const newerNode = options.newer === 'none' ? undefined : nodeOf(options.newer)
const newerSetting = { node: newerNode?.path, generations: Math.min(2, setting.generations) }
if (newerNode !== undefined) run.newer = { node: newerNode.version, rows: {} }
const started = performance.now()
for (const row of rows) {
  if (only === undefined ? isQuick && row.isLong : !only.includes(row.name)) continue
  run.rows[row.name] = await measure(row, setting)
  if (row.isOnNewer && newerNode !== undefined)
    run.newer.rows[row.name] = await measure(onNewer(row), { ...setting, ...newerSetting })
  console.log(tableOf(row, run.rows[row.name], newerFigures(run, row)))
  for (const verdict of verdictsOf(row, run.rows[row.name])) console.log(`  ${lineOf(verdict)}`)
  console.log()
}
client.stop()
writeFileSync(options.output, `${JSON.stringify(run, null, 2)}\n`)

const verdicts = rows.flatMap((row) => (run.rows[row.name] ? verdictsOf(row, run.rows[row.name]) : []))
const missed = verdicts.filter(({ holds }) => !holds)
console.log(
  `${verdicts.length - missed.length} of ${verdicts.length} figures meet their target, ${Math.round((performance.now() - started) / 1000)} s.`,
)
for (const verdict of missed) console.log(`  ${lineOf(verdict)}`)

function lineOf({ row, framework, what, figure, bound, limit, holds }) {
  return `${holds ? '✓' : '✗'} ${row} ${framework}: ${what} ${figure} (${bound} ${limit})`
}

/** The measured commit; `undefined` outside a checkout. */
function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim()
    const changes = git('status', '--porcelain', '--untracked-files=no', ':/packages')
    return `${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : ' and changes'}`
  } catch {
    return undefined
  }
}
