/**
 * A file of 512 MiB (`MIB`) into a bucket: `s3()` beside `Upload` of `@aws-sdk/lib-storage`, in new processes that take turns.
 *
 *     AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_REGION=… AWS_ENDPOINT_URL_S3=… S3_BUCKET=… npm run bench:s3
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { installPeers } from './install-peers.mjs'

const MiB = 1024 * 1024
const size = Number(process.env.MIB ?? 512) * MiB
const rounds = 5
const { S3_BUCKET: bucket } = process.env

/** Prepare an upload of a stream, and return what starts it. */
const uploads = {
  async 's3()'(stream) {
    const { s3 } = await import('../packages/s3/dist/index.mjs')
    const storage = s3({ bucket, config: { forcePathStyle: true } })
    return async () => {
      const info = { field: 'video', originalName: 'video.mp4', type: 'video/mp4' }
      const file = await storage.store(stream, info, new AbortController().signal)
      return () => file.remove()
    }
  },
  async Upload(stream) {
    const { default: storage } = await import('./peers/node_modules/@aws-sdk/lib-storage/dist-cjs/index.js')
    const { default: sdk } = await import('./peers/node_modules/@aws-sdk/client-s3/dist-cjs/index.js')
    const client = new sdk.S3Client({ forcePathStyle: true })
    const params = { Bucket: bucket, Key: 'video.mp4', Body: stream }
    return async () => {
      await new storage.Upload({ client, params }).done()
      return () => client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: 'video.mp4' }))
    }
  },
}

if (process.argv[2] === undefined) await compare()
else await upload(process.argv[2])

async function compare() {
  installPeers()
  const runs = Object.fromEntries(Object.keys(uploads).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(uploads)) {
      const child = fork(fileURLToPath(import.meta.url), [name])
      child.on('exit', (code) => code && process.exit(code))
      runs[name].push((await once(child, 'message'))[0])
      await once(child, 'exit')
    }
  }
  console.log('| | growth of memory | CPU | rate |\n|---|---:|---:|---:|')
  for (const [name, of] of Object.entries(runs)) {
    const [growth, cpu, rate] = ['growth', 'cpu', 'rate'].map((key) => median(of.map((run) => run[key])))
    console.log(
      `| \`${name}\` | ${growth.toFixed(0)} MiB | ${cpu.toFixed(2)} ms/MB | ${rate.toFixed(0)} MB/s |`,
    )
  }
}

async function upload(name) {
  // As a socket hands it over: each chunk is memory of its own.
  const chunks = function* () {
    for (let sent = 0; sent < size; sent += 64 * 1024) yield Buffer.alloc(64 * 1024, sent)
  }
  const start = await uploads[name](Readable.from(chunks(), { objectMode: false, highWaterMark: 64 * 1024 }))
  const before = process.memoryUsage.rss()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  const remove = await start()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const growth = (process.resourceUsage().maxRSS * 1024 - before) / MiB
  await remove()
  const run = { growth, cpu: (user + system) / 1000 / (size / 1e6), rate: size / 1e6 / seconds }
  if (process.send === undefined) console.log(run)
  else process.send(run, () => process.exit())
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
