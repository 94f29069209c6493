/** Runs the tools of this workspace from its root. */
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * The file with the counts of a check: `{ passed, failed }`.
 * @param {string} check
 */
export function results(check) {
  return `${root}node_modules/.cache/results/${check}.json`
}

/**
 * Runs a program from the PATH or node_modules/.bin with its output passed through.
 * @param {string} command
 * @param {string[]} args
 * @returns {number} The exit status; 1 if the program could not start or was killed
 */
export function run(command, ...args) {
  return start('inherit', command, args).status ?? 1
}

/**
 * Like `run`, in a folder with a node_modules of its own.
 * @param {string} folder
 * @param {string} command
 * @param {string[]} args
 * @returns {number}
 */
export function runIn(folder, command, ...args) {
  const { env, ...others } = options('inherit')
  const path = `${folder}/node_modules/.bin${delimiter}${env?.['PATH']}`
  return spawnSync(command, args, { ...others, cwd: folder, env: { ...env, PATH: path } }).status ?? 1
}

/**
 * Like `run`, but shows the output only if the program fails.
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
 * Ends the script with a message.
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  console.error(message)
  process.exit(1)
}

/**
 * The command line for the version of pnpm that package.json pins.
 * @returns {[command: string, ...args: string[]]}
 */
export function pnpm() {
  const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  return ['npx', '--yes', packageManager]
}

/**
 * Like `run`, without blocking.
 * @param {'inherit' | 'pipe'} output
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ status: number, output: string }>} The output is empty if it was passed through.
 */
export function runBuffered(output, command, ...args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, options(output))
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    }
    child.on('error', (error) => resolve({ status: 1, output: String(error) }))
    child.on('close', (status) => resolve({ status: status ?? 1, output: text }))
  })
}

/**
 * @param {'inherit' | 'pipe'} output
 * @param {string} command
 * @param {string[]} args
 */
function start(output, command, args) {
  return spawnSync(command, args, { ...options(output), encoding: 'utf8' })
}

/**
 * @param {'inherit' | 'pipe'} output
 * @returns {import('node:child_process').SpawnOptions}
 */
function options(output) {
  const path = `${root}node_modules/.bin${delimiter}${process.env['PATH']}`
  return {
    cwd: root,
    env: { ...process.env, PATH: path },
    // On Windows, npm's programs are .cmd files, which need a shell.
    shell: process.platform === 'win32',
    stdio: ['ignore', output, output],
  }
}
