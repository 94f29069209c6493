/** Direct uploads with a store in this process; `test/s3/direct.test.ts` has a real one, and a browser. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createBodyParser, memory, type BodyError } from '@formgate/core'
import { s3 } from '@formgate/s3'
import { directUploads } from '@formgate/s3/direct'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeStore, type FakeStore } from './fake-store.js'
import { directUploadSuite, User } from './suite.js'

describe('direct uploads', () => {
  let store: FakeStore

  beforeAll(async () => {
    store = await startFakeStore()
  })
  afterAll(() => store.close())

  test.each([
    [{ name: '' }, 'name must be'],
    [{ secret: 'short' }, 'secret must be'],
    [{ owner: undefined }, 'owner must be'],
    [{ pending: '' }, 'pending must be'],
    [{ prefix: 'incoming/users/' }, 'prefix must not'],
    [{ expires: 86_401 }, 'expires must be'],
    [{ bucket: '' }, 'bucket must be'],
  ])('the options %o throw when the route is defined', (changed, message) => {
    const options = { name: 'a', bucket: 'b', secret: 'x'.repeat(32), owner: () => 'ann' }
    expect(() => directUploads(User, { ...options, ...(changed as object) })).toThrow(message)
  })

  test('a file that another storage is to take is a 500, and not read', async () => {
    const client = new S3Client(store.config)
    const options = { name: 'a', bucket: 'bucket', client, secret: 'x'.repeat(32), owner: () => 'ann' }
    const uploads = directUploads(User, options)
    const file = { field: 'photo', name: 'a.png', type: 'image/png', size: 3 }
    const { ticket } = await uploads.sign(file, {} as never)
    const read = createBodyParser({ ...uploads.options, storage: memory() })
    const server = createServer((req, res) => {
      read(req, res).then(
        () => res.end('read'),
        (error: unknown) => res.end(`${(error as BodyError).code}: ${String((error as BodyError).cause)}`),
      )
    }).listen(0)
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      body: new URLSearchParams({ photo: ticket }),
    })
    expect(await answer.text()).toBe(
      'STORAGE_FAILED: Error: A file that was uploaded to the bucket cannot go to another storage.',
    )
    server.close()
  })

  test('a copy of an object that was replaced since fails, on a store that checks it', async () => {
    const storage = s3({ bucket: 'bucket', client: new S3Client(store.config) })
    const put = (Body: string) =>
      new S3Client(store.config).send(new PutObjectCommand({ Bucket: 'bucket', Key: 'source', Body }))
    await put('one')
    const file = await storage.open('source')
    await put('two')
    await expect(file!.copyTo('copy')).rejects.toMatchObject({ status: 412 })
    expect(await storage.open('copy')).toBeUndefined()
  })

  directUploadSuite(() => ({ ...store, bucket: 'bucket', prefix: 'test/' }))
})
