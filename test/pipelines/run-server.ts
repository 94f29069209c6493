/** Starts server.js, and uploads to it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { compile } from './page.js'

const MiB = 1024 * 1024

/** A Node with SQLite, which is a part of it since 22.13. */
export const newerNode: readonly string[] = isBuiltin('node:sqlite')
  ? [process.execPath]
  : ['npx', '--yes', 'node@24']

interface Held {
  /** Bytes. */
  readonly rss: number
  /** Everything in its directory. */
  readonly files: readonly string[]
}

export interface Server {
  readonly port: number
  held(): Promise<Held>
  /** Sends a form with one file, and returns the answer. */
  upload(path: string, chunks: Iterable<Buffer> | AsyncIterable<Buffer>, name?: string): Promise<unknown>
  /** The same; also returns by how many MiB the process has grown at most. */
  measure(
    path: string,
    chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
    name?: string,
  ): Promise<[growth: number, answer: unknown]>
  stop(): Promise<void>
}

/** @param command Node itself, or what starts a newer one */
export async function runServer(
  env: object = {},
  [program, ...args]: readonly string[] = [process.execPath],
): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'pipelines-'))
  const script = fileURLToPath(new URL('server.js', import.meta.url))
  const child: ChildProcess = spawn(program!, [...args, script, await compile(), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    // npx starts Node as a child of its own.
    detached: true,
  })
  const line = await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('The server did not start.'))),
  ])
  const port = Number(line[0])

  async function call(path: string, body?: Readable): Promise<unknown> {
    const headers = { 'Content-Type': 'multipart/form-data; boundary=X' }
    const method = body ? 'POST' : 'GET'
    // No connection is kept: the server might close it at the moment of the next request.
    const sending = request({ port, host: '127.0.0.1', path, method, headers, agent: false })
    const answer = once(sending, 'response') as Promise<[IncomingMessage]>
    if (body) await pipeline(body, sending)
    else sending.end()
    return json((await answer)[0])
  }

  const held = (): Promise<Held> => call('/held') as Promise<Held>

  function upload(
    path: string,
    chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
    name = 'a.bin',
  ): Promise<unknown> {
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from(`--X\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n`)
      yield* chunks
      yield Buffer.from('\r\n--X--\r\n')
    }
    return call(path, Readable.from(body(), { objectMode: false }))
  }

  return {
    port,
    held,
    upload,
    async measure(...sent) {
      const idle = await held()
      const done = new AbortController()
      let peak = 0
      const watch = async (): Promise<void> => {
        while (!done.signal.aborted) {
          peak = Math.max(peak, (await held()).rss)
          await delay(50)
        }
      }
      const watching = watch()
      const answer = await upload(...sent).finally(() => done.abort())
      await watching
      return [(peak - idle.rss) / MiB, answer]
    },
    async stop() {
      process.kill(-child.pid!)
      await rm(directory, { recursive: true, force: true })
    },
  }
}
