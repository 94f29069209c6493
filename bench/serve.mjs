/**
 * Runs one server in a separate process: `node serve.mjs <module below peers> <options as JSON>`.
 *
 * Reports its port, and on request its use of CPU and memory.
 */
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const [module, json] = process.argv.slice(2)
const options = JSON.parse(json)
const { serve } = await import(`./peers/${module}.mjs`)
if (options.isTyped) options.schema = (await import('./peers/schema.mjs')).signUp
if (options.heap) globalThis.others = otherThings(options.heap)
const server = await serve(options)
if (!server.listening) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

process.on('message', (message) => {
  if (message === 'stop') process.exit()
  process.send(usage())
})
process.on('disconnect', () => process.exit())
process.send({ port: server.address().port })

/** Fills the heap with MB of other data, as an app does, after a full collection. */
function otherThings(megabytes) {
  const things = Array.from({ length: megabytes * 8300 }, (_, id) => ({ id, tags: [id, id + 1], next: null }))
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return things
}

function usage() {
  const { user, system } = process.cpuUsage()
  return {
    /** Milliseconds, of all threads. */
    cpu: (user + system) / 1000,
    /** In bytes, by the kernel. */
    rss: process.memoryUsage.rss(),
    peakRss: process.resourceUsage().maxRSS * 1024,
    descriptors: descriptors(),
  }
}

/** `undefined` if the system does not report it. */
function descriptors() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
