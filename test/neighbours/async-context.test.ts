/** AsyncLocalStorage of an app: its store is there in everything that Formgate calls while it reads a body. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout } from 'node:timers/promises'
import { disk, memory, type Inspector, type MountOptions, type Storage } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { chunk, Connection, head, lastChunk, type Sent } from '../adapters/client.js'
import { frameworks, type Description } from '../adapters/frameworks.js'
import { deliveries } from './delivery.js'
import { newDirectory, whenDone } from './server.js'

const tenant = new AsyncLocalStorage<string>()

const above: NonNullable<Description['above']> = {
  express: (app) => app.use((req, _res, next) => tenant.run(req.get('tenant') ?? '', next)),
  koa: (app) => app.use((ctx, next) => tenant.run(ctx.get('tenant'), next)),
  fastify: (app) => {
    app.addHook('onRequest', (request, _reply, done) => tenant.run(String(request.headers['tenant']), done))
  },
}

/** Options that note the store wherever they are called. */
function noting(seen: Map<string, Set<string>>): MountOptions {
  const note = (where: string): void => {
    if (!seen.has(where)) seen.set(where, new Set())
    seen.get(where)!.add(tenant.getStore() ?? 'lost')
  }
  const kept = memory()
  const storage: Storage = {
    async store(stream, info, signal) {
      note('store')
      const stored = await kept.store(stream, info, signal)
      note('stored')
      return (
        stored && {
          ...stored,
          createReadStream: () => stored.createReadStream(),
          remove: () => (note('remove'), stored.remove()),
        }
      )
    },
  }
  const inspect: Inspector = () => {
    note('inspect')
    return { chunk: () => note('chunk'), end: () => note('end') }
  }
  return { storage, inspect, onProgress: () => note('onProgress') }
}

const part = (name: string, content: string): string =>
  `--X\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n${content}\r\n`
const small: Sent = { type: 'multipart/form-data; boundary=X', body: `${part('a', 'hello')}--X--\r\n` }
const large = `${part('a', 'x'.repeat(400_000))}${part('b', 'y'.repeat(400_000))}--X--\r\n`
const everywhere = ['store', 'stored', 'remove', 'inspect', 'chunk', 'end', 'onProgress']

const ways: readonly (readonly [how: string, of: (options: MountOptions) => Description])[] = [
  ['multipart()', (mount) => ({ mount, routes: [{ path: '/' }] })],
  [
    'parse() below a lazy multipart()',
    (mount) => ({
      mount: { ...mount, lazy: true },
      routes: [{ path: '/', handler: ({ parse }) => parse() }],
    }),
  ],
]

describe.each(frameworks)('$name', ({ start }) => {
  describe.each(ways)('%s', (_, describeApp) => {
    async function appThatNotes(): Promise<[number, Map<string, Set<string>>]> {
      const seen = new Map<string, Set<string>>()
      const app = await start({ ...describeApp(noting(seen)), above })
      whenDone(() => app.close())
      return [app.port, seen]
    }

    test.each(deliveries)('the store is there when a small file comes %s', async (_, send) => {
      const [port, seen] = await appThatNotes()
      const answer = await send(port, { ...small, headers: { Tenant: 'acme' } })
      expect(answer.status).toBe(200)
      await expect.poll(() => seen.has('remove')).toBe(true)
      expect(Object.fromEntries(seen)).toEqual(
        Object.fromEntries(everywhere.map((where) => [where, new Set(['acme'])])),
      )
    })

    test('each of two requests has its own, midway in large files that come by turns', async () => {
      const [port, seen] = await appThatNotes()
      const names = ['acme', 'bolt']
      const connections = await Promise.all(names.map(() => Connection.open(port)))
      for (const [at, connection] of connections.entries())
        connection.write(head({ type: small.type!, framing: 'chunked', headers: { Tenant: names[at]! } }))
      for (let from = 0; from < large.length; from += 50_000) {
        for (const connection of connections) {
          connection.write(chunk(large.slice(from, from + 50_000)))
          await setTimeout(5)
        }
      }
      for (const connection of connections) connection.write(lastChunk)
      for (const connection of connections) {
        expect((await connection.answer()).status).toBe(200)
        connection.destroy()
      }
      await expect.poll(() => seen.get('remove')?.size).toBe(2)
      expect(Object.fromEntries(seen)).toEqual(
        Object.fromEntries(everywhere.map((where) => [where, new Set(names)])),
      )
    })
  })

  test('name() of a disk has the store when the body comes late', async () => {
    const seen: (string | undefined)[] = []
    const directory = await newDirectory()
    const storage = disk({
      directory,
      name: () => {
        seen.push(tenant.getStore())
        return `file-${seen.length}`
      },
    })
    const app = await start({ mount: { storage }, above, routes: [{ path: '/' }] })
    whenDone(() => app.close())
    for (const [, send] of deliveries) await send(app.port, { ...small, headers: { Tenant: 'acme' } })
    expect(seen).toEqual(deliveries.map(() => 'acme'))
  })
})
