import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'

/** Prepares an upload of a stream. @returns what starts it, and then what removes it */
export function prepare(bucket, stream) {
  const client = new S3Client({ forcePathStyle: true })
  const params = { Bucket: bucket, Key: 'video.mp4', Body: stream }
  return async () => {
    await new Upload({ client, params }).done()
    return () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'video.mp4' }))
  }
}
