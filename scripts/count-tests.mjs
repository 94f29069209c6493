/** Prints `N passed, N failed` for the last check and exits as it did. A check that failed outside its tests counts as one failure. */
import { readFileSync } from 'node:fs'
import { report } from './run.mjs'

const status = Number(process.argv[2])
const { numPassedTests: passed, numFailedTests: failed } = counts()

console.log(`${passed} passed, ${status === 0 ? failed : Math.max(failed, 1)} failed`)
process.exit(status)

function counts() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 }
  }
}
