import { describe, expect, test } from 'vitest'
import { S3StorageError } from './index.js'

/** An error as from the client. */
function answer(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error('UnknownError'), { name, $metadata: { httpStatusCode } })
}

describe('an S3StorageError', () => {
  test('names the operation, the bucket, the cause, and what to change', () => {
    const cause = answer('NoSuchBucket', 404)
    expect(new S3StorageError('PutObject', 'films', cause)).toMatchObject({
      message:
        'PutObject failed in the bucket "films": NoSuchBucket (404). Create the bucket, or correct the option "bucket".',
      code: 'NoSuchBucket',
      status: 404,
      cause,
    })
  })

  test('has the code of the system if the store has not answered', () => {
    const cause = Object.assign(answer('Error'), { code: 'ECONNREFUSED' })
    const error = new S3StorageError('PutObject', 'films', cause)
    expect(error).toMatchObject({ code: 'ECONNREFUSED', status: undefined, isUncertain: false })
  })

  test.each([
    ['QuotaExceeded', 403],
    ['XMinioStorageFull', 507],
    ['XMinioAdminBucketQuotaExceeded', 409],
    ['InsufficientStorage', 507],
  ])('has the code of a full disk for %s (%i)', (name, status) => {
    expect(new S3StorageError('UploadPart', 'films', answer(name, status)).code).toBe('EDQUOT')
  })

  test.each([
    ['InternalError', 500, true],
    ['TimeoutError', undefined, true],
    ['NoSuchUpload', 404, true],
    ['AccessDenied', 403, false],
    ['CredentialsProviderError', undefined, false],
  ])('for %s (%s) says whether the store may have executed the request: %s', (name, status, isUncertain) => {
    expect(new S3StorageError('PutObject', 'films', answer(name, status)).isUncertain).toBe(isUncertain)
  })

  test('accepts a cause that is not an Error', () => {
    expect(new S3StorageError('PutObject', 'films', 'no').code).toBe('UnknownError')
  })
})
