/**
 * How throughput grows with the number of processes behind one port (`node:cluster`).
 *
 *     npm run bench:scale
 *     S3_BUCKET=… AWS_ENDPOINT_URL_S3=… npm run bench:scale     also uploads into a bucket
 *
 * The load comes from the same machine and needs processors too, so the table says how many the app got.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { body } from './bodies.mjs'
import { installPeers } from './install-peers.mjs'
import { Client, sendFor } from './load.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const rounds = 3
const seconds = 5
const cores = availableParallelism()
const client = new Client()

const rows = [
  { name: 'form', title: 'form of 5 fields', isSmall: true },
  { name: 'avatar', title: 'form with a file of 20 KB, in memory', storage: 'memory', isSmall: true },
  { name: 'photo5m', title: 'photo of 5 MB, to disk', storage: 'disk', requests: 200 },
  { name: 'photo5m', title: 'photo of 5 MB, into a bucket', server: 'express/formgate-s3', requests: 100 },
]

installPeers()
const directory = mkdtempSync(join(tmpdir(), 'formgate-scale-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

console.log('| body | processes | requests/s | MB/s | CPU per request | processors that the app used |')
console.log('|---|---:|---:|---:|---:|---:|')
for (const row of rows) {
  if (row.server !== undefined && process.env.S3_BUCKET === undefined) continue
  /** The processes take turns, so that what else the machine does hits all of them. */
  const turns = Array.from({ length: cores }, () => [])
  for (let round = 0; round < rounds; round++) {
    for (let count = 1; count <= cores; count++) turns[count - 1].push(await measure(row, count))
  }
  for (const [index, measured] of turns.entries()) {
    const { rate, cpu, busy } = measured.toSorted((a, b) => a.rate - b.rate)[rounds >> 1]
    const megabytes = (rate * body(row.name).size) / 1e6
    const cost = `${cpu < 1 ? cpu.toFixed(3) : cpu.toFixed(1)} ms`
    const cells = [row.title, index + 1, rate.toFixed(0), megabytes.toFixed(0), cost, busy.toFixed(2)]
    console.log(`| ${cells.join(' | ')} |`)
  }
}
process.exit()

/** One turn with a number of new processes. */
async function measure(row, count) {
  const options = JSON.stringify({ storage: row.storage, directory })
  cluster.setupPrimary({ exec: here('serve.mjs'), args: [row.server ?? 'express/formgate', options] })
  const workers = Array.from({ length: count }, () => cluster.fork())
  const [{ port }] = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))
  await load(row, port, 0.3)
  const before = await used(workers)
  const sent = await load(row, port, 1)
  const cpu = (await used(workers)) - before
  const gone = workers.map((worker) => once(worker, 'exit'))
  for (const worker of workers) worker.send('stop')
  await Promise.all(gone)
  return { rate: sent.requests / sent.seconds, cpu: cpu / sent.requests, busy: cpu / 1000 / sent.seconds }
}

/** Milliseconds of processor time, the primary's included: it accepts the connections. */
async function used(workers) {
  const usages = workers.map(async (worker) => {
    const answer = once(worker, 'message')
    worker.send('usage')
    return (await answer)[0].cpu
  })
  const { user, system } = process.cpuUsage()
  return (await Promise.all(usages)).reduce((sum, each) => sum + each, (user + system) / 1000)
}

/** Sends a row's body for a share of its time. @returns how many were answered, in how many seconds */
async function load(row, port, share) {
  if (!row.isSmall) {
    const { seconds } = await client.send(port, row.name, Math.ceil(row.requests * share), 8)
    return { requests: Math.ceil(row.requests * share), seconds }
  }
  return sendFor(`http://127.0.0.1:${port}/`, body(row.name), seconds * share, directory, { isShared: false })
}
