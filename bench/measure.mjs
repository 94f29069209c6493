/** Measures one row. Every figure is the median of rounds in which the servers take turns. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { body } from './bodies.mjs'
import { onSharedCore, sendFor } from './load.mjs'
import { frameworks, isFloor, isOutsider, serversOf } from './rows.mjs'
import { Server } from './server.mjs'

const MB = 1_000_000

/**
 * @typedef {object} Setting
 * @property {import('./load.mjs').Client} client
 * @property {string} directory where bodies and uploads go
 * @property {boolean} isQuick
 * @property {number} rounds
 * @property {number} generations of processes in which small bodies are measured
 * @property {number} lightTurns of each server in each of these
 * @property {number} seconds of load for each of these
 * @property {number} warmUp seconds of load before the first of them
 * @property {string} [profiles]
 * @property {string} [node] the path of another Node, for the servers
 */

/**
 * Measures a row.
 *
 * @param {import('./rows.mjs').Row} row
 * @param {Setting} setting
 * @returns {Promise<Record<string, Record<string, number>>>} figures by server
 */
export function measure(row, setting) {
  return kinds[row.kind](row, setting)
}

const kinds = { light, fresh, heavy, memory, hostile, growth, uploads, import: imports }

/**
 * Measures in several generations of processes, each started in another order: one of two processes with the same server
 * can be a tenth slower for its whole life, more often the later one.
 */
async function light(row, setting) {
  const figures = {}
  for (const group of groupsOf(row, setting)) {
    const measured = []
    for (let generation = 0; generation < setting.generations; generation += 1) {
      const first = Math.round((generation * group.length) / setting.generations)
      const order = [...group.slice(first), ...group.slice(0, first)]
      measured.push(await withModules(order, row, setting, (servers) => lightTurns(servers, row, setting)))
    }
    for (const name of group) figures[name] = medians(measured.flatMap((each) => each.get(name)))
  }
  return figures
}

async function lightTurns(servers, row, setting) {
  const name = row.body ?? row.name
  const sent = body(name)
  for (const server of servers) {
    await check(server, name, setting)
    if (row.warmUp !== undefined)
      await sendFor(server.url, body(row.warmUp), setting.warmUp, setting.directory)
    await sendFor(server.url, sent, setting.warmUp, setting.directory)
  }
  return turns(servers, setting.lightTurns, async (server) => {
    const before = await server.usage()
    const { requests, seconds } = await sendFor(server.url, sent, setting.seconds, setting.directory)
    const after = await server.usage()
    return { cpu: (after.cpu - before.cpu) / requests, rate: requests / seconds }
  })
}

async function fresh(row, setting) {
  return inTurns(serversOf(row, setting.isQuick), setting, async (module) => {
    const server = await start(module, row, setting)
    const before = await server.usage()
    const { answers, seconds } = await setting.client.send(
      server.port,
      row.name,
      row.requests,
      row.connections,
    )
    const after = await server.usage()
    await server.stop()
    compare(server, answers[0], body(row.name))
    return { cpu: (after.cpu - before.cpu) / row.requests, rate: row.requests / seconds }
  })
}

async function heavy(row, setting) {
  const name = row.body ?? row.name
  return withServers(row, setting, async (servers) => {
    const idle = new Map()
    for (const server of servers) {
      idle.set(server, (await server.usage()).rss)
      await check(server, name, setting)
      // Warm-up: V8 compiles in the background during the first gigabyte.
      for (let round = 0; round < 2; round += 1) await sendLarge(server, name, row, setting)
    }
    return inTurns(servers, setting, async (server) => ({
      ...(await sendLarge(server, name, row, setting)),
      rss: (await server.usage()).peakRss - idle.get(server),
    }))
  })
}

async function memory(row, setting) {
  const modules = serversOf(row, setting.isQuick).filter((module) => !isFloor(module))
  return inTurns(modules, { ...setting, rounds: Math.min(3, setting.rounds) }, async (module) => {
    const server = await start(module, row, setting)
    await check(server, 'avatar', setting)
    const before = await server.usage()
    const { answers } = await setting.client.send(server.port, row.name, 1, 1)
    const after = await server.usage()
    await server.stop()
    compare(server, answers[0], body(row.name))
    return { rss: after.peakRss - before.rss, cpu: after.cpu - before.cpu }
  })
}

async function hostile(row, setting) {
  return withServers(row, setting, async (servers) => {
    for (const server of servers) {
      await check(server, 'photo5m', setting)
      await check(server, row.name, setting)
    }
    return inTurns(servers, setting, async (server) => {
      const ordinary = await sendLarge(server, 'photo5m', row, setting)
      const { cpu, rate } = await sendLarge(server, row.name, row, setting)
      return { cpu, rate, ordinary: ordinary.cpu }
    })
  })
}

