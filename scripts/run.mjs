/** Runs the tools of this workspace from its root. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../', import.meta.url))

/** Where the last run of the tests left its counts. */
export const report = `${root}node_modules/.cache/vitest.json`

/**
 * Runs a program from the PATH or node_modules/.bin with its output passed through.
 * @param {string} command
 * @param {string[]} args
 * @returns {number} The exit status; 1 where the program could not start or was killed
 */
export function run(command, ...args) {
  return start('inherit', command, args).status ?? 1
}

/**
 * As `run`, but shows the output only where the program fails.
 * @param {string} command
 * @param {string[]} args
 * @returns {number}
 */
export function runQuietly(command, ...args) {
  const { status, stdout, stderr } = start('pipe', command, args)
  if (status !== 0) process.stderr.write(`${stdout}${stderr}`)
  return status ?? 1
}

/**
 * The command line that runs pnpm in the version that package.json pins.
 * @returns {[command: string, ...args: string[]]}
 */
export function pnpm() {
  const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  return ['npx', '--yes', packageManager]
}

/**
 * @param {'inherit' | 'pipe'} output
 * @param {string} command
 * @param {string[]} args
 */
function start(output, command, args) {
  const path = `${root}node_modules/.bin${delimiter}${process.env['PATH']}`
  return spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
    // npm's own programs are .cmd files on Windows, which only a shell can start.
    shell: process.platform === 'win32',
    stdio: ['ignore', output, output],
  })
}
