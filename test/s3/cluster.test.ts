import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { buffer, json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  AbortMultipartUploadCommand,
  DeleteBucketLifecycleCommand,
  PutBucketLifecycleConfigurationCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { source } from '../storage-contract.js'
import { describeWithStore } from './store.js'

const MiB = 1024 * 1024
const root = fileURLToPath(new URL('../..', import.meta.url))
const head =
  '--b\r\nContent-Disposition: form-data; name="film"; filename="film.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
const tail = '\r\n--b--\r\n'

await describeWithStore(
  'several processes behind one bucket',
  ({ client, bucket, prefix, env, contents, limited }) => {
    let cluster: ChildProcess
    let output = ''
    let origin: string
    const pids = (): number[] => [...output.matchAll(/app (\d+) listens/g)].map(([, pid]) => Number(pid))

    beforeAll(async () => {
      await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages'], {
        cwd: root,
      })
      cluster = spawn(process.execPath, ['examples/s3-cluster/src/start.js'], {
        cwd: root,
        env: { ...process.env, ...env, PORT: '0', PROCESSES: '3' },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      cluster.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
      await vi.waitFor(() => expect(pids()).toHaveLength(3), { timeout: 60_000 })
      origin = await vi.waitUntil(() => /http:.*$/m.exec(output)?.[0], { timeout: 60_000 })
    })

    afterAll(async () => {
      cluster.kill()
      for (const pid of pids()) if (isAlive(pid)) process.kill(pid)
      const { Uploads = [] } = await client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
      )
      for (const { Key, UploadId } of Uploads) {
        await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
      }
      for (const Key of await contents()) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
    })

    /** Sends a form up to an offset in its file of 8 MiB. */
    const begin = async (bytes: number): Promise<ClientRequest> => {
      const headers = { 'Content-Type': 'multipart/form-data; boundary=b' }
      const upload = request(`${origin}/files`, { method: 'POST', headers })
      upload.write(head)
      upload.write((await buffer(source(8 * MiB))).subarray(0, bytes))
      return upload
    }

    const finish = async (upload: ClientRequest, from: number): Promise<IncomingMessage> => {
      const answered = once(upload, 'response') as Promise<[IncomingMessage]>
      upload.write((await buffer(source(8 * MiB))).subarray(from))
      upload.end(tail)
      return (await answered)[0]
    }

    test('a file that one process has stored can be read by every process', async () => {
      const answer = await finish(await begin(MiB), MiB)
      expect(answer.statusCode).toBe(201)
      const [{ url, ...shown }] = (await json(answer)) as [{ url: string }]
      expect(shown).toEqual({ field: 'film', name: 'film.mp4', type: 'video/mp4', size: 8 * MiB })
      const answers = await Promise.all([1, 2, 3].map(() => fetch(origin + url)))
      const sent = await buffer(source(8 * MiB))
      for (const each of answers) {
        expect(Object.fromEntries(each.headers)).toMatchObject({
          'content-type': 'video/mp4',
          'content-disposition': 'attachment; filename=film.mp4',
          'x-content-type-options': 'nosniff',
        })
        expect(sent.equals(Buffer.from(await each.arrayBuffer()))).toBe(true)
      }
      expect(new Set(answers.map(({ headers }) => headers.get('x-served-by')))).toEqual(
        new Set(pids().map(String)),
      )
    })

    test('a killed process loses only its own uploads, and is replaced by another', async () => {
      const before = await contents()
      const uploads = [await begin(6 * MiB), await begin(6 * MiB), await begin(6 * MiB)]
      const failures = uploads.map((upload, index) =>
        once(upload, 'error').then(([error]) => [index, error] as const),
      )
      // Each process has sent its first part.
      await vi.waitFor(async () => expect(await contents()).toHaveLength(before.length + 3), {
        timeout: 60_000,
      })
      process.kill(pids()[1]!, 'SIGKILL')
      const [lost, error] = await Promise.race(failures)
      expect(error).toMatchObject({ code: 'ECONNRESET' })

      const survivors = uploads.filter((_, index) => index !== lost)
      for (const upload of survivors) {
        const answer = await finish(upload, 6 * MiB)
        expect(answer.statusCode).toBe(201)
        const [{ url }] = (await json(answer)) as [{ url: string }]
        await vi.waitFor(() => expect(pids()).toHaveLength(4), { timeout: 60_000 })
        const read = await Promise.all([1, 2, 3].map(async () => (await fetch(origin + url)).arrayBuffer()))
        for (const bytes of read) expect(bytes.byteLength).toBe(8 * MiB)
      }
      // A lifecycle rule of the bucket removes what a killed process leaves.
      const left = await contents()
      expect(left.filter((name) => name.startsWith('parts of'))).toHaveLength(1)
      expect(left).toHaveLength(before.length + 3)
    })

    test.skipIf(limited === undefined)(
      'a lifecycle rule of the bucket removes the parts of a killed process',
      async () => {
        const rule = {
          ID: 'uploads',
          Status: 'Enabled' as const,
          Filter: { Prefix: prefix },
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        }
        const LifecycleConfiguration = { Rules: [rule] }
        const objects = (await contents()).filter((name) => !name.startsWith('parts of'))
        await client.send(
          new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration }),
        )
        await vi.waitFor(async () => expect(await contents()).toEqual(objects), {
          timeout: 60_000,
          interval: 200,
        })
        await client.send(new DeleteBucketLifecycleCommand({ Bucket: bucket }))
      },
    )

    test('a client that disconnects during the upload leaves nothing behind', async () => {
      const before = await contents()
      const upload = await begin(6 * MiB)
      upload.on('error', () => undefined)
      await vi.waitFor(async () => expect(await contents()).toHaveLength(before.length + 1), {
        timeout: 60_000,
      })
      upload.destroy()
      await vi.waitFor(async () => expect(await contents()).toEqual(before), { timeout: 60_000 })
    })
  },
)

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
