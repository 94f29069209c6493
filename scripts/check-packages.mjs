/** Packs every package as it would be published, and checks the files, the manifest and the types of the tarballs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { checkTypes } from './check-types.mjs'
import { faultsOfManifests } from './manifests.mjs'
import { fail, runQuietly } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

const faults = faultsOfManifests()
if (faults.length > 0) fail(`${faults.join('\n')}\nRun: npm run manifests`)

const tarballs = new Tarballs('check')
for (const tarball of tarballs.paths) {
  const name = basename(tarball)
  const files = listFiles(tarball)
  checkFiles(name, files)
  if (runQuietly('publint', 'run', tarball, '--strict') !== 0) process.exit(1)
  await checkResolution(name, tarball)
  console.log(`${name}: ${files.length} files`)
}
const errors = await checkTypes(tarballs)
if (errors.length > 0) fail(errors.join('\n'))

/**
 * @param {string} name
 * @param {string[]} files
 */
function checkFiles(name, files) {
  if (!files.includes('dist/index.js')) fail(`${name} has no dist/index.js. Run: npm run build`)

  const tests = files.filter((file) => file.includes('.test.'))
  if (tests.length > 0) fail(`${name} ships tests: ${tests.join(', ')}`)

  const stale = files.filter((file) => file.endsWith('.d.ts') && !files.includes(sourceOf(file)))
  if (stale.length > 0)
    fail(`${name} ships files whose source was removed: ${stale.join(', ')}. Run: npm run clean`)
}

/** @param {string} file */
function sourceOf(file) {
  return file.replace(/^dist\//, 'src/').replace(/\.d\.ts$/, '.ts')
}

/**
 * @param {string} tarball
 * @returns {string[]} Paths as they are in the package
 */
function listFiles(tarball) {
  const list = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
  return list
    .trim()
    .split('\n')
    .map((path) => path.trim().replace(/^package\//, ''))
}

/**
 * Checks that each way to import the package finds types, and the same module as Node.
 * @param {string} name
 * @param {string} tarball
 */
async function checkResolution(name, tarball) {
  const { types, ...found } = await checkPackage(createPackageFromTarballData(readFileSync(tarball)))
  if (types === false) fail(`${name} has no types.`)
  const problems = 'problems' in found ? found.problems : []
  if (problems.length > 0) fail(`${name}: ${JSON.stringify(problems, undefined, 2)}`)
}
