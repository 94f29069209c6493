/** The servers as the benchmark controls them. */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const serve = fileURLToPath(new URL('serve.mjs', import.meta.url))

/** A running server. */
export class Server {
  #child
  name
  port = 0

  /**
   * @param {string} module below `peers`, such as `express/multer`
   * @param {object} options of the server
   * @param {object} [how]
   * @param {string} [how.profiles] where to leave a CPU profile
   * @param {readonly string[]} [how.launcher] a command that starts another
   * @param {string} [how.node] the path of another Node
   */
  static async start(module, options, { profiles, launcher = [], node = process.execPath } = {}) {
    const server = new Server()
    server.name = module
    const flags = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}/${module}`] : []
    const [execPath, ...execArgv] = [...launcher, node, ...flags]
    server.#child = fork(serve, [module, JSON.stringify(options)], {
      execPath,
      execArgv,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let errors = ''
    server.#child.stderr.on('data', (text) => (errors += text))
    server.#child.on('exit', (code) => code && console.error(`${module} ended with ${code}.\n${errors}`))
    const [{ port }] = await once(server.#child, 'message')
    server.port = port
    return server
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`
  }

  /** Its use of CPU and memory so far. */
  async usage() {
    this.#child.send('usage')
    const [usage] = await once(this.#child, 'message')
    return usage
  }

  async stop() {
    const exit = once(this.#child, 'exit')
    this.#child.send('stop')
    await exit
  }
}

/**
 * A Node of another version, from the npm registry.
 *
 * @param {number} major
 * @returns {{ path: string, version: string }}
 */
export function nodeOf(major) {
  const args = [
    '--yes',
    `node@${major}`,
    '--print',
    'JSON.stringify({ path: process.execPath, version: process.version })',
  ]
  const options = { encoding: 'utf8', shell: process.platform === 'win32' }
  return JSON.parse(execFileSync('npx', args, options))
}
