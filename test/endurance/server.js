// A server in its own process, whose memory can be measured: node server.js <framework> <directory> [<storage>]
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import * as expressGate from '@formgate/express'
import * as fastifyGate from '@formgate/fastify'
import * as koaGate from '@formgate/koa'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'

const [framework = '', directory = '', storageName = 'disk'] = process.argv.slice(2)
const limits = { bodySize: Infinity, fileSize: Infinity }
const storage = storageName === 'disk' ? expressGate.disk({ directory }) : expressGate.spool({ directory })

// With --expose-gc `held` collects garbage first, and these collections would be counted.
let fullCollections = 0
if (globalThis.gc === undefined) {
  new PerformanceObserver((list) => {
    const entries = /** @type {{ detail?: { kind: number } }[]} */ (list.getEntries())
    const full = entries.filter(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)
    fullCollections += full.length
  }).observe({ entryTypes: ['gc'] })
}

/** What the process holds now. */
function held() {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return {
    rss: process.memoryUsage.rss(),
    heap: heapUsed + external,
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    resources: process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length,
    files: readdirSync(directory).length,
    fullCollections,
  }
}

/** The bytes in the heap after small collections, which free only what was made since the last one. */
function afterSmallCollections() {
  for (let i = 0; i < 2; i += 1) globalThis.gc?.({ type: 'minor' })
  return process.memoryUsage().heapUsed
}

/** @param {Record<string, expressGate.UploadedFile[]>} files */
const sizes = (files) => Object.values(files).flatMap((list) => list.map((file) => file.size))

const starts = {
  express() {
    const app = express()
    app.use(expressGate.multipart({ limits, storage }))
    app.get('/held', (_req, res) => void res.json(held()))
    app.get('/heap', (_req, res) => void res.json(afterSmallCollections()))
    app.post('/upload', (req, res) => void res.json(sizes(req.files)))
    return createServer(app)
  },
  koa() {
    const app = new Koa()
    // Koa would print every error of a socket.
    app.silent = true
    app.use(koaGate.multipart({ limits, storage }))
    app.use((ctx) => {
      if (ctx.path === '/held') ctx.body = held()
      else if (ctx.path === '/heap') ctx.body = JSON.stringify(afterSmallCollections())
      else ctx.body = sizes(ctx.request.files)
    })
    const callback = app.callback()
    return createServer((req, res) => void callback(req, res))
  },
  async fastify() {
    const app = Fastify()
    await app.register(fastifyGate.multipart, { limits, storage })
    app.get('/held', () => held())
    app.get('/heap', () => JSON.stringify(afterSmallCollections()))
    app.post('/upload', (req) => sizes(req.files))
    await app.ready()
    return app.server
  },
}

process.on('warning', (warning) => process.stdout.write(`warning ${warning.message}\n`))
const server = await starts[/** @type {keyof typeof starts} */ (framework)]()
server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.stdout.write(`listening ${address.port}\n`)
})
