/**
 * Runs one of the three checks: `npm test`, `npm run test:system` or `npm run test:long`.
 *
 * Every step runs even if another one has failed. The output of failed steps is printed at the end.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { results, root, run, runBuffered } from './run.mjs'

/** @typedef {[name: string, command: string, ...args: string[]]} Step */

/**
 * The steps of each check, besides the Vitest project of the same name (vitest.config.ts).
 * @type {Record<string, Step[]>}
 */
const checks = {
  check: [
    ['format', 'oxfmt', '--check'],
    ['lint', 'oxlint'],
    ['types', 'tsc', '-b'],
    ['unused code', 'knip', '--no-progress'],
    ['packages', 'node', 'scripts/check-packages.mjs'],
  ],
  system: [],
  long: [
    ['early answers', 'node', 'test/early-answers/run.mjs', '--times', '10', '--delay', '0'],
    ['conformance of peers', 'node', 'test/conformance/run.mjs', '--verify'],
  ],
}
const project = process.argv[2] ?? 'check'
const steps = checks[project]
if (steps === undefined) throw new Error(`Unknown check: ${project}`)

// Long forms of suites that also have a short form in the check.
if (project === 'long') {
  // Attacks have a short run of their own.
  process.env['CHAOS'] ??= JSON.stringify({ seed: '1', scale: '0.1', without: ['attacks'], write: false })
}

const started = performance.now()
const report = `${root}node_modules/.cache/vitest-${project}.json`
const result = results(project)
/** @type {string[]} */
const failures = []
rmSync(report, { force: true })
rmSync(result, { force: true })

for (const [name, script] of [
  ['install', 'bootstrap'],
  ['build', 'build'],
]) {
  if (run('node', `scripts/${script}.mjs`) !== 0) {
    failures.push(`✗ ${name}`)
    finish()
  }
}
// Many tests wait for a timeout or another process, so run more of them than there are processors.
const workers = project === 'system' ? availableParallelism() : Math.max(4, availableParallelism())
const tests = runBuffered(
  'inherit',
  'vitest',
  'run',
  `--project=${project}`,
  `--project=${project}, *`,
  `--maxWorkers=${workers}`,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
)
// The steps run in parallel with the tests, unless they would disturb measurements.
if (project === 'long') await tests
for (const step of steps) await runStep(step)
if ((await tests).status !== 0 && counts().failed === 0) failures.push('✗ tests')
finish()

/** @param {Step} step */
async function runStep([name, command, ...args]) {
  const begun = performance.now()
  const { status, output } = await runBuffered('pipe', command, ...args)
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${secondsSince(begun)})`)
  if (status !== 0) failures.push(`✗ ${name}\n${output}`)
}

/** Saves the counts, prints the failures, and exits. */
function finish() {
  const { passed, failed } = counts()
  mkdirSync(dirname(result), { recursive: true })
  writeFileSync(result, JSON.stringify({ passed, failed: failed + failures.length }))
  for (const text of failures) console.error(`\n${text}`)
  const isGood = failed + failures.length === 0
  console.log(`\n${isGood ? 'All passed' : 'Failed'} after ${secondsSince(started)}.`)
  process.exit(isGood ? 0 : 1)
}

function counts() {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
    return { passed: numPassedTests, failed: numFailedTests }
  } catch {
    return { passed: 0, failed: 0 }
  }
}

/** @param {number} start */
function secondsSince(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`
}
