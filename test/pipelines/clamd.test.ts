import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk, type Inspector } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findClamd } from '../clients/programs.js'
import { frameworks, startForEach } from '../adapters/frameworks.js'
import { abortAfter } from './abort.js'
import { load } from './page.js'
import { runServer } from './run-server.js'

const MiB = 1024 * 1024
const clamd = await findClamd()
const { clamav } = await load<{ clamav: (options: { port: number }) => Inspector }>('clamav.ts')
const signature = 'this text is the signature of a virus that does not exist'

describe.skipIf(clamd === undefined)('clamd', () => {
  let root = ''
  const daemons: ChildProcess[] = []
  /** With the settings of the page, and without. */
  let strict = 0
  let lenient = 0

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'clamd-'))
    await mkdir(join(root, 'database'))
    const hex = Buffer.from(signature).toString('hex')
    await writeFile(join(root, 'database', 'test.ndb'), `Formgate.Test:0:*:${hex}\n`)
    ;[strict, lenient] = await Promise.all([startDaemon('AlertExceedsMax yes'), startDaemon('')])
  })
  afterAll(async () => {
    await Promise.all(daemons.map(stop))
    await rm(root, { recursive: true })
  })

  async function startDaemon(more: string): Promise<number> {
    const port = await freePort()
    const config = join(root, `clamd-${port}.conf`)
    const limits = 'MaxFileSize 2M\nStreamMaxLength 2G\n'
    const place = `DatabaseDirectory ${root}/database\nTemporaryDirectory ${root}\n`
    await writeFile(
      config,
      `Foreground yes\nTCPSocket ${port}\nTCPAddr 127.0.0.1\n${place}${limits}${more}\n`,
    )
    daemons.push(spawn(clamd!, ['-c', config], { stdio: 'ignore' }))
    await vi.waitFor(() => connects(port), { timeout: 60_000 })
    return port
  }

  describe.each(frameworks)('$name', (framework) => {
    const start = startForEach(framework.start)
    const directory = (): string => join(root, framework.name)

    async function post(port: number, bytes: Buffer | string): Promise<[status: number, body: any]> {
      const mount = { inspect: clamav({ port }), storage: disk({ directory: directory() }) }
      const app = await start({
        mount,
        routes: [{ path: '/', handler: ({ files }) => files['f']![0]!.size }],
        errorHandler: true,
      })
      const form = new FormData()
      form.append('f', new Blob([bytes]), 'a.txt')
      const answer = await fetch(`http://127.0.0.1:${app.port}/`, { method: 'POST', body: form })
      await expect.poll(() => readdirSync(directory())).toEqual([])
      return [answer.status, await answer.json()]
    }

    test('a clean file is stored', async () => {
      expect(await post(strict, 'hello')).toEqual([200, 5])
      expect(await post(strict, Buffer.alloc(MiB, 'hello '))).toEqual([200, MiB])
    })

    test('a file with the signature is refused, wherever it is', async () => {
      for (const at of [0, 70_000, 1_000_000]) {
        const [status, body] = await post(
          strict,
          Buffer.concat([Buffer.alloc(at, ' '), Buffer.from(signature), Buffer.alloc(at)]),
        )
        expect([status, body.code, body.detail]).toEqual([
          422,
          'FILE_REFUSED',
          'The file contains Formgate.Test.UNOFFICIAL.',
        ])
      }
    })

    test('a file over the limits of clamd is a 413 with AlertExceedsMax, and clean without it, virus or not', async () => {
      const file = Buffer.concat([Buffer.alloc(3 * MiB, ' '), Buffer.from(signature)])
      expect(await post(strict, file)).toEqual([
        413,
        expect.objectContaining({ code: 'LIMIT_FILE_SIZE', field: 'f' }),
      ])
      expect(await post(lenient, file)).toEqual([200, file.length])
    })

    test('a daemon that is down lets nothing through', async () => {
      expect(await post(await freePort(), Buffer.alloc(300_000))).toEqual([
        500,
        expect.objectContaining({ code: 'INSPECTION_FAILED' }),
      ])
    })

    test('a daemon that ends in the middle lets nothing through', async () => {
      const dying = createServer((socket) => socket.once('data', () => socket.destroy())).listen(
        0,
        '127.0.0.1',
      )
      await once(dying, 'listening')
      const answer = await post((dying.address() as AddressInfo).port, Buffer.alloc(2_000_000))
      expect(answer).toEqual([500, expect.objectContaining({ code: 'INSPECTION_FAILED' })])
      dying.close()
    })

    test('50 clients that go away leave no file', async () => {
      const mount = { inspect: clamav({ port: strict }), storage: disk({ directory: directory() }) }
      const { port } = await start({ mount, routes: [{ path: '/' }] })
      const cuts = Array.from({ length: 50 }, (_, at) => Buffer.alloc(at * 10_000))
      await Promise.all(cuts.map((bytes) => abortAfter(port, '/', bytes)))
      await expect.poll(() => readdirSync(directory())).toEqual([])
    })
  })

  test('1 GiB that is scanned takes less than 96 MiB of memory', async () => {
    const server = await runServer({ CLAMD_PORT: String(lenient) })
    const chunk = Buffer.alloc(MiB, 'clean ')
    await server.upload('/scan', [chunk])
    const [growth, answer] = await server.measure(
      '/scan',
      Array.from({ length: 1024 }, () => chunk),
    )
    await server.stop()
    console.log(`1 GiB scanned: ${Math.round(growth)} MiB`)
    expect([answer, growth < 96]).toEqual([[[1024 * MiB, []]], true])
  })
})

async function stop(daemon: ChildProcess): Promise<void> {
  daemon.kill()
  if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

async function connects(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}
