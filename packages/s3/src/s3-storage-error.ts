/** What a store that refuses becomes: an error with a code, and a hint for whoever reads the log. */

/** Names under which stores say that there is no room: Ceph and MinIO, which S3 itself knows nothing of. */
const noRoom = new Set(['QuotaExceeded', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'])

/** Failures before the first byte of a request. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'CredentialsProviderError'])

/** Code of the store → what the operator should change. */
const hints: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Create the bucket, or correct the option "bucket".',
  AccessDenied:
    'Grant the credentials s3:PutObject, s3:GetObject, s3:DeleteObject and s3:AbortMultipartUpload.',
  InvalidAccessKeyId: 'Check the credentials of the client.',
  SignatureDoesNotMatch: 'Check the credentials of the client.',
  CredentialsProviderError: 'Give the client credentials.',
  PermanentRedirect: 'Set the region that the bucket is in.',
  AuthorizationHeaderMalformed: 'Set the region that the bucket is in.',
  ECONNREFUSED: 'Check the endpoint of the client.',
  ENOTFOUND: 'Check the endpoint of the client; most stores other than AWS need forcePathStyle: true.',
  PreconditionFailed: 'Somebody else has written the same key meanwhile: give keys that nobody else gives.',
}

/**
 * A request to the store that has failed. Core makes a 500 `STORAGE_FAILED` of it, or a 507 `STORAGE_FULL` where `code`
 * is `EDQUOT`; it is the `cause` of either.
 */
export class S3StorageError extends Error {
  override readonly name = 'S3StorageError'
  /** The store's own code, such as `NoSuchBucket`; a system error's, such as `ECONNREFUSED`; `EDQUOT` where there is no room. */
  readonly code: string
  /** The HTTP status that the store answered with, if it has answered. */
  readonly status: number | undefined

  constructor(operation: string, bucket: string, cause: unknown) {
    const name = nameOf(cause)
    const status = statusOf(cause)
    const hint = hints[name]
    const answer = status === undefined ? name : `${name} (${status})`
    super(
      `${operation} failed in the bucket "${bucket}": ${answer}.${hint === undefined ? '' : ` ${hint}`}`,
      {
        cause,
      },
    )
    this.code = noRoom.has(name) || status === 507 ? 'EDQUOT' : name
    this.status = status
  }

  /** Whether the store may have done what it was asked to, although no answer says so. */
  get isUncertain(): boolean {
    if (this.status !== undefined) return this.status >= 500 || this.code === 'NoSuchUpload'
    return !neverSent.has(this.code)
  }
}

/**
 * Waits for the answer of a store.
 *
 * @param operation how S3 calls it
 * @throws S3StorageError for whatever goes wrong
 */
export async function answerOf<T>(operation: string, bucket: string, request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw new S3StorageError(operation, bucket, error)
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError'
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code
  return error.name
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  return (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode
}
