/** The whole check, step by step; stops at the first step that fails. */
import { rmSync } from 'node:fs'
import { report, run } from './run.mjs'

const started = performance.now()
rmSync(report, { force: true })
step('install', 'node', 'scripts/bootstrap.mjs')
step('format', 'oxfmt', '--check')
step('build', 'node', 'scripts/build.mjs')
step('lint', 'oxlint')
step('types of tests', 'tsc', '-b')
step('unused code', 'knip', '--no-progress')
step('packages', 'node', 'scripts/check-packages.mjs')
step('types of packages', 'node', 'scripts/check-types.mjs')
step('tests', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`)
console.log(`\nAll checks passed in ${seconds()}.`)

/**
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 */
function step(name, command, ...args) {
  console.log(`\n▶ ${name}`)
  const status = run(command, ...args)
  if (status === 0) return
  console.error(`\n✗ ${name} failed after ${seconds()}.`)
  process.exit(status)
}

function seconds() {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}
