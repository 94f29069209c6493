/**
 * A file of 512 MB (`MB`) into a bucket, in new processes that take turns (`ROUNDS`, default 5): the storage alone with a stream,
 * beside `Upload` of `@aws-sdk/lib-storage`; and an upload to a server, beside multer-s3, which uses that `Upload`.
 *
 *     AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_REGION=… AWS_ENDPOINT_URL_S3=… S3_BUCKET=… npm run bench:s3
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { installPeers } from './install-peers.mjs'
import { Client } from './load.mjs'
import { Server } from './server.mjs'

const MiB = 1024 * 1024
const MB = 1_000_000
const size = Number(process.env.MB ?? 512)
const rounds = Number(process.env.ROUNDS ?? 5)

const ways = {
  's3/formgate': inNewProcess,
  's3/lib-storage': inNewProcess,
  'express/formgate-s3': throughServer,
  'express/multer-s3': throughServer,
}

if (process.argv[2] === undefined) await compare()
else await storeStream(process.argv[2])

async function compare() {
  installPeers()
  const client = new Client()
  const runs = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(ways)) runs[name].push(await run(name, client))
  }
  client.stop()
  console.log('| | growth of memory | CPU | rate |\n|---|---:|---:|---:|')
  for (const [name, of] of Object.entries(runs)) {
    const [growth, cpu, rate] = ['growth', 'cpu', 'rate'].map((key) => median(of.map((run) => run[key])))
    console.log(
      `| \`${name}\` | ${growth.toFixed(0)} MiB | ${cpu.toFixed(2)} ms/MB | ${rate.toFixed(0)} MB/s |`,
    )
  }
}

async function inNewProcess(name) {
  const child = fork(fileURLToPath(import.meta.url), [name])
  child.on('exit', (code) => code && process.exit(code))
  const [run] = await once(child, 'message')
  await once(child, 'exit')
  return run
}

async function throughServer(name, client) {
  const server = await Server.start(name, { limits: { fileSize: size * MB, bodySize: 2 * size * MB } })
  // Its first request opens connections and loads code.
  await client.send(server.port, 'avatar', 1, 1)
  const before = await server.usage()
  const { bytes, seconds } = await client.send(server.port, `file:${size}`, 1, 1)
  const after = await server.usage()
  await server.stop()
  const growth = (after.peakRss - before.rss) / MiB
  return { growth, cpu: (after.cpu - before.cpu) / (bytes / MB), rate: bytes / MB / seconds }
}

async function storeStream(name) {
  const { prepare } = await import(`./peers/${name}.mjs`)
  // As a socket hands it over: each chunk is memory of its own.
  const chunks = function* () {
    for (let sent = 0; sent < size * MB; sent += 64_000) yield Buffer.alloc(64_000, sent)
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: 64_000 })
  const start = prepare(process.env.S3_BUCKET, stream)
  const before = process.memoryUsage.rss()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  const remove = await start()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const growth = (process.resourceUsage().maxRSS * 1024 - before) / MiB
  await remove()
  const run = { growth, cpu: (user + system) / 1000 / size, rate: size / seconds }
  process.send(run, () => process.exit())
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
