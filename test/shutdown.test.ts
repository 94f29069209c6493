/**
 * The programs of docs/reliability.md that stop on SIGTERM, each in a process of its own, as the page has them but for the
 * port, the times and the folder. Plain Node runs the built packages.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { Connection, file, form, head, multipartX, type Sent } from './adapters/client.js'
import { readPages } from './docs/pages.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const page = readPages().find(({ path }) => path === 'docs/reliability.md')!
const programs = page.blocks
  .filter(({ code }) => code.includes('SIGTERM'))
  .map(({ code }) => [/@formgate\/(\w+)/.exec(code)![1]!, code] as const)

const body = form('X', [file('f', 'a.txt'), 'x'.repeat(300_000)])
const upload: Sent = { path: '/files', type: multipartX, body }
const most = body.slice(0, 200_000)
const rest = body.slice(200_000)

/** Far less than the keep-alive timeout of the programs, and more than a busy machine needs (ms). */
const soon = 30_000
const keepAliveTimeout = 72_000

const patience = { timeout: 60_000 }

interface Times {
  /** Milliseconds. */
  readonly idle?: number
  readonly total?: number
  /** From SIGTERM to `closeAllConnections()`. */
  readonly deadline?: number
}

/** Calls back when the test is over, the latest first. */
type Finish = (end: () => void | Promise<void>) => void

/** A program in its process. */
class Program {
  readonly port: number
  readonly directory: string
  readonly #process: ChildProcess
  readonly #finish: Finish
  #output = ''

  private constructor(child: ChildProcess, port: number, directory: string, finish: Finish) {
    this.#process = child
    this.#finish = finish
    this.port = port
    this.directory = directory
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk) => void (this.#output += String(chunk)))
  }

