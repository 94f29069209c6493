/** Packs every package as it would be published, and checks the files, the manifest and the types of the tarballs. */
import { execFileSync } from 'node:child_process'
import { basename } from 'node:path'
import { faultsOfManifests } from './manifests.mjs'
import { fail, runQuietly } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

const faults = faultsOfManifests()
if (faults.length > 0) fail(`${faults.join('\n')}\nRun: npm run manifests`)

for (const tarball of new Tarballs('check').paths) {
  const name = basename(tarball)
  const files = listFiles(tarball)
  checkFiles(name, files)
  must('publint', 'run', tarball, '--strict')
  // Checking for @types on DefinitelyTyped would need the network.
  must('attw', tarball, '--no-definitely-typed', '--format', 'ascii')
  console.log(`${name}: ${files.length} files`)
}

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
 * @param {string} command
 * @param {string[]} args
 */
function must(command, ...args) {
  const status = runQuietly(command, ...args)
  if (status !== 0) process.exit(status)
}
