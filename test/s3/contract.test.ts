import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3'
import { s3 } from '@formgate/s3'
import type { S3Options } from '@formgate/s3'
import { storageContract } from '../storage-contract.js'
import type { Fault, StorageUnderTest } from '../storage-contract.js'
import { describeWithStore } from './store.js'

const MiB = 1024 * 1024

await describeWithStore('a bucket', ({ client, bucket, prefix, contents }) => {
  /** The bucket is empty before and after each test. */
  const inBucket = (options: Partial<S3Options>) => async (): Promise<StorageUnderTest> => ({
    storage: s3({ client, bucket, prefix, ...options }),
    leftovers: contents,
    close: async () => undefined,
  })
  const faults: Record<string, Fault> = {
    async 'because its bucket has vanished'() {
      await client.send(new DeleteBucketCommand({ Bucket: bucket }))
      return async () => void (await client.send(new CreateBucketCommand({ Bucket: bucket })))
    },
  }

  storageContract('s3()', {
    make: inBucket({}),
    edges: [5 * MiB],
    // A bucket of the user is not deleted.
    faults: process.env['FORMGATE_S3_BUCKET'] === undefined ? faults : {},
  })
})