  static async start(
    code: string,
    finish: Finish,
    { idle = 60_000, total = 60_000, deadline = 60_000 }: Times = {},
  ): Promise<Program> {
    const directory = await mkdtemp(join(tmpdir(), 'shutdown-'))
    finish(() => rm(directory, { recursive: true }))
    const changes = [
      ['idle: 10_000, total: 60_000', `idle: ${idle}, total: ${total}`],
      ['90_000', String(deadline)],
      ["'uploads'", JSON.stringify(directory)],
      ['3000', '0'],
    ] as const
    let changed = code
    for (const [from, to] of changes) {
      expect(changed.split(from)).toHaveLength(2)
      changed = changed.replace(from, to)
    }
    const server = code.includes('app.server') ? 'app.server' : 'server'
    const report = `
      ${server}.keepAliveTimeout = ${keepAliveTimeout}
      const report = () => process.send(${server}.address().port, () => process.disconnect())
      if (${server}.listening) report()
      else ${server}.once('listening', report)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', changed + report], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    finish(() => void child.kill('SIGKILL'))
    const [port] = (await once(child, 'message')) as [number]
    return new Program(child, port, directory, finish)
  }

  /** A connection that has sent the beginning of a request. */
  async open(bytes: string): Promise<Connection> {
    const connection = await Connection.open(this.port)
    this.#finish(() => connection.destroy())
    connection.write(bytes)
    return connection
  }

  /** A connection on which most of an upload has arrived and is being stored. */
  async upload(): Promise<Connection> {
    const connection = await this.open(head(upload) + most)
    await vi.waitFor(
      () => expect(readdirSync(this.directory)).toEqual([expect.stringMatching(/\.part$/)]),
      patience,
    )
    return connection
  }

  /** Sends SIGTERM, and waits until it refuses new connections. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await vi.waitFor(async () => expect(await this.#isRefused()).toBe(true), patience)
  }

  #isRefused(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => {
        socket.destroy()
        resolve(false)
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
    })
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Expects it to end by itself within a time (ms), with no uncaught error, and to leave no file. */
  async expectEnd(within = soon): Promise<void> {
    const timer = new AbortController()
    if (this.isRunning)
      await Promise.race([
        once(this.#process, 'exit'),
        delay(within, undefined, { signal: timer.signal }).catch(() => undefined),
      ])
    timer.abort()
    const { exitCode, signalCode } = this.#process
    expect([exitCode, signalCode, exitCode === 0 ? '' : this.#output]).toEqual([0, null, ''])
    expect(readdirSync(this.directory)).toEqual([])
  }
}

test('the page has a program for each framework', () => {
  expect(programs.map(([name]) => name)).toEqual(['express', 'koa', 'fastify'])
})

// Windows cannot send SIGTERM: it kills the process.
describe.skipIf(process.platform === 'win32').concurrent.each(programs)('at SIGTERM, %s', (name, code) => {
  test('lets an upload finish, refuses a new connection, and closes connections without a request', async ({
    onTestFinished,
  }) => {
    const program = await Program.start(code, onTestFinished)
    const idle = await program.open('GET /none HTTP/1.1\r\nHost: test\r\n\r\n')
    await idle.answer()
    const uploading = await program.upload()
    await program.stop()
    await idle.closed()
    // The upload is still under way.
    expect(program.isRunning).toBe(true)
    uploading.write(rest)
    const answer = await uploading.answer()
    expect([answer.status, answer.json]).toEqual([200, { f: [expect.objectContaining({ size: 300_000 })] }])
    await program.expectEnd()
  })

  test('lets a handler finish that has begun', async ({ onTestFinished }) => {
    const slow = code
      .replace('res.json(req.files)', 'setTimeout(() => res.json(req.files), 1000)')
      .replace('(ctx) => {', 'async (ctx) => {\n  await new Promise((resolve) => setTimeout(resolve, 1000))')
      .replace(
        '=> request.files',
        '=> new Promise((resolve) => setTimeout(() => resolve(request.files), 1000))',
      )
    expect(slow).not.toBe(code)
    const program = await Program.start(slow, onTestFinished)
    const uploading = await program.open(head(upload) + body)
    await vi.waitFor(
      () => expect(readdirSync(program.directory)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.txt$/)]),
      patience,
    )
    await program.stop()
    expect((await uploading.answer()).status).toBe(200)
    await program.expectEnd()
  })

  test('answers an upload that has stopped when `idle` is over', async ({ onTestFinished }) => {
    const program = await Program.start(code, onTestFinished, { idle: 500 })
    const uploading = await program.upload()
    await program.stop()
    const answer = await uploading.answer()
    expect([answer.status, answer.json.code]).toEqual([408, 'IDLE_TIMEOUT'])
    uploading.destroy()
    await program.expectEnd()
  })

  test('answers an upload that comes a byte now and then when `total` is over', async ({
    onTestFinished,
  }) => {
    const program = await Program.start(code, onTestFinished, { total: 1500 })
    const uploading = await program.upload()
    const timer = setInterval(() => uploading.write('x'), 50)
    try {
      await program.stop()
      const answer = await uploading.answer()
      expect([answer.status, answer.json.code]).toEqual([408, 'TOTAL_TIMEOUT'])
    } finally {
      clearInterval(timer)
    }
    uploading.destroy()
    await program.expectEnd()
  })

  test('cuts a client that does not stop sending what was refused, 5 seconds after the answer', async ({
    onTestFinished,
  }) => {
    const program = await Program.start(code, onTestFinished, { idle: 500 })
    const uploading = await program.upload()
    await program.stop()
    expect((await uploading.answer()).status).toBe(408)
    const timer = setInterval(() => uploading.write('x'), 50)
    await program.expectEnd(5000 + soon).finally(() => clearInterval(timer))
  })

  test('cuts uploads at the deadline and removes their files', async ({ onTestFinished }) => {
    const program = await Program.start(code, onTestFinished, { deadline: 500 })
    const uploading = await program.upload()
    await program.stop()
    await uploading.closed()
    await expect(uploading.answer()).rejects.toThrow('Received: ""')
    await program.expectEnd()
  })

  test('ends although the client of an upload leaves', async ({ onTestFinished }) => {
    const program = await Program.start(code, onTestFinished)
    const uploading = await program.upload()
    await program.stop()
    expect(program.isRunning).toBe(true)
    uploading.destroy()
    await program.expectEnd()
  })

  test.runIf(name === 'fastify')(
    'with forceCloseConnections, cuts uploads at once and removes their files',
    async ({ onTestFinished }) => {
      const forced = code.replace('fastify()', 'fastify({ forceCloseConnections: true })')
      expect(forced).not.toBe(code)
      const program = await Program.start(forced, onTestFinished)
      const uploading = await program.upload()
      await program.stop()
      await uploading.closed()
      await program.expectEnd()
    },
  )
})
