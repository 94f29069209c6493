/** Direct uploads with a store in this process; `test/s3/direct.test.ts` has a real one, and a browser. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { s3 } from '@formgate/s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeStore, type FakeStore } from './fake-store.js'
import { directUploadSuite } from './suite.js'

describe('direct uploads', () => {
  let store: FakeStore

  beforeAll(async () => {
    store = await startFakeStore()
  })
  afterAll(() => store.close())

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
