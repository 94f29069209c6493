/** Starts app processes behind one port, and replaces those that die: node examples/s3-cluster/src/start.js */
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const { S3_BUCKET, PROCESSES = availableParallelism() } = process.env
if (S3_BUCKET === undefined) throw new Error('Set S3_BUCKET to the name of an existing bucket.')

cluster.setupPrimary({ exec: fileURLToPath(new URL('app.js', import.meta.url)) })
/** @type {Set<import('node:cluster').Worker>} */
const listening = new Set()

cluster.on('listening', (app, { port }) => {
  listening.add(app)
  console.log(`app ${app.process.pid} listens on http://127.0.0.1:${port}`)
})
cluster.on('exit', (app, code, signal) => {
  console.log(`app ${app.process.pid} has ended (${signal ?? code})`)
  // An app that never listened would end again.
  if (listening.delete(app)) cluster.fork()
  else process.exitCode = 1
})
for (let count = 0; count < Number(PROCESSES); count++) cluster.fork()
