/** Requests to the store, and their errors, with a code and a hint for the operator. */
import type {
  $Command,
  S3Client,
  S3ClientResolvedConfig,
  S3ServiceException,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { codeOf } from '@formgate/core/storage'

/** Codes of Ceph and MinIO for a full store. S3 has none. */
const noRoom = new Set(['QuotaExceeded', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'])

/** Codes of requests that were never sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'CredentialsProviderError'])

/** What the operator should change, by the code of the store. */
const hints: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Create the bucket, or correct the option "bucket".',
  AccessDenied:
    'Grant the credentials s3:PutObject, s3:GetObject, s3:DeleteObject and s3:AbortMultipartUpload.',
  InvalidAccessKeyId: 'Check the credentials of the client.',
  SignatureDoesNotMatch: 'Check the credentials of the client.',
  CredentialsProviderError: 'Configure credentials for the client.',
  PermanentRedirect: 'Set the region of the bucket.',
  AuthorizationHeaderMalformed: 'Set the region of the bucket.',
  ECONNREFUSED: 'Check the endpoint of the client.',
  ENOTFOUND: 'Check the endpoint of the client; most stores other than AWS need forcePathStyle: true.',
  PreconditionFailed: 'Another upload has written the same key: return unique keys.',
}

/**
 * A failed request to the store. It is the `cause` of a 500 `STORAGE_FAILED`, or with the `code` `EDQUOT` of a 507
 * `STORAGE_FULL`.
 */
export class S3StorageError extends Error {
  override readonly name = 'S3StorageError'
  /** The code of the store (`NoSuchBucket`) or of the system (`ECONNREFUSED`); `EDQUOT` if the store is full. */
  readonly code: string
  /** The HTTP status of the answer, if there was one. */
  readonly status: number | undefined

  constructor(operation: string, bucket: string, cause: unknown) {
    const name = codeOf(cause) || (cause instanceof Error ? cause.name : 'UnknownError')
    const status = (cause as Partial<S3ServiceException> | null | undefined)?.$metadata?.httpStatusCode
    const hint = hints[name] === undefined ? '' : ` ${hints[name]}`
    const answer = status === undefined ? name : `${name} (${status})`
    super(`${operation} failed in the bucket "${bucket}": ${answer}.${hint}`, { cause })
    this.code = noRoom.has(name) || status === 507 ? 'EDQUOT' : name
    this.status = status
  }

  /** True if the store may have executed the request. */
  get isUncertain(): boolean {
    if (this.status !== undefined) return this.status >= 500 || this.code === 'NoSuchUpload'
    return !neverSent.has(this.code)
  }
}

/**
 * Sends a command to the store.
 *
 * @param operation its name in S3
 * @throws S3StorageError if it fails
 */
export async function send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  { client, bucket }: { readonly client: S3Client; readonly bucket: string },
  operation: string,
  command: $Command<Input, Output, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
  abortSignal?: AbortSignal,
): Promise<Output> {
  try {
    return await client.send(command, abortSignal && { abortSignal })
  } catch (error) {
    throw new S3StorageError(operation, bucket, error)
  }
}

/** True if another object has the key. A 409 means that another upload to it is under way. */
export function isTaken(error: unknown): boolean {
  return error instanceof S3StorageError && (error.status === 412 || error.status === 409)
}

/** Turns errors with these statuses into `undefined`. */
export function unless(...statuses: readonly number[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof S3StorageError && statuses.includes(error.status ?? 0)) return undefined
    throw error
  }
}
