/**
 * Prints `N passed, N failed` for the checks in the arguments, and exits with 1 if anything has failed. Each failed step
 * besides the tests counts as one failure, and so does a check without a result.
 */
import { readFileSync } from 'node:fs'
import { results } from './run.mjs'

const all = process.argv.slice(2).map(countsOf)
const passed = all.reduce((sum, counts) => sum + counts.passed, 0)
const failed = all.reduce((sum, counts) => sum + counts.failed, 0)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

/**
 * @param {string} check
 * @returns {{ passed: number, failed: number }}
 */
function countsOf(check) {
  try {
    return JSON.parse(readFileSync(results(check), 'utf8'))
  } catch {
    return { passed: 0, failed: 1 }
  }
}
