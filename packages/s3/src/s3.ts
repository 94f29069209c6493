/** The storage that streams every file to a bucket. */
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { FileInfo, FrameworkRequest, Storage } from '@formgate/core'
import { ChunkBuffer, reportLeftover } from '@formgate/core/storage'
import { uploadInParts } from './multipart-upload.js'
import { claimName, nameObject, otherKey, type NewObject } from './new-object.js'
import { openObject, S3File, type ObjectFacts } from './s3-file.js'
import { resolveOptions, type S3Options, type S3Settings } from './s3-options.js'
import { isTaken, S3StorageError, send, unless } from './s3-storage-error.js'

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
        const file = await createObject(settings, info as FileInfo<never>, buffer, stop)
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

async function createObject(
  settings: S3Settings,
  info: FileInfo<never>,
  buffer: ChunkBuffer,
  stop: AbortController,
): Promise<S3File> {
  const partSize = settings.partSizeOf(info)
  const named = await nameObject(settings, info)
  await buffer.fill(partSize + 1)
  if (buffer.size <= partSize) return putWhole(named, Buffer.concat(buffer.drain()))
  let object = named
  // Without permission to look, a conflict shows at the end of the upload.
  while (named.guarded && (await openObject(settings, object.key).catch(unless(403))))
    object = { ...named, key: otherKey(named.key) }
  return created(object, uploadInParts(object, buffer, partSize, stop))
}

async function putWhole(named: NewObject, body: Buffer): Promise<S3File> {
  for (let object = named; ; object = { ...named, key: otherKey(named.key) }) {
    try {
      return await created(object, put(object, body))
    } catch (error) {
      if (!named.guarded || !isTaken(error)) throw error
      // A request that was retried, since its answer was lost, conflicts with its own object.
      const existing = await find(object)
      if (existing) return existing
    }
  }
}

/** Sends all bytes in one request. Ignores the signal, so that the outcome is known. */
async function put({ settings, key, headers, guarded }: NewObject, body: Buffer): Promise<ObjectFacts> {
  const put = new PutObjectCommand({
    ...headers,
    ChecksumAlgorithm: await settings.checksumOf(),
    IfNoneMatch: guarded ? '*' : undefined,
    Bucket: settings.bucket,
    Key: key,
    Body: body,
  })
  const { ETag = '', VersionId } = await send(settings, 'PutObject', put)
  return { key, etag: ETag, versionId: VersionId, size: body.length }
}

/** The file of an object that is being sent. */
async function created(object: NewObject, sending: Promise<ObjectFacts>): Promise<S3File> {
  try {
    const facts = await sending
    // Ceph before version 17 completes a multipart upload without an ETag in its answer.
    const etag = facts.etag || (await find(object).catch(() => undefined))?.etag || ''
    return new S3File(object.settings, { ...facts, etag }, object.headers)
  } catch (error) {
    // In the background: the store may have created the object without an answer.
    if (error instanceof S3StorageError && error.isUncertain)
      void find(object)
        .then((file) => file?.remove())
        .catch(reportLeftover)
    throw error
  }
}

/** The object that was sent, if it exists. */
async function find({ settings, key, claim }: NewObject): Promise<S3File | undefined> {
  const file = await openObject(settings, key)
  return claim === undefined || file?.metadata[claimName] === claim ? file : undefined
}
