/** Starts the playground: one server for each framework, with the same page on all three. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createExpressApp } from './express.js'
import { createFastifyApp } from './fastify.js'
import { createKoaApp } from './koa.js'
import { createSite } from './site.js'
import { welcome } from './welcome.js'

const host = process.env['HOST'] ?? 'localhost'
const firstPort = Number(process.env['PORT'] ?? 3000)

const fastify = await createFastifyApp()
await fastify.ready()

/** @type {[name: string, app: import('node:http').RequestListener][]} */
const apps = [
  ['Express', createExpressApp()],
  ['Koa', createKoaApp().callback()],
  ['Fastify', (req, res) => fastify.routing(req, res)],
]

/** @type {{ name: string, port: number }[]} */
const servers = []
const site = createSite(servers)
for (const [name, app] of apps) {
  const server = createServer((req, res) => site(req, res) || app(req, res))
  const port = await listen(server, (servers.at(-1)?.port ?? firstPort - 1) + 1)
  servers.push({ name, port })
}
console.log(welcome(host, servers))

/**
 * @param {import('node:http').Server} server
 * @param {number} port
 * @returns {Promise<number>} This port, or the next that is free
 */
async function listen(server, port) {
  try {
    await once(server.listen(port, host), 'listening')
    return port
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code !== 'EADDRINUSE') throw error
    return listen(server, port + 1)
  }
}
