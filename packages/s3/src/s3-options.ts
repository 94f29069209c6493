/** The options of `s3()`, with checks and defaults. */
import { S3Client } from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm, PutObjectCommandInput, S3ClientConfig } from '@aws-sdk/client-s3'
import type { FileDescription, FileInfo, FrameworkRequest } from '@formgate/core'

const MiB = 1024 * 1024

/** The smallest part that S3 accepts, except for the last of an object. */
const smallestPart = 5 * MiB
const largestPart = 5 * 1024 * MiB
/** Of one object. */
const maxParts = 10_000

/** Limits on connecting to the store, and on silence in either direction (ms). */
const timeouts = { connectionTimeout: 5000, socketTimeout: 60_000 }

/** Parameters of PutObject that apply to every object. */
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

type Metadata = Readonly<Record<string, string>>

/**
 * Options of `s3()`.
 *
 * @typeParam Request the type of `info.request`
 */
export interface S3Options<Request = FrameworkRequest> {
  /** The name of an existing bucket. */
  readonly bucket: string
  /** Your own client. */
  readonly client?: S3Client
  /**
   * The configuration of a client, instead of `client`. Default: what the AWS SDK finds in the environment. Without a
   * `requestHandler` in it, requests time out after 5 seconds to connect, or 60 seconds without a byte.
   */
  readonly config?: S3ClientConfig
  /** Prepended to every key, such as `uploads/`. Default `''`. */
  readonly prefix?: string
  /**
   * Returns the key of an object, without the prefix. Default: 128 random bits in hexadecimal, and the extension of the
   * client's name if it is plain (`.png`).
   *
   * Each segment must be a safe file name, and the key at most 1024 bytes with its prefix; otherwise, or if this throws, the
   * upload is a 500 `STORAGE_FAILED`. Existing objects are not overwritten: the key gets eight random characters before its
   * extension (`report_1f9c03be.pdf`).
   *
   * A method type, so that you can declare `info` as `FileInfo<Request>` with the request of your framework.
   */
  readonly key?: { key(info: FileInfo<Request>): string | Promise<string> }['key']
  /**
   * Set it to let `key` replace existing objects. With the default, false, the store must support `If-None-Match` on
   * writes, as S3 does.
   */
  readonly overwrite?: boolean
  /** Returns user metadata besides `original-name`: printable ASCII, at most 2 KB in total. Typed as `key` is. */
  readonly metadata?: { metadata(info: FileInfo<Request>): Metadata | Promise<Metadata> }['metadata']
  /** Parameters of PutObject that apply to every object. */
  readonly params?: ObjectParams
  /** From 5 MiB (the default) to 5 GiB, in bytes. A file up to this size is sent in one PutObject. */
  readonly partSize?: number
  /** Parts of a file in flight at once. Default 4. A file takes at most `partSize * (queueSize + 1)` bytes of memory. */
  readonly queueSize?: number
  /**
   * The checksum with which the store verifies each part. Default: CRC32, unless `requestChecksumCalculation` of the
   * client is `WHEN_REQUIRED`.
   */
  readonly checksum?: ChecksumAlgorithm
}

/** Options with their defaults. */
export interface S3Settings extends S3Options {
  readonly client: S3Client
  readonly prefix: string
  readonly queueSize: number
  /** Bytes. Larger than the option if a file of the expected size would otherwise have too many parts. */
  readonly partSizeOf: (info: FileDescription) => number
  readonly checksumOf: () => Promise<ChecksumAlgorithm | undefined>
}

/** @throws TypeError for an invalid option */
export function resolveOptions(options: S3Options): S3Settings {
  const { partSize = smallestPart, queueSize = 4, prefix = '', key, metadata, checksum } = options
  if (typeof options.bucket !== 'string' || options.bucket === '')
    throw new TypeError(`bucket must be the name of a bucket, not ${JSON.stringify(options.bucket)}.`)
  if (options.client !== undefined && options.config !== undefined)
    throw new TypeError('Pass s3() either client or config, not both.')
  if (typeof prefix !== 'string') throw new TypeError('prefix must be a string.')
  if (key !== undefined && typeof key !== 'function') throw new TypeError('key must be a function.')
  if (metadata !== undefined && typeof metadata !== 'function')
    throw new TypeError('metadata must be a function.')
  if (!Number.isInteger(partSize) || partSize < smallestPart || partSize > largestPart)
    throw new TypeError(`partSize must be from 5 MiB to 5 GiB, in bytes, not ${String(partSize)}.`)
  if (!Number.isInteger(queueSize) || queueSize < 1)
    throw new TypeError(`queueSize must be an integer of 1 or more, not ${String(queueSize)}.`)
  const client = options.client ?? new S3Client({ requestHandler: timeouts, ...options.config })
  return {
    ...options,
    client,
    prefix,
    queueSize,
    partSizeOf: ({ expectedSize = 0 }) => Math.max(partSize, Math.ceil(expectedSize / maxParts)),
    checksumOf: async () => {
      if (checksum !== undefined) return checksum
      const when = await client.config.requestChecksumCalculation()
      return when === 'WHEN_SUPPORTED' ? 'CRC32' : undefined
    },
  }
}
