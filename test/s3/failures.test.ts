import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { BodyError } from '@formgate/core'
import { s3, type S3File, type S3Options } from '@formgate/s3'
import { afterEach, expect, test } from 'vitest'
import { info, source } from '../storage-contract.js'
import { describeWithStore } from './store.js'

const MiB = 1024 * 1024

/** Intercepts the requests of a client; `send` sends one unchanged. */
type Fault = (operation: string, send: () => Promise<unknown>, count: number) => Promise<unknown>

await describeWithStore('a file that fails', ({ client, config, bucket, prefix, contents, limited }) => {
  afterEach(() => expect.poll(contents).toEqual([]))

  /** A client with a fault and without retries. */
  const faulty = (fault: Fault): S3Client => {
    const one = new S3Client({ ...config, maxAttempts: 1 })
    const counts: Record<string, number> = {}
    one.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const operation = commandName.replace(/Command$/, '')
          const count = (counts[operation] = (counts[operation] ?? 0) + 1)
          return (await fault(operation, () => next(args), count)) as Awaited<ReturnType<typeof next>>
        },
      { step: 'finalizeRequest' },
    )
    return one
  }

  const failing = (operation: string, error: Error, from = 1) =>
    faulty((name, send, count) => (name === operation && count >= from ? Promise.reject(error) : send()))

  const store = (options: Partial<S3Options>, stream: Readable, signal?: AbortSignal): Promise<S3File> =>
    s3({ client, bucket, prefix, ...options }).store(stream, info, signal ?? new AbortController().signal)

  const error = Object.assign(new Error('simulated'), { code: 'ECONNRESET' })

  test.each(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])(
    'at its %s leaves neither parts nor an object, and names the operation',
    async (operation) => {
      const storing = store({ client: failing(operation, error) }, source(22 * MiB))
      await expect(storing).rejects.toMatchObject({
        name: 'S3StorageError',
        code: 'ECONNRESET',
        message: `${operation} failed in the bucket "${bucket}": ECONNRESET.`,
        cause: error,
      })
      expect(await contents()).toEqual([])
    },
  )

  test('at its third part does not wait for a client that has stopped sending', async () => {
    const stream = source(22 * MiB)
    stream.push = (
      (push) => (chunk: unknown) =>
        chunk !== null && push(chunk)
    )(stream.push.bind(stream))
    const storing = store({ client: failing('UploadPart', error, 3) }, stream)
    await expect(storing).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await contents()).toEqual([])
    stream.destroy()
  })

  test.each([
    ['PutObject', 10, {}],
    ['PutObject', 10, { key: () => 'a.png' }],
    ['CompleteMultipartUpload', 6 * MiB, {}],
    ['CompleteMultipartUpload', 6 * MiB, { key: () => 'a.png' }],
  ])('after a %s whose answer was lost (%i bytes, %o) leaves no object', async (operation, size, options) => {
    const losing = faulty(async (name, send) => {
      const answer = await send()
      if (name === operation) throw error
      return answer
    })
    await expect(store({ ...options, client: losing }, source(size))).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
  })

  test('because an answer was lost is stored when its request is retried', async () => {
    const losing = faulty(async (name, send) => {
      const answer = await send()
      // As the SDK does by itself.
      return name === 'PutObject' ? send() : answer
    })
    const file = await store({ client: losing, key: () => 'a.png' }, source(10))
    expect(file).toMatchObject({ key: `${prefix}a.png`, size: 10 })
    expect(await contents()).toEqual([file.key])
    await file.remove()
  })

  test.each([
    ['while its parts are in flight', 22, 'UploadPart'],
    ['before it has parts', 22, 'CreateMultipartUpload'],
    ['when it has all parts', 22, 'CompleteMultipartUpload'],
    ['in its only request', 4, 'PutObject'],
  ])('by an abort %s leaves nothing behind', async (_when, size, operation) => {
    const controller = new AbortController()
    const reason = new Error('the request has failed')
    const aborting = faulty(async (name, send) => {
      if (name !== operation) return send()
      const aborted = delay(5).then(() => controller.abort(reason))
      // Also where the store is faster than the abort.
      const answer = await send()
      await aborted
      return answer
    })
    await expect(store({ client: aborting }, source(size * MiB), controller.signal)).rejects.toBe(reason)
    expect(await contents()).toEqual([])
  })

  test('by an abort at a random moment leaves nothing behind', async () => {
    const storing = Array.from({ length: 24 }, async (_, index) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('the request has failed')), index * 25)
      const file = await store({}, source(16 * MiB), controller.signal).catch(() => undefined)
      await file?.remove()
    })
    await Promise.all(storing)
    expect(await contents()).toEqual([])
  })

  test('is aborted again if the first abort fails', async () => {
    let aborts = 0
    const reluctant = faulty((name, send, count) => {
      if (name === 'UploadPart' && count === 2) return delay(100).then(() => Promise.reject(error))
      if (name !== 'AbortMultipartUpload') return send()
      aborts = count
      return count === 1 ? Promise.resolve({ output: { $metadata: {} }, response: {} }) : send()
    })
    await expect(store({ client: reluctant }, source(22 * MiB))).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(aborts).toBe(2)
    expect(await contents()).toEqual([])
  })

  test.each([10, 6 * MiB])('because of wrong credentials says so (%i bytes)', async (size) => {
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' }
    const stranger = new S3Client({ ...config, credentials })
    await expect(store({ client: stranger }, source(size))).rejects.toMatchObject({
      code: 'InvalidAccessKeyId',
      status: 403,
      message: expect.stringContaining('Check the credentials of the client.'),
    })
  })

  test.each([10, 6 * MiB])('because the store cannot be reached says so (%i bytes)', async (size) => {
    const nowhere = new S3Client({ ...config, endpoint: 'http://127.0.0.1:1' })
    await expect(store({ client: nowhere }, source(size))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining('Check the endpoint of the client.'),
    })
  })

  test.skipIf(limited === undefined).each([2, 12])(
    'because the bucket is full has the code of a full disk (%i MiB)',
    async (size) => {
      const { client, bucket, prefix, contents } = limited!
      const storing = s3({ client, bucket, prefix }).store(
        source(size * MiB),
        info,
        new AbortController().signal,
      )
      await expect(storing).rejects.toMatchObject({
        code: 'EDQUOT',
        message: expect.stringContaining('QuotaExceeded'),
      })
      expect(await contents()).toEqual([])
    },
  )

  test('in a function of the options fails with its error', async () => {
    const refusal = new BodyError('UNHANDLED_FILE')
    const key = (): never => {
      throw refusal
    }
    await expect(store({ key }, source(10))).rejects.toBe(refusal)
    await expect(store({ metadata: key }, source(10))).rejects.toBe(refusal)
  })
})
