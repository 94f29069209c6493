/** The load: wrk, or autocannon where there is none, for small bodies; a client of our own for large ones. */
import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const connections = 16

/** What makes the load of small bodies. */
export const generator = isInstalled('wrk') ? 'wrk' : 'autocannon'

/**
 * What starts a command on the core that wrk shares with a server of small bodies (Linux). On a core of its own wrk falls
 * asleep between two answers, and to wake it up there costs the server more than to parse a small body (decision 21).
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
 * Sends a small body again and again.
 *
 * @param {string} url
 * @param {{ pieces: readonly Buffer[], type: string }} body
 * @param {number} seconds
 * @param {string} directory for the body
 * @returns {Promise<{ requests: number, seconds: number }>}
 * @throws Error where a request has failed
 */
export async function sendFor(url, body, seconds, directory) {
  const path = join(directory, 'body')
  writeFileSync(path, Buffer.concat(body.pieces))
  const text = await (generator === 'wrk'
    ? wrk(url, path, body.type, seconds)
    : autocannon(url, path, body.type, seconds))
  const { failed, ...sent } = JSON.parse(text.trim().split('\n').at(-1))
  if (failed > 0) throw new Error(`${failed} of ${sent.requests} requests to ${url} failed.`)
  return sent
}

async function wrk(url, path, type, seconds) {
  const [command, ...args] = [
    ...onSharedCore,
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
  // It counts in whole seconds; interrupted, it sums up what it has done by then.
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

/** Sends large bodies, and counted ones, from a process of its own. */
export class Client {
  #child = fork(here('client.mjs'))

  /**
   * @param {number} port
   * @param {string} body its name, or a name for each request that `*` in it stands for
   * @param {number} requests
   * @param {number} connections
   * @returns {Promise<{ seconds: number, bytes: number, answers: readonly object[] }>} the answers in the order of the requests
   * @throws Error where a request has failed
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
