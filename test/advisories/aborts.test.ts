/** Advisories on aborted uploads, against a server in its own process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chunk, Connection, file, head, multipartX } from '../adapters/client.js'

const MiB = 1024 * 1024
const program = fileURLToPath(new URL('../endurance/server.js', import.meta.url))

interface Held {
  readonly heap: number
  readonly descriptors: number
  readonly resources: number
  readonly files: number
}

describe.each(['express', 'koa', 'fastify'])('%s', (framework) => {
  let server: ChildProcess
  let directory: string
  let port: number

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aborts-'))
    server = spawn(process.execPath, ['--expose-gc', program, framework, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    port = await new Promise((resolve, reject) => {
      server.once('exit', () => reject(new Error('The server has ended.')))
      createInterface(server.stdout!).on('line', (line) => resolve(Number(/\d+$/.exec(line)?.[0])))
    })
  })
  afterAll(async () => {
    server.kill()
    await rm(directory, { recursive: true })
  })

  async function held(): Promise<Held> {
    const connection = await Connection.open(port)
    connection.write(head({ method: 'GET', path: '/held', framing: 'none' }))
    const { json } = await connection.answer()
    connection.destroy()
    return json as Held
  }

  const start = chunk(`--X\r\n${file('f', 'f.bin')}\r\n\r\n${'x'.repeat(70_000)}`)
  const leaves = ['destroy', 'reset', 'end'] as const

  /** Sends a part of a file and leaves, in one of three ways. */
  async function abort(at: number): Promise<void> {
    const connection = await Connection.open(port)
    connection.write(head({ path: '/upload', type: multipartX, framing: 'chunked' })).write(start)
    await new Promise((resolve) => setTimeout(resolve, at % 7))
    connection[leaves[at % leaves.length]!]()
    // A client that half-closes waits for the answer of the server.
    if (leaves[at % leaves.length] === 'end') await connection.closed()
  }

  async function aborts(count: number): Promise<void> {
    for (let at = 0; at < count; at += 25)
      await Promise.all(Array.from({ length: 25 }, (_, more) => abort(at + more)))
    await expect.poll(() => held().then(({ files }) => files)).toBe(0)
  }

  test('multer CVE-2025-47935, CVE-2026-2359 and CVE-2026-77037: after 1,000 aborts descriptors and heap are flat', async () => {
    await aborts(100)
    const before = await held()
    await aborts(1000)
    const after = await held()
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    expect(after.resources).toBeLessThanOrEqual(before.resources)
    // A leak would be more: each of 1,000 requests held a file of 70,000 bytes.
    expect((after.heap - before.heap) / MiB).toBeLessThan(4)
    expect(server.exitCode).toBe(null)
  })
})
