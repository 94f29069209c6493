/** The storage that streams every file to a bucket. */
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import type { FileInfo, FrameworkRequest, Storage } from '@formgate/core'
import { ChunkBuffer, reportLeftover } from '@formgate/core/storage'
import { NewObject } from './new-object.js'
import { openObject, type S3File } from './s3-file.js'
import { resolveOptions, type S3Options, type S3Settings } from './s3-options.js'

/** A storage whose files are objects in a bucket. */
export interface S3Storage<Request = FrameworkRequest> extends Storage<S3File, Request> {
  store(stream: Readable, info: FileInfo<Request>, signal: AbortSignal): Promise<S3File>
  /**
   * The object with a key, from any process.
   *
   * @returns `undefined` if there is none, for a key without the prefix, and for one with a segment `.` or `..`, through
   * which a store or a proxy might leave the prefix
   * @throws S3StorageError if the request fails
   */
  open(key: string): Promise<S3File | undefined>
}

/**
 * Streams every file to a bucket: a small one in one PutObject, a larger one in a multipart upload. It holds only a few
 * parts in memory, and writes nothing to the local disk.
 *
 * A failed file leaves nothing in the bucket. Only a killed process leaves parts: add a lifecycle rule to the bucket that
 * removes them.
 *
 * ```ts
 * multipart({ storage: s3({ bucket: 'uploads', client: new S3Client({ region: 'eu-west-1' }) }) })
 * ```
 *
 * @throws TypeError for an invalid option
 */
export function s3<Request = FrameworkRequest>(options: S3Options<Request>): S3Storage<Request> {
  return bucketStorage(resolveOptions(options as S3Options))
}

/** As `s3()`, for options that were checked. */
export function bucketStorage<Request>(settings: S3Settings): S3Storage<Request> {
  return {
    name: 's3',
    async store(stream, info, signal) {
      const about = { field: info.field, type: info.type, storage: 's3' }
      const stop = new AbortController()
      // One listener per part in flight, and more inside the client.
      setMaxListeners(0, stop.signal)
      const abort = (): void => stop.abort(signal.reason)
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort)
      const buffer = new ChunkBuffer(stream, stop.signal)
      try {
        const file = await send(settings, info as FileInfo<never>, buffer, stop)
        if (!signal.aborted) return file
        await file.remove().catch((error: unknown) => reportLeftover(error, { ...about, bytes: file.size }))
        throw signal.reason
      } catch (error) {
        buffer.stop()
        throw signal.aborted ? signal.reason : error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    async open(key) {
      const isInside = key.startsWith(settings.prefix) && !/(?:^|[\\/])\.{1,2}(?:[\\/]|$)/.test(key)
      return isInside ? openObject(settings, key) : undefined
    },
  }
}

async function send(
  settings: S3Settings,
  info: FileInfo<never>,
  buffer: ChunkBuffer,
  stop: AbortController,
): Promise<S3File> {
  const partSize = settings.partSizeOf(info)
  const object = await NewObject.named(settings, info)
  await buffer.fill(partSize + 1)
  if (buffer.size > partSize) return object.putParts(buffer, partSize, stop)
  return object.putWhole(Buffer.concat(buffer.drain()))
}
