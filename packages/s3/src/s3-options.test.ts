import { S3Client } from '@aws-sdk/client-s3'
import type { FileInfo } from '@formgate/core'
import { expect, test } from 'vitest'
import { s3 } from './index.js'
import { resolveOptions } from './s3-options.js'

const GiB = 1024 ** 3
const info: FileInfo = {
  field: 'f',
  name: 'a.bin',
  originalName: 'a.bin',
  type: '',
  headers: {},
  request: { headers: {} },
}

test.each<[string, () => unknown]>([
  ['bucket must be the name of a bucket, not ""', () => s3({ bucket: '' })],
  // @ts-expect-error -- possible without types
  ['bucket must be the name of a bucket, not undefined', () => s3({})],
  ['either client or config, not both', () => s3({ bucket: 'b', client: new S3Client({}), config: {} })],
  // @ts-expect-error -- as above
  ['key must be a function', () => s3({ bucket: 'b', key: 'a.png' })],
  // @ts-expect-error -- as above
  ['metadata must be a function', () => s3({ bucket: 'b', metadata: {} })],
  // @ts-expect-error -- as above
  ['prefix must be a string', () => s3({ bucket: 'b', prefix: 1 })],
  ['partSize must be from 5 MiB to 5 GiB, in bytes, not 1024', () => s3({ bucket: 'b', partSize: 1024 })],
  ['partSize must be from 5 MiB to 5 GiB, in bytes, not NaN', () => s3({ bucket: 'b', partSize: NaN })],
  ['queueSize must be an integer of 1 or more, not 0', () => s3({ bucket: 'b', queueSize: 0 })],
])('an invalid option of s3() throws at the call: %s', (message, define) => {
  expect(define).toThrow(message)
})

test('parts grow if a file of the expected size would have more than 10,000 of them', () => {
  const { partSizeOf } = resolveOptions({ bucket: 'b' })
  expect(partSizeOf(info)).toBe(5 * 1024 ** 2)
  expect(partSizeOf({ ...info, expectedSize: 100 * GiB })).toBe(Math.ceil((100 * GiB) / 10_000))
})

test('the checksum is CRC32, unless the client computes none or the option names another', async () => {
  const config = { requestChecksumCalculation: 'WHEN_REQUIRED' } as const
  expect(await resolveOptions({ bucket: 'b' }).checksumOf()).toBe('CRC32')
  expect(await resolveOptions({ bucket: 'b', config }).checksumOf()).toBeUndefined()
  expect(await resolveOptions({ bucket: 'b', config, checksum: 'SHA256' }).checksumOf()).toBe('SHA256')
})

test.each(['photos/../secret', 'photos/./x', 'photos/..', '..', 'photos/..\\x', 'other/x'])(
  'open(%j) sends no request: the key is not inside the prefix',
  async (key) => {
    const sent: unknown[] = []
    const client = new S3Client({ region: 'us-east-1' })
    client.send = ((command: unknown) => {
      sent.push(command)
      return Promise.reject(new Error('sent'))
    }) as never
    const storage = s3({ bucket: 'b', prefix: 'photos/', client })
    expect(await storage.open(key)).toBeUndefined()
    expect(sent).toEqual([])
    await expect(storage.open('photos/..x')).rejects.toThrow('HeadObject failed')
    expect(sent).toHaveLength(1)
  },
)
