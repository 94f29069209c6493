/** Generates load: small bodies by wrk, or by autocannon if wrk is missing; large bodies by a separate client. */
import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const connections = 16

/** The generator of small bodies. */
export const generator = isInstalled('wrk') ? 'wrk' : 'autocannon'

/**
 * Starts a command on the core that wrk shares with a server of small bodies (Linux). On a separate core wrk sleeps between
 * answers, and waking it up costs the server more than parsing a small body (decision 21).
 */
export const onSharedCore =
  generator === 'wrk' && isInstalled('taskset') ? ['taskset', '-c', firstCore()] : []

function isInstalled(command) {
  return spawnSync(command, ['--version']).error === undefined
}

/** The first core that this process may run on. */
function firstCore() {
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]
}

/**
 * Sends a small body repeatedly.
 *
 * @param {string} url
 * @param {{ pieces: readonly Buffer[], type: string }} body
 * @param {number} seconds
 * @param {string} directory for the body
 * @param {{ isShared?: boolean }} [how] `isShared: false` to leave the choice of its core to the system
 * @returns {Promise<{ requests: number, seconds: number }>}
 * @throws Error if a request fails
 */
export async function sendFor(url, body, seconds, directory, { isShared = true } = {}) {
  const path = join(directory, 'body')
  writeFileSync(path, Buffer.concat(body.pieces))
  const text = await (generator === 'wrk'
    ? wrk(url, path, body.type, seconds, isShared ? onSharedCore : [])
    : autocannon(url, path, body.type, seconds))
  const { failed, ...sent } = JSON.parse(text.trim().split('\n').at(-1))
  if (failed > 0) throw new Error(`${failed} of ${sent.requests} requests to ${url} failed.`)
  return sent
}

async function wrk(url, path, type, seconds, launcher) {
  const [command, ...args] = [
    ...launcher,
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${Math.ceil(seconds) + 9}s`,
    '-s',
    here('post.lua'),
    url,
    '--',
    path,
    type,
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  // It counts whole seconds, but reports its results so far when it is interrupted.
  setTimeout(() => child.kill('SIGINT'), seconds * 1000)
  return output(child)
}

function autocannon(url, path, type, seconds) {
  const args = [here('peers/autocannon.mjs'), url, path, type, String(seconds), String(connections)]
  return output(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

async function output(child) {
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  await once(child, 'close')
  return text
}

/** Sends large bodies, and given numbers of bodies, from a separate process. */
export class Client {
  #child = fork(here('client.mjs'))

  /**
   * @param {number} port
   * @param {string} body its name; a `*` in it becomes the number of the request
   * @param {number} requests
   * @param {number} connections
   * @returns {Promise<{ seconds: number, bytes: number, answers: readonly object[] }>} the answers in the order of the requests
   * @throws Error if a request fails
   */
  async send(port, body, requests, connections) {
    this.#child.send({ port, body, requests, connections })
    const [result] = await once(this.#child, 'message')
    if (result.error) throw new Error(`A request to port ${port} failed: ${result.error}`)
    return result
  }

  stop() {
    this.#child.disconnect()
  }
}
