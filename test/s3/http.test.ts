import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Storage } from '@formgate/core'
import { multipart, type BodyError } from '@formgate/express'
import { s3, s3File, type S3StorageError } from '@formgate/s3'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { afterEach, expect, test } from 'vitest'
import { describeWithStore } from './store.js'

const MiB = 1024 * 1024
const root = fileURLToPath(new URL('../..', import.meta.url))

await describeWithStore(
  'an Express app with s3()',
  ({ client, config, bucket, prefix, env, contents, limited }) => {
    let server: Server | undefined
    let origin = ''

    afterEach(() => void server?.close())

    /** Files called `good…` go to the bucket, all others to another storage. */
    const listen = async (other: Storage): Promise<void> => {
      const good = s3({ client, bucket, prefix })
      const storage: Storage = {
        store: (stream, info, signal) =>
          (info.name.startsWith('good') ? good : other).store(stream, info, signal),
      }
      const app = express()
      app.use(multipart({ storage, limits: { fileSize: 25 * MiB } }))
      routes(app)
      server = createServer(app).listen(0, '127.0.0.1')
      await once(server, 'listening')
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }

    const routes = (app: Express): void => {
      app.post('/drop', (req, res) => void res.json(req.files))
      app.post('/keep', (req, res) => {
        const files = Object.values(req.files).flat()
        res.json(files.map((file) => s3File(file.keep())?.key))
      })
      app.post('/throw', () => {
        throw Object.assign(new Error('as if by the handler'), { code: 'HANDLER' })
      })
      app.use((error: BodyError, _req: Request, res: Response, _next: NextFunction) => {
        const { code, status, cause } = error
        res.status(status ?? 500).json({ code, cause: (cause as S3StorageError | undefined)?.code })
      })
    }

    const form = (...files: [name: string, size: number][]): FormData => {
      const data = new FormData()
      for (const [name, size] of files) data.append('f', new Blob([Buffer.alloc(size)]), name)
      return data
    }

    const post = async (path: string, body: FormData): Promise<[status: number, body: unknown]> => {
      const answer = await fetch(origin + path, { method: 'POST', body })
      return [answer.status, await answer.json()]
    }

    const good = s3({ client, bucket, prefix })

    test('shows files like those of any storage, and removes them after the response', async () => {
      await listen(good)
      const shown = (name: string, size: number) => ({
        field: 'f',
        name,
        size,
        type: 'application/octet-stream',
      })
      const files = [shown('good.bin', 10), shown('good.mp4', 6 * MiB)]
      expect(await post('/drop', form(['good.bin', 10], ['good.mp4', 6 * MiB]))).toEqual([200, { f: files }])
      await expect.poll(contents).toEqual([])
    })

    test('keeps files that the handler keeps', async () => {
      await listen(good)
      const [, keys] = await post('/keep', form(['good.bin', 10], ['good.mp4', 6 * MiB]))
      expect(keys).toHaveLength(2)
      expect((await contents()).toSorted()).toEqual((keys as string[]).toSorted())
      for (const key of keys as string[]) await (await good.open(key))?.remove()
    })

    test('removes all files if the handler throws', async () => {
      await listen(good)
      expect(await post('/throw', form(['good.bin', 10], ['good.mp4', 6 * MiB]))).toEqual([
        500,
        { code: 'HANDLER' },
      ])
      await expect.poll(contents).toEqual([])
    })

    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' }
    test.each([
      ['the bucket does not exist', 'NoSuchBucket', () => s3({ client, bucket: 'no-such-bucket' })],
      ['the key is wrong', 'InvalidAccessKeyId', () => s3({ config: { ...config, credentials }, bucket })],
      [
        'the store cannot be reached',
        'ECONNREFUSED',
        () => s3({ config: { ...config, endpoint: 'http://127.0.0.1:1' }, bucket }),
      ],
    ])('answers 500 if %s, removes the other files, and goes on', async (_why, cause, bad) => {
      await listen(bad())
      for (const size of [10, 6 * MiB]) {
        const answer = await post('/drop', form(['good.bin', 10], ['good.mp4', 6 * MiB], ['bad.bin', size]))
        expect(answer).toEqual([500, { code: 'STORAGE_FAILED', cause }])
        expect(await contents()).toEqual([])
      }
      expect((await post('/drop', form(['good.bin', 10])))[0]).toBe(200)
    })

    test.skipIf(limited === undefined)(
      'answers 507 if the bucket is full, and removes the other files',
      async () => {
        const { client, bucket, prefix } = limited!
        await listen(s3({ client, bucket, prefix }))
        for (const size of [2 * MiB, 6 * MiB]) {
          const answer = await post('/drop', form(['good.mp4', 6 * MiB], ['bad.bin', size]))
          expect(answer).toEqual([507, { code: 'STORAGE_FULL', cause: 'EDQUOT' }])
        }
        expect([...(await contents()), ...(await limited!.contents())]).toEqual([])
      },
    )

    test.each([1, 7, 22])('leaves nothing of a client that disconnects after %i MiB', async (size) => {
      await listen(good)
      const headers = { 'Content-Type': 'multipart/form-data; boundary=b' }
      const upload = request(`${origin}/drop`, { method: 'POST', headers }).on('error', () => undefined)
      upload.write('--b\r\nContent-Disposition: form-data; name="f"; filename="good.bin"\r\n\r\n')
      upload.write(Buffer.alloc(size * MiB))
      if (size > 5) await expect.poll(contents).toHaveLength(1)
      upload.destroy()
      await expect.poll(contents).toEqual([])
    })

    test('stops at limits.fileSize, and leaves nothing behind', async () => {
      await listen(good)
      const [status, problem] = await post('/drop', form(['good.bin', 10], ['good.mp4', 26 * MiB]))
      expect([status, (problem as BodyError).code]).toEqual([413, expect.stringMatching(/^LIMIT_/)])
      await expect.poll(contents).toEqual([])
    })

    test('uploads 100 MB in the memory of a few parts', async ({ onTestFinished }) => {
      await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages'], {
        cwd: root,
      })
      const program = fileURLToPath(new URL('server.js', import.meta.url))
      const child: ChildProcess = spawn(process.execPath, [program], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      onTestFinished(() => void child.kill())
      const [port] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
      origin = `http://127.0.0.1:${port.trim()}`
      const rss = async (): Promise<number> => (await (await fetch(`${origin}/rss`)).json()) as number
      await post('/upload', form(['warm.bin', 8 * MiB]))

      const before = await rss()
      let peak = before
      const uploaded = new AbortController()
      // One request at a time, and none in flight when the server stops.
      const look = async (): Promise<void> => {
        while (!uploaded.signal.aborted) {
          peak = Math.max(peak, await rss())
          await delay(20)
        }
      }
      const looking = look()
      const upload = request(`${origin}/upload`, {
        method: 'POST',
        headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
      })
      const answered = once(upload, 'response') as Promise<[IncomingMessage]>
      function* body(): Generator<Buffer> {
        yield Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n')
        for (let sent = 0; sent < 100; sent++) yield Buffer.alloc(MiB)
        yield Buffer.from('\r\n--b--\r\n')
      }
      try {
        await pipeline(Readable.from(body(), { objectMode: false }), upload)
        expect(await json((await answered)[0])).toBe(100 * MiB)
      } finally {
        uploaded.abort()
        await looking
      }
      console.log(`100 MiB in parts of 5 MiB, 4 at once: ${Math.round((peak - before) / MiB)} MiB more`)
      // Five parts take 25; the rest is garbage.
      expect((peak - before) / MiB).toBeLessThan(96)
      await expect.poll(contents).toEqual([])
    })
  },
)
