/**
 * One server in a process of its own: `node serve.mjs <module below peers> <options as JSON>`.
 *
 * It tells its port, and when it is asked, what it has used so far.
 */
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const [module, json] = process.argv.slice(2)
const options = JSON.parse(json)
const { serve } = await import(`./peers/${module}.mjs`)
if (options.heap) globalThis.others = otherThings(options.heap)
const server = await serve(options)
if (!server.listening) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

process.on('message', (message) => {
  if (message === 'stop') process.exit()
  process.send(usage())
})
process.on('disconnect', () => process.exit())
process.send({ port: server.address().port })

/** So many MB of what an app has in its heap beside its server, as it is after a full collection. */
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
    /** Bytes, as the kernel counts them. */
    rss: process.memoryUsage.rss(),
    peakRss: process.resourceUsage().maxRSS * 1024,
    descriptors: descriptors(),
  }
}

/** `undefined` where the system does not show them. */
function descriptors() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
