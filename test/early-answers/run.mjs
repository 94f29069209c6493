/**
 * `npm run early-answers`: counts how many refused uploads of 50 MB read their answer, for every client on every
 * framework.
 *
 *     npm run early-answers -- --times 1000 --client curl --framework Koa --way midway --delay 50 --parallel 4
 *
 * `--delay` adds a link with this delay in milliseconds in each direction. By default runs both with 50 ms and on
 * loopback.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { clients, readsEarlyInChunks } from './clients/clients.mjs'
import { delayedLink, loopback } from './link.mjs'
import { inWords, table } from './report.mjs'
import { ways } from './ways.mjs'

/** @typedef {Record<string, Record<string, string>>} Cells By client and framework, then by way. */

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '100' },
    client: { type: 'string', multiple: true, default: Object.keys(clients) },
    framework: { type: 'string', multiple: true, default: ['Express', 'Koa', 'Fastify'] },
    way: { type: 'string', multiple: true, default: Object.keys(ways) },
    delay: { type: 'string', multiple: true, default: ['0', '50'] },
    parallel: { type: 'string', default: '4' },
  },
})
// Missing clients are installed if possible.
process.env['FORMGATE_INSTALL'] ??= 'true'
const times = Number(values.times)
const parallel = Number(values.parallel)
let isWhole = true

for (const delay of values.delay.map(Number)) {
  try {
    await measure(delay === 0 ? loopback() : await delayedLink(delay))
  } catch (error) {
    if (delay === 0) throw error
    console.log(`\nThe link with ${delay} ms is left out: ${String(error)}`)
  }
}
process.exit(isWhole ? 0 : 1)

/** @param {import('./link.mjs').Link} link */
async function measure(link) {
  console.log(`\n${link.made}, ${times} uploads each, Node ${process.versions.node}, ${process.platform}`)
  // A namespace outlives the process that made it.
  const stop = () => {
    link.close()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const server = program([], 'serve.mjs', link.host)
  try {
    /** @type {Record<string, string>} */
    const urls = JSON.parse(await server.line())
    /** @type {Cells} */
    const cells = {}
    for (const name of values.client) await measureClient(link, urls, name, cells)
    console.log(`\n${table(cells, values.way)}`)
  } finally {
    await server.end()
    process.off('SIGINT', stop).off('SIGTERM', stop)
    link.close()
  }
}

/**
 * @param {import('./link.mjs').Link} link
 * @param {Record<string, string>} urls
 * @param {string} name
 * @param {Cells} cells
 */
async function measureClient(link, urls, name, cells) {
  const client = program(link.inside, 'upload.mjs', name)
  const version = await client.line()
  // A client that is not installed says so and ends.
  if (version === '') return
  console.log(`\n${name} (${version})`)
  for (const framework of values.framework) {
    /** @type {Record<string, string>} */
    const row = (cells[`${name} (${version}) → ${framework}`] = {})
    for (const key of values.way) {
      const way = ways[key]
      if (way === undefined) throw new Error(`The ways are: ${Object.keys(ways).join(', ')}.`)
      if (way.isChunked && !readsEarlyInChunks(name, version)) continue
      const { isChunked } = way
      client.write(JSON.stringify({ url: `${urls[framework]}/${key}`, isChunked, times, parallel }))
      const { text, isComplete } = inWords(JSON.parse(await client.line()), way)
      row[key] = text
      isWhole &&= isComplete
      console.log(`${name} → ${framework}, ${way.title}: ${text}`)
    }
  }
  await client.end()
}

/**
 * @param {string[]} inside
 * @param {string} file
 * @param {string} argument
 */
function program(inside, file, argument) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const [command, ...args] = [...inside, process.execPath, path, argument]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    line: async () => String((await lines.next()).value ?? ''),
    /** @param {string} line */
    write: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      child.stdin.end()
      await exited
    },
  }
}
