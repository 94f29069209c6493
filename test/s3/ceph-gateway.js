// A real S3 store for the tests: a Ceph cluster of one node, in memory, behind Ceph's Object Gateway.
//
//   node ceph-gateway.js <folder> <pid>
//
// Installs Debian's packages if they are missing, starts the cluster in the folder, and writes `ready.json` there: where
// it listens, and with which key. Where that fails it writes why: to `missing` where the packages cannot be had, else to
// `failed`. It ends, and takes the cluster with it, on SIGTERM or when the process with the pid is gone.
import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const [folder = '', owner = ''] = process.argv.slice(2)
const packages = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common']
/** @type {import('node:child_process').ChildProcess[]} */
const daemons = []

process.on('SIGTERM', () => void end())
try {
  install()
} catch (error) {
  await endWith('missing', error)
}
try {
  const endpoint = await start()
  const limited = { endpoint, ...addUser('limited') }
  limit('limited')
  writeWhole('ready.json', JSON.stringify({ endpoint, ...addUser('test'), limited }))
} catch (error) {
  await endWith('failed', error)
}
while (isAlive(Number(owner))) await delay(1000)
await end()

function install() {
  const programs = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph-authtool', 'monmaptool']
  if (programs.every(isInstalled)) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Somebody else may be installing something.
  const wait = ['-o', 'DPkg::Lock::Timeout=120']
  execFileSync('apt-get', ['update'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const install = ['install', '-y', '--no-install-recommends', ...wait, ...packages]
  execFileSync('apt-get', install, { env, stdio: ['ignore', 'ignore', 'pipe'] })
}

async function start() {
  const [monitor, gateway] = [await freePort(), await freePort()]
  for (const name of ['mon', 'osd', 'log', 'run']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'ceph.conf'), configuration(monitor, gateway))
  const keyring = join(folder, 'keyring')
  run('ceph-authtool', keyring, '--create-keyring', '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *')
  const caps = ['mon', 'osd', 'mgr'].flatMap((name) => ['--cap', name, 'allow *'])
  for (const name of ['client.admin', 'client.rgw', 'osd.0']) {
    run('ceph-authtool', keyring, '--gen-key', '-n', name, ...caps)
  }
  const map = join(folder, 'monmap')
  run('monmaptool', '--create', '--fsid', randomUUID(), '--addv', 'a', `[v2:127.0.0.1:${monitor}]`, map)
  run('ceph-mon', ...ceph(), '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
  startDaemon('ceph-mon', '-i', 'a')
  const disk = randomUUID()
  run('ceph', ...ceph(), '--connect-timeout', '20', 'osd', 'new', disk)
  run('ceph-osd', ...ceph(), '-i', '0', '--mkfs', '--osd-uuid', disk)
  startDaemon('ceph-osd', '-i', '0')
  run('ceph', ...ceph(), 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=h')
  startDaemon('radosgw', '-n', 'client.rgw')
  const endpoint = `http://127.0.0.1:${gateway}`
  await untilItAnswers(endpoint)
  return endpoint
}

/** @param {string} uid */
function addUser(uid) {
  const [accessKeyId, secretAccessKey] = [`${uid}-key`, `${uid}-secret`]
  const key = ['--access-key', accessKeyId, '--secret-key', secretAccessKey]
  run('radosgw-admin', ...ceph(), 'user', 'create', '--uid', uid, '--display-name', uid, ...key)
  return { accessKeyId, secretAccessKey }
}

/**
 * Gives each bucket of a user room for a megabyte.
 * @param {string} uid
 */
function limit(uid) {
  const quota = ['--uid', uid, '--quota-scope', 'bucket']
  run('radosgw-admin', ...ceph(), 'quota', 'set', ...quota, '--max-size', '1048576')
  run('radosgw-admin', ...ceph(), 'quota', 'enable', ...quota)
}

/**
 * @param {number} monitor
 * @param {number} gateway
 */
function configuration(monitor, gateway) {
  return `[global]
mon host = [v2:127.0.0.1:${monitor}]
keyring = ${folder}/keyring
public addr = 127.0.0.1
cluster addr = 127.0.0.1
mon data = ${folder}/mon
osd data = ${folder}/osd
log file = ${folder}/log/$name.log
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
pid file = ${folder}/run/$name.pid

# One disk, in memory.
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
mon data avail crit = 0
mon data avail warn = 0

# Nobody else votes, so that nothing has to be waited for: the gateway's pools take a second and not ten.
paxos propose interval = 0.05
paxos min wait = 0.01

# What was deleted gives its memory back at once.
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw gc processor max time = 2
# To a lifecycle rule a second is a day.
rgw lc debug interval = 1
rgw override bucket index max shards = 1
rgw frontends = beast endpoint=127.0.0.1:${gateway} tcp_nodelay=1
`
}

function ceph() {
  return ['-c', join(folder, 'ceph.conf')]
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, ...args) {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function startDaemon(program, ...args) {
  const log = openSync(join(folder, 'log', `${program}.out`), 'a')
  daemons.push(spawn(program, ['-f', ...ceph(), ...args], { stdio: ['ignore', log, log] }))
  closeSync(log)
}

/** @param {string} endpoint */
async function untilItAnswers(endpoint) {
  for (let attempt = 0; attempt < 600; attempt++) {
    const answer = await fetch(endpoint).catch(() => undefined)
    if (answer?.ok) return
    const ended = daemons.find(({ exitCode }) => exitCode !== null)
    if (ended) throw new Error(`${ended.spawnfile} has ended. See ${folder}/log.`)
    await delay(100)
  }
  throw new Error('The gateway did not answer within a minute.')
}

/** Below the ports that the system gives to outgoing connections, one of which could take it meanwhile. */
async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    server.close()
    if (isFree) return port
  }
}

/** @param {string} program */
function isInstalled(program) {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * Nobody sees the half of it.
 * @param {string} name
 * @param {string} text
 */
function writeWhole(name, text) {
  writeFileSync(join(folder, `${name}.part`), text)
  renameSync(join(folder, `${name}.part`), join(folder, name))
}

/**
 * @param {string} name
 * @param {unknown} error
 */
async function endWith(name, error) {
  writeWhole(name, error instanceof Error ? error.message : String(error))
  await end()
}

/** The cluster is in memory, and its folder goes with it: nothing has to be shut down in order. */
async function end() {
  for (const daemon of daemons) daemon.kill('SIGKILL')
  process.exit()
}