async function growth(row, setting) {
  const [[kind, sizes]] = Object.entries(row.sizes)
  const some = setting.isQuick ? sizes.slice(0, 3) : sizes
  const modules = kind === 'fields' ? ['bare', 'formgate'] : ['formgate']
  const all = setting.isQuick ? ['express'] : frameworks
  const own = all.flatMap((framework) => modules.map((module) => `${framework}/${module}`))
  return withModules(own, row, setting, async (servers) => {
    for (const server of servers) {
      for (const size of some)
        await setting.client.send(server.port, `${kind}:${size}`, Math.ceil(row.total / size / 4), 4)
    }
    return inTurns(servers, { ...setting, rounds: Math.min(5, setting.rounds) }, async (server) => {
      const figures = {}
      for (const size of some) {
        const requests = row.total / size
        const before = await server.usage()
        await setting.client.send(server.port, `${kind}:${size}`, requests, Math.min(4, requests))
        const after = await server.usage()
        figures[size] = (after.cpu - before.cpu) / row.total
      }
      return figures
    })
  })
}

/** Checks that every file arrives unchanged, and counts what is left at the end. */
async function uploads(row, setting) {
  const count = setting.isQuick ? 40 : 200
  const expected = Array.from({ length: count }, (_, number) => digestOf(`upload:${number}`))
  const results = {}
  for (const framework of frameworks) {
    const module = `${framework}/formgate`
    const server = await start(module, { ...row, hash: true }, setting)
    await setting.client.send(server.port, 'upload:0', 1, 1)
    await settled()
    const before = await server.usage()
    const { answers, seconds, bytes } = await setting.client.send(server.port, 'upload:*', count, count)
    await settled()
    const after = await server.usage()
    await server.stop()
    results[module] = {
      uploads: count,
      equal: answers.filter(({ digests }, number) => digests[0] === expected[number]).length,
      rate: bytes / MB / seconds,
      rss: after.peakRss - before.rss,
      descriptors: after.descriptors - before.descriptors,
    }
  }
  return results
}

async function imports(row, setting) {
  const modules = serversOf(row, setting.isQuick).filter((module) => !isFloor(module))
  return inTurns(modules, { ...setting, rounds: setting.rounds * 2 + 1 }, async (module) => {
    const script = fileURLToPath(new URL('import-time.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [script, module])
    return JSON.parse(stdout)
  })
}

async function sendLarge(server, name, row, setting) {
  const { connections } = row
  const requests = setting.isQuick ? Math.ceil(row.requests / 3) : row.requests
  const before = await server.usage()
  const { bytes, seconds } = await setting.client.send(server.port, name, requests, connections)
  const after = await server.usage()
  return { cpu: (after.cpu - before.cpu) / (bytes / MB), rate: bytes / MB / seconds }
}

/** Refuses to measure a server that finds something else in a body. */
async function check(server, name, setting) {
  const { answers } = await setting.client.send(server.port, name, 1, 1)
  compare(server, answers[0], body(name))
}

function compare(server, answer, { holds }) {
  const isSame = Object.entries(holds).every(([what, count]) => answer[what] === count)
  if (isSame || isFloor(server.name)) return
  throw new Error(`${server.name} found ${JSON.stringify(answer)} instead of ${JSON.stringify(holds)}.`)
}

function start(module, { kind, storage, limits, hash, heap, dataOnly, isTyped }, setting) {
  const { directory, profiles, node } = setting
  const launcher = kind === 'light' ? onSharedCore : []
  const uncounted = kind === 'growth'
  const options = { storage, limits, hash, heap, dataOnly, uncounted, isTyped, directory }
  return Server.start(module, options, { profiles, launcher, node })
}

async function withServers(row, setting, run) {
  const figures = {}
  for (const group of groupsOf(row, setting))
    Object.assign(figures, await withModules(group, row, setting, run))
  return figures
}

/**
 * Outsiders take turns among themselves. Two of them hold a gigabyte while they read a large body, and for some seconds
 * afterwards the kernel took 1.24 to 1.35 ms instead of 0.75 to write a MB for the next server.
 */
function groupsOf(row, setting) {
  const modules = serversOf(row, setting.isQuick)
  const groups = [modules.filter((module) => !isOutsider(module)), modules.filter(isOutsider)]
  return groups.filter(({ length }) => length > 0)
}

async function withModules(modules, row, setting, run) {
  const servers = []
  try {
    for (const module of modules) servers.push(await start(module, row, setting))
    return await run(servers)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

/** The medians of the servers' figures. */
async function inTurns(servers, { rounds }, run) {
  const measured = await turns(servers, rounds, run)
  return Object.fromEntries([...measured].map(([name, figures]) => [name, medians(figures)]))
}

/** Measures each in turn, every other round in reverse order. @returns their figures by name */
async function turns(servers, rounds, run) {
  const measured = new Map(servers.map((server) => [server.name ?? server, []]))
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? servers : servers.toReversed()
    for (const server of order) measured.get(server.name ?? server).push(await run(server))
  }
  return measured
}

function medians(figures) {
  return Object.fromEntries(
    Object.keys(figures[0]).map((what) => [what, median(figures.map((each) => each[what]))]),
  )
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function digestOf(name) {
  const { pieces, holds } = body(name)
  const hash = createHash('sha256')
  let left = holds.bytes
  for (const piece of pieces.slice(1, -2)) {
    hash.update(piece)
    left -= piece.length
  }
  if (left !== 0) throw new Error('The file of a form was not removed.')
  return hash.digest('hex')
}

/** Waits for connections to close and for files to be removed. */
function settled() {
  return new Promise((resolve) => setTimeout(resolve, 1000))
}
