/** The multipart upload of an object that is too large for one request. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3'
import { reportLeftover, type ChunkBuffer } from '@formgate/core/storage'
import type { NewObject } from './new-object.js'
import type { ObjectFacts } from './s3-file.js'
import type { S3Settings } from './s3-options.js'
import { send, unless } from './s3-storage-error.js'

/** S3 documents that parts in flight may outlive an abort, which then has to be repeated. */
const abortAttempts = 5

/** Bytes to wait for before they are copied into a part. */
const batch = 64 * 1024

type UploadId = Readonly<Record<'Bucket' | 'Key' | 'UploadId', string>>

/**
 * Sends all bytes of a buffer.
 *
 * @param stop aborted when the request fails, and by the first part that fails
 * @throws the first error, after all requests have ended and the upload was aborted
 */
export async function uploadInParts(
  { settings, key, headers, guarded }: NewObject,
  buffer: ChunkBuffer,
  partSize: number,
  stop: AbortController,
): Promise<ObjectFacts> {
  const object = { Bucket: settings.bucket, Key: key }
  const ChecksumAlgorithm = await settings.checksumOf()
  // Without the signal: an upload could not be aborted without its id.
  const create = new CreateMultipartUploadCommand({ ...headers, ...object, ChecksumAlgorithm })
  const { UploadId } = await send(settings, 'CreateMultipartUpload', create)
  if (UploadId === undefined) throw new Error('The store returned no id for a multipart upload.')
  const upload = { ...object, UploadId }
  const parts: CompletedPart[] = []
  const sending = new Set<Promise<unknown>>()
  let areAllAnswered = true
  /** Memory of parts that were sent, to be used again. */
  const free: Buffer[] = []

  /** Never rejects: a part that fails aborts the upload. */
  const sendPart = async (Body: Buffer): Promise<void> => {
    const part = { PartNumber: parts.length + 1 }
    parts.push(part)
    try {
      const command = new UploadPartCommand({ ...upload, ...part, ChecksumAlgorithm, Body })
      const { $metadata: _, ...sums } = await send(settings, 'UploadPart', command, stop.signal)
      // Its ETag and checksums.
      Object.assign(part, sums)
      if (Body.length === partSize) free.push(Body)
    } catch (error) {
      areAllAnswered = false
      stop.abort(error)
    }
  }

  try {
    let size = 0
    for await (const bytes of partsOf(buffer, partSize, free)) {
      size += bytes.length
      const sent: Promise<unknown> = sendPart(bytes).finally(() => sending.delete(sent))
      sending.add(sent)
      if (sending.size >= settings.queueSize) await Promise.race(sending)
      stop.signal.throwIfAborted()
    }
    await Promise.all(sending)
    stop.signal.throwIfAborted()
    const complete = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: parts },
      IfNoneMatch: guarded ? '*' : undefined,
    })
    // Without the signal, so that the outcome is known.
    const { ETag = '', VersionId } = await send(settings, 'CompleteMultipartUpload', complete)
    return { key, etag: ETag, versionId: VersionId, size }
  } catch (error) {
    stop.abort(error)
    await Promise.all(sending)
    await abortUpload(settings, upload, areAllAnswered).catch(reportLeftover)
    throw stop.signal.reason
  }
}

/** All bytes of a buffer in full parts, but for the last. @param free memory to use again */
async function* partsOf(
  buffer: ChunkBuffer,
  partSize: number,
  free: Buffer[],
): AsyncGenerator<Buffer, undefined> {
  let part: Buffer | undefined
  let used = 0
  for (;;) {
    await buffer.fill(batch)
    const chunks = buffer.drain()
    if (chunks.length === 0) break
    for (const chunk of chunks) {
      for (let offset = 0; offset < chunk.length;) {
        part ??= free.pop() ?? Buffer.allocUnsafeSlow(partSize)
        const slice = chunk.subarray(offset, offset + partSize - used)
        part.set(slice, used)
        used += slice.length
        offset += slice.length
        if (used < partSize) continue
        yield part
        part = undefined
        used = 0
      }
    }
    buffer.releaseBuffers(chunks)
  }
  if (part && used > 0) yield part.subarray(0, used)
}

/** Aborts an upload until the store has removed all parts: it may still be working on one that it has not answered. */
async function abortUpload(settings: S3Settings, upload: UploadId, areAllAnswered: boolean): Promise<void> {
  for (let attempt = 0; attempt < abortAttempts; attempt++) {
    await send(settings, 'AbortMultipartUpload', new AbortMultipartUploadCommand(upload)).catch(unless(404))
    if (areAllAnswered) return
    // If the credentials do not allow to list, one abort must do.
    const listed = send(settings, 'ListParts', new ListPartsCommand(upload))
    if ((await listed.catch(unless(403, 404))) === undefined) return
  }
}
