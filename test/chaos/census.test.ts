import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the census counts no object for the modules that Node loads when a framework first looks at Response', () => {
  const program = `
    import { once } from 'node:events'
    import { createServer, get } from 'node:http'
    import { setTimeout as delay } from 'node:timers/promises'
    import { promisify } from 'node:util'
    import Koa from 'koa'
    import { Census } from ${JSON.stringify(new URL('server/census.js', import.meta.url).href)}
    const app = new Koa().use((ctx) => void (ctx.body = ctx.path === '/text' ? 'text' : {}))
    const server = createServer(app.callback()).listen(0)
    await once(server, 'listening')
    const census = new Census('.')
    const countAfter = async (path) => {
      const [answer] = await once(get({ port: server.address().port, path, agent: false }), 'response')
      await once(answer.resume(), 'close')
      while ((await promisify(server.getConnections.bind(server))()) > 0) await delay(1)
      const { requests, streams } = await census.inMemory()
      return requests + streams
    }
    console.log(JSON.stringify([await countAfter('/text'), await countAfter('/text'), await countAfter('/json')]))
    server.close()
  `
  const flags = ['--expose-gc', '--no-warnings', '--input-type=module', '--eval', program]
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const [first, second, json] = JSON.parse(
    execFileSync(process.execPath, flags, { cwd, encoding: 'utf8' }),
  ) as number[]
  expect([second, json]).toEqual([first, first])
})
