/** Finds and installs the programs that the tests drive. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The environment of a client, without a proxy: the apps run on this machine.
 *
 * @type {NodeJS.ProcessEnv}
 */
export const clientEnvironment = {
  ...process.env,
  no_proxy: '127.0.0.1',
  NO_PROXY: '127.0.0.1',
}

/**
 * @typedef {object} Program
 * @property {string} name For the message that it is missing.
 * @property {string} debianPackage
 * @property {() => Promise<string | undefined>} find The path, if the program is there.
 */

/**
 * Finds a curl that has --json and --form-escape.
 *
 * @returns {Promise<string | undefined>}
 */
export function findCurl() {
  return provide({
    name: 'curl 7.82 or newer',
    debianPackage: 'curl',
    find: () => firstOf(['curl'], async (path) => isAtLeast(await output(path, '--version'), 7, 82)),
  })
}

/**
 * Finds a Python that has requests; the variable PYTHON takes precedence.
 *
 * @returns {Promise<string | undefined>}
 */
export function findPython() {
  return provide({
    name: 'Python 3 with requests',
    debianPackage: 'python3-requests',
    find: () =>
      firstOf([process.env['PYTHON'] ?? '/usr/bin/python3', 'python3'], (path) =>
        output(path, '-c', 'import requests'),
      ),
  })
}

/**
 * Finds the daemon of ClamAV.
 *
 * @returns {Promise<string | undefined>}
 */
export function findClamd() {
  return provide({
    name: 'clamd',
    debianPackage: 'clamav-daemon',
    find: () => firstOf(['clamd', '/usr/sbin/clamd'], () => Promise.resolve('there')),
  })
}

/** @returns {Promise<string | undefined>} */
export function findChromium() {
  return provide({
    name: 'Chromium',
    debianPackage: 'chromium',
    find: () => firstOf(['chromium', 'google-chrome'], () => Promise.resolve('there')),
  })
}

/**
 * Finds a program. If it is missing, installs it on Debian as root, and otherwise says that tests are skipped.
 *
 * @param {Program} program
 */
async function provide({ name, debianPackage, find }) {
  const found = await find()
  if (found !== undefined) return found
  const reason = (await mayInstall()) ? await install(debianPackage) : 'not on this machine'
  const installed = await find()
  if (installed === undefined)
    console.warn(`Tests are skipped, because this is missing: ${name} (${reason}).`)
  return installed
}

/** `npm run test:system` (vitest.config.ts) and `npm run early-answers` set the variable. `npm test` installs nothing. */
async function mayInstall() {
  if (process.env['FORMGATE_INSTALL'] !== 'true') return false
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID=debian$/m.test(release) && process.getuid?.() === 0
}

/**
 * @param {string} debianPackage
 * @returns {Promise<string>} why it may still be missing
 */
async function install(debianPackage) {
  console.warn(`Installing ${debianPackage}, once.`)
  const commands = `apt-get update -q && apt-get install -y -q --no-install-recommends ${debianPackage}`
  // Test files run at the same time, and only one apt-get can.
  const lock = join(tmpdir(), 'formgate-apt.lock')
  try {
    await run('flock', [lock, 'sh', '-c', commands], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: Infinity,
    })
    return 'still not found after apt-get install'
  } catch (error) {
    return `apt-get failed: ${String(/** @type {{ stderr?: string }} */ (error).stderr).trim()}`
  }
}

/**
 * The first of these programs that exists and passes `check`.
 *
 * @param {readonly string[]} names
 * @param {(path: string) => Promise<unknown>} check
 */
async function firstOf(names, check) {
  for (const name of names) {
    const path = await locate(name)
    if (path !== undefined && (await check(path))) return path
  }
  return undefined
}

/** @param {string} name */
async function locate(name) {
  const folders = name.startsWith('/') ? ['/'] : (process.env['PATH'] ?? '').split(delimiter)
  for (const folder of folders) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}

/**
 * @param {string} path
 * @param {string[]} args
 * @returns {Promise<string | undefined>} what it prints, with a line end even if that is nothing; `undefined` if it fails
 */
async function output(path, ...args) {
  return run(path, args).then(
    ({ stdout }) => `${stdout}\n`,
    () => undefined,
  )
}

/**
 * @param {string | undefined} text
 * @param {number} major
 * @param {number} minor
 */
function isAtLeast(text, major, minor) {
  const [, ours, ourMinor] = /(\d+)\.(\d+)/.exec(text ?? '') ?? []
  return Number(ours) > major || (Number(ours) === major && Number(ourMinor) >= minor)
}
