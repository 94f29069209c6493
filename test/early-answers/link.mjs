/** The network between client and server: loopback, or a link with a delay, which needs Linux and root. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { findPython } from '../clients/programs.js'

/**
 * @typedef {object} Link
 * @property {string} host Where the server listens.
 * @property {string[]} inside Prefix of a command that runs at the client's end.
 * @property {string} made How it was made.
 * @property {() => void} close
 */

// A name per run, so that several can run at once.
const host = `10.231.${process.pid % 256}.1`
const client = `10.231.${process.pid % 256}.2`

/** @returns {Link} */
export function loopback() {
  return { host: '127.0.0.1', inside: [], made: 'loopback', close: () => undefined }
}

/**
 * Makes a network namespace at the other end of a link that delays every packet in both directions. If the kernel has no
 * netem, a program carries the packets from one TUN interface to the other.
 *
 * @param {number} delay in milliseconds
 * @returns {Promise<Link>}
 * @throws Error that says what is missing
 */
export async function delayedLink(delay) {
  if (process.platform !== 'linux') throw new Error('network namespaces take Linux')
  if (process.getuid?.() !== 0) throw new Error('network namespaces take root')
  const name = `early${process.pid}`
  const ends = [`ea${process.pid}`, `eb${process.pid}`]
  ip('netns', 'add', name)
  /** @type {(() => void)[]} */
  const closers = [() => ip('netns', 'del', name)]
  const close = () => closers.toReversed().forEach((each) => each())
  try {
    const made = netem(name, ends, delay) ?? (await tun(name, ends, delay, closers))
    const [outer = '', inner = ''] = ends
    addressed([], outer, host, client)
    addressed(['netns', 'exec', name, 'ip'], inner, client, host)
    ip('netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up')
    return { host, inside: ['ip', 'netns', 'exec', name], made, close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * @param {string} name
 * @param {string[]} ends
 * @param {number} delay
 * @returns {string | undefined} how it was made
 */
function netem(name, [outer = '', inner = ''], delay) {
  ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', name)
  const rule = ['root', 'netem', 'delay', `${delay}ms`, 'limit', '100000']
  try {
    run('tc', 'qdisc', 'add', 'dev', outer, ...rule)
    ip('netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', inner, ...rule)
    return `tc netem, ${delay} ms each way`
  } catch {
    ip('link', 'del', outer)
    return undefined
  }
}

/**
 * @param {string} name
 * @param {string[]} ends
 * @param {number} delay
 * @param {(() => void)[]} closers
 */
async function tun(name, [outer = '', inner = ''], delay, closers) {
  const python = await findPython()
  if (python === undefined) throw new Error('this kernel has no netem, and the other way takes Python')
  const script = new URL('delay-link.py', import.meta.url).pathname
  const program = spawn(python, [script, outer, inner, String(delay)], { stdio: ['pipe', 'pipe', 'inherit'] })
  closers.push(() => program.stdin.end())
  await Promise.race([
    once(program.stdout, 'data'),
    once(program, 'exit').then(() => {
      throw new Error('this kernel has no netem, and no TUN interface either')
    }),
  ])
  ip('link', 'set', inner, 'netns', name)
  return `packets carried between two TUN interfaces, ${delay} ms each way`
}

/**
 * @param {string[]} before
 * @param {string} end
 * @param {string} own
 * @param {string} peer
 */
function addressed(before, end, own, peer) {
  ip(...before, 'addr', 'add', own, 'peer', peer, 'dev', end)
  ip(...before, 'link', 'set', end, 'up')
}

/** @param {string[]} args */
function ip(...args) {
  run('ip', ...args)
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
