/** The options of `s3()`, and what is made of them once. */
import { S3Client } from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm, PutObjectCommandInput, S3ClientConfig } from '@aws-sdk/client-s3'
import type { FileInfo } from '@formgate/core'

const MiB = 1024 * 1024

/** The smallest part that S3 takes, but for the last of an object. */
const smallestPart = 5 * MiB
const largestPart = 5 * 1024 * MiB
/** The most parts of one object. */
const maxParts = 10_000

/** Milliseconds to connect to the store, and without a byte from or to it, before a request is given up. */
const timeouts = { connectionTimeout: 5000, socketTimeout: 60_000 }

/** What else every object gets, in the words of PutObject. */
export type ObjectParams = Pick<
  PutObjectCommandInput,
  | 'ACL'
  | 'BucketKeyEnabled'
  | 'CacheControl'
  | 'ContentDisposition'
  | 'SSEKMSKeyId'
  | 'ServerSideEncryption'
  | 'StorageClass'
  | 'Tagging'
>

export interface S3Options {
  /** Must exist. */
  readonly bucket: string
  /** A client of one's own. */
  readonly client?: S3Client
  /**
   * In place of `client`: what a client is made of. Default: what the AWS SDK finds in the environment. Unless it has a
   * `requestHandler`, a connection may take 5 seconds, and 60 seconds may pass without a byte.
   */
  readonly config?: S3ClientConfig
  /** Stands before every key, as it is: `uploads/`. Default none. */
  readonly prefix?: string
  /**
   * The key of an object, which the prefix is put before. Default: 128 random bits in hexadecimal, and the extension of
   * the client's name where it is plain (`.png`).
   *
   * Each segment must be a safe file name. A key that is taken is not overwritten, but gets eight random characters
   * before its extension, as in `disk()`: `report_1f9c03be.pdf`.
   */
  readonly key?: (info: FileInfo) => string | Promise<string>
  /**
   * Whether a key of one's own may take the place of an object. Default false, for which the store must know
   * `If-None-Match` on writes, as S3 does.
   */
  readonly overwrite?: boolean
  /** User metadata beside `original-name`: printable ASCII, and at most 2 KB with it. */
  readonly metadata?: (info: FileInfo) => Readonly<Record<string, string>>
  /** What else every object gets, in the words of PutObject. */
  readonly params?: ObjectParams
  /** Bytes of a part: 5 MiB (the default) to 5 GiB. A file up to and with this size is sent by one PutObject. */
  readonly partSize?: number
  /** Parts of one file that are on their way at once. Default 4. A file takes at most `partSize * (queueSize + 1)` bytes of memory. */
  readonly queueSize?: number
  /**
   * The checksum that the store checks each part by. Default: CRC32, unless the client's `requestChecksumCalculation` is
   * `WHEN_REQUIRED`.
   */
  readonly checksum?: ChecksumAlgorithm
}

/** Options with their defaults. */
export interface S3Settings extends S3Options {
  readonly client: S3Client
  readonly prefix: string
  readonly overwrite: boolean
  readonly params: ObjectParams
  readonly queueSize: number
  /** Bytes of a part; larger than the option where a file of the expected size would have too many. */
  readonly partSizeOf: (info: FileInfo) => number
  /** The checksum of all parts of an object, if there is one. */
  readonly checksumOf: () => Promise<ChecksumAlgorithm | undefined>
}

/** @throws TypeError for what no store takes */
export function resolveOptions(options: S3Options): S3Settings {
  const { partSize = smallestPart, queueSize = 4, prefix = '', key, metadata, checksum } = options
  if (typeof options.bucket !== 'string' || options.bucket === '') {
    throw new TypeError(`bucket must be the name of a bucket, but is ${JSON.stringify(options.bucket)}.`)
  }
  if (options.client !== undefined && options.config !== undefined) {
    throw new TypeError('Give s3() a client or the config of one, not both.')
  }
  if (typeof prefix !== 'string') throw new TypeError('prefix must be a string.')
  if (key !== undefined && typeof key !== 'function') throw new TypeError('key must be a function.')
  if (metadata !== undefined && typeof metadata !== 'function') {
    throw new TypeError('metadata must be a function.')
  }
  if (!Number.isInteger(partSize) || partSize < smallestPart || partSize > largestPart) {
    throw new TypeError(`partSize must be bytes from 5 MiB to 5 GiB, but is ${String(partSize)}.`)
  }
  if (!Number.isInteger(queueSize) || queueSize < 1) {
    throw new TypeError(`queueSize must be a number of parts from 1 up, but is ${String(queueSize)}.`)
  }
  const client = options.client ?? new S3Client({ requestHandler: timeouts, ...options.config })
  return {
    ...options,
    client,
    prefix,
    queueSize,
    overwrite: options.overwrite ?? false,
    params: options.params ?? {},
    partSizeOf: ({ expectedSize = 0 }) => Math.max(partSize, Math.ceil(expectedSize / maxParts)),
    checksumOf: async () => {
      if (checksum !== undefined) return checksum
      const when = await client.config.requestChecksumCalculation()
      return when === 'WHEN_SUPPORTED' ? 'CRC32' : undefined
    },
  }
}
