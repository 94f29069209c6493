import { describe, expect, test } from 'vitest'
import { S3StorageError } from './index.js'

/** An error as the client throws it. */
function answer(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error('UnknownError'), { name, $metadata: { httpStatusCode } })
}

describe('an S3StorageError', () => {
  test('says what failed, where, why, and what to change', () => {
    const cause = answer('NoSuchBucket', 404)
    expect(new S3StorageError('PutObject', 'films', cause)).toMatchObject({
      message:
        'PutObject failed in the bucket "films": NoSuchBucket (404). Create the bucket, or correct the option "bucket".',
      code: 'NoSuchBucket',
      status: 404,
      cause,
    })
  })

  test('has the code of the system where the store has not answered', () => {
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
  ])('for %s (%s) says whether the store may have done it all the same: %s', (name, status, isUncertain) => {
    expect(new S3StorageError('PutObject', 'films', answer(name, status)).isUncertain).toBe(isUncertain)
  })

  test('takes what is no Error too', () => {
    expect(new S3StorageError('PutObject', 'films', 'no').code).toBe('UnknownError')
  })
})
