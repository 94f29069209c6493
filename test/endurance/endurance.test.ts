import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MiB = 1024 * 1024
const start = '--b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n'
const end = '\r\n--b--\r\n'

interface Held {
  rss: number
  descriptors: number
  resources: number
  files: number
  fullCollections: number
}

interface RunningServer {
  /** What it printed. */
  readonly lines: string[]
  readonly call: <T>(path: string, body?: Readable) => Promise<T>
}

/** Starts a server for the tests around the call. */
function startServer(framework: string, storage: string, flags: readonly string[] = []): RunningServer {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  const lines: string[] = []
  let server: ChildProcess
  let directory: string
  let port: number

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'formgate-endurance-'))
    const program = fileURLToPath(new URL('server.js', import.meta.url))
    server = spawn(process.execPath, [...flags, program, framework, directory, storage], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    port = await new Promise((resolve) => {
      createInterface(server.stdout!).on('line', (line) => {
        const listening = /^listening (\d+)$/.exec(line)
        if (listening === null) lines.push(line)
        else resolve(Number(listening[1]))
      })
    })
  })

  afterAll(async () => {
    server.kill()
    agent.destroy()
    await rm(directory, { recursive: true })
  })

  const call = async <T>(path: string, body?: Readable): Promise<T> => {
    const method = body === undefined ? 'GET' : 'POST'
    const headers = { 'Content-Type': 'multipart/form-data; boundary=b' }
    const sending = request({ port, host: '127.0.0.1', path, method, agent, headers })
    const answer = once(sending, 'response') as Promise<[IncomingMessage]>
    if (body === undefined) sending.end()
    else await pipeline(body, sending)
    const [response] = await answer
    return (await json(response)) as T
  }

  return { lines, call }
}

describe.each(['express', 'koa', 'fastify'])('%s', (framework) => {
  const { lines, call } = startServer(framework, 'disk')

  const upload = (chunk: Buffer, times: number): Promise<number[]> => {
    function* bytes(): Generator<Buffer> {
      yield Buffer.from(start)
      for (let sent = 0; sent < times; sent += 1) yield chunk
      yield Buffer.from(end)
    }
    return call('/upload', Readable.from(bytes(), { objectMode: false }))
  }

  it('takes a file of 1 GiB with less than 64 MiB of memory and few full collections', async () => {
    const chunk = Buffer.alloc(MiB, 'formgate')
    await upload(chunk, 8)
    const before = await call<Held>('/held')
    let peak = 0
    const uploaded = new AbortController()
    // In sequence, so that no request is pending when the server is stopped.
    const look = async (): Promise<void> => {
      while (!uploaded.signal.aborted) {
        peak = Math.max(peak, (await call<Held>('/held')).rss)
        await delay(50)
      }
    }
    const looking = look()
    const sizes = await upload(chunk, 1024).finally(() => uploaded.abort())
    await looking
    expect(sizes).toEqual([1024 * MiB])
    expect((peak - before.rss) / MiB).toBeLessThan(64)
    // By default V8 runs up to thirty, which takes a quarter of the processor time, or more with a larger heap.
    const after = await call<Held>('/held')
    expect(after.fullCollections - before.fullCollections).toBeLessThan(16)
  }, 300_000)

  it('leaves no descriptor, no file and no warning behind after 2,000 uploads in a row', async () => {
    const chunk = Buffer.alloc(20_000, 'formgate')
    for (let sent = 0; sent < 100; sent += 1) await upload(chunk, 1)
    const before = await call<Held>('/held')
    for (let sent = 0; sent < 2000; sent += 1) expect(await upload(chunk, 1)).toEqual([20_000])
    await expect.poll(() => call<Held>('/held').then(({ files }) => files)).toBe(0)
    const after = await call<Held>('/held')
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    expect(after.resources).toBeLessThanOrEqual(before.resources)
    expect((after.rss - before.rss) / MiB).toBeLessThan(64)
    expect(lines).toEqual([])
  }, 300_000)
})

describe.each(['express', 'koa', 'fastify'])('%s with small collections only', (framework) => {
  const { call } = startServer(framework, 'spool', ['--expose-gc', '--min-semi-space-size=64'])

  it('keeps nothing of a form that was answered', async () => {
    const field = `--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n${'x'.repeat(2000)}\r\n`
    const form = `${field.repeat(500)}--b--\r\n`
    const send = (): Promise<number[]> =>
      call('/upload', Readable.from(Buffer.from(form), { objectMode: false }))
    for (let sent = 0; sent < 20; sent += 1) await send()
    const before = await call<number>('/heap')
    let after = before
    for (let sent = 0; sent < 20; sent += 1) {
      expect(await send()).toEqual([])
      // Node refers to the last request of a connection until the next one.
      await call('/heap')
      after = await call<number>('/heap')
    }
    expect((after - before) / 20).toBeLessThan(form.length / 4)
  })
})
