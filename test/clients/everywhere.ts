/** One request, sent to an echo app on each framework, over real sockets. */
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { withoutBoundary, type Answer } from './answers.js'
import { createExpressApp } from './express-app.js'
import { createFastifyApp } from './fastify-app.js'
import { createKoaApp } from './koa-app.js'

interface RunningApp {
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * Starts the three apps for the tests of a file. At the end, none of the sent files may be left.
 *
 * @returns a function that sends a request to each app, expects the same answer from all, and returns it
 */
export function useApps(): (send: (url: string) => Promise<Answer>) => Promise<Answer> {
  const apps: Record<string, RunningApp> = {}
  let directory = ''

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'formgate-clients-'))
    apps['Express'] = await listen(createExpressApp(directory))
    apps['Koa'] = await listen(createKoaApp(directory).callback())
    const fastify = createFastifyApp(directory)
    const url = await fastify.listen({ host: '127.0.0.1', port: 0 })
    apps['Fastify'] = { url, close: () => fastify.close() }
  })

  afterAll(async () => {
    await Promise.all(Object.values(apps).map(({ close }) => close()))
    expect(await readdir(directory)).toEqual([])
    await rm(directory, { recursive: true })
  })

  return async (send) => {
    const sent = Object.values(apps).map(async ({ url }) => withoutBoundary(await send(url)))
    const [express, koa, fastify] = await Promise.all(sent)
    expect(koa, 'the answer of Koa, beside that of Express').toEqual(express)
    expect(fastify, 'the answer of Fastify, beside that of Express').toEqual(express)
    return express!
  }
}

async function listen(handle: (...args: Parameters<RequestListener>) => unknown): Promise<RunningApp> {
  const server = createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => stop(server) }
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
