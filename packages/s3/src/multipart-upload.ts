/** The multipart upload of an object that is too large for one request. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm, CompletedPart } from '@aws-sdk/client-s3'
import { reportLeftover, type ChunkBuffer } from '@formgate/core/storage'
import type { ObjectHeaders } from './object-headers.js'
import type { S3Settings } from './s3-options.js'
import { answerOf, S3StorageError } from './s3-storage-error.js'

/** S3 documents that parts in flight may outlive an abort, which then has to be repeated. */
const abortAttempts = 5

/** Bytes to wait for before they are copied into a part. */
const batch = 64 * 1024

export interface MultipartPlan {
  readonly settings: S3Settings
  readonly key: string
  readonly headers: ObjectHeaders
  readonly checksum: ChecksumAlgorithm | undefined
  /** Bytes. */
  readonly partSize: number
  /** True if the store must refuse to replace an object. */
  readonly guarded: boolean
  /** Aborted when the request fails, and by the first part that fails. */
  readonly stop: AbortController
}

/** A completed upload. */
export interface Committed {
  readonly etag: string | undefined
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
}

/**
 * Sends all bytes of a buffer.
 *
 * @throws the first error, after all requests have ended and the upload was aborted
 */
export async function uploadInParts(buffer: ChunkBuffer, plan: MultipartPlan): Promise<Committed> {
  const upload = await MultipartUpload.create(plan)
  try {
    const size = await upload.sendAll(buffer)
    return await upload.complete(size)
  } catch (error) {
    plan.stop.abort(error)
    await upload.abort().catch(reportLeftover)
    throw plan.stop.signal.reason
  }
}

class MultipartUpload {
  readonly #plan: MultipartPlan
  readonly #location: { readonly Bucket: string; readonly Key: string; readonly UploadId: string }
  readonly #checksum: { readonly ChecksumAlgorithm?: ChecksumAlgorithm }
  /** Memory of parts that were sent, to be used again. */
  readonly #free: Buffer[] = []
  readonly #sending = new Set<Promise<void>>()
  readonly #sent: CompletedPart[] = []
  #count = 0

  private constructor(plan: MultipartPlan, uploadId: string) {
    this.#plan = plan
    this.#location = { Bucket: plan.settings.bucket, Key: plan.key, UploadId: uploadId }
    this.#checksum = plan.checksum === undefined ? {} : { ChecksumAlgorithm: plan.checksum }
  }

  /** Ignores the signal: without its id, an upload could not be aborted. */
  static async create(plan: MultipartPlan): Promise<MultipartUpload> {
    const { settings, key, headers, checksum } = plan
    const { client, bucket } = settings
    const create = new CreateMultipartUploadCommand({
      ...headers,
      Bucket: bucket,
      Key: key,
      ...(checksum !== undefined && { ChecksumAlgorithm: checksum }),
    })
    const { UploadId } = await answerOf('CreateMultipartUpload', bucket, client.send(create))
    if (UploadId === undefined) throw new Error('The store returned no id for a multipart upload.')
    return new MultipartUpload(plan, UploadId)
  }

  /** @returns bytes */
  async sendAll(buffer: ChunkBuffer): Promise<number> {
    const { settings, stop } = this.#plan
    let size = 0
    for await (const part of this.#parts(buffer)) {
      size += part.length
      const sending = this.#send(part)
      this.#sending.add(sending)
      void sending.finally(() => this.#sending.delete(sending))
      if (this.#sending.size >= settings.queueSize) await Promise.race(this.#sending)
      stop.signal.throwIfAborted()
    }
    await Promise.all(this.#sending)
    stop.signal.throwIfAborted()
    return size
  }

  /** All bytes of a buffer in full parts, but for the last. */
  async *#parts(buffer: ChunkBuffer): AsyncGenerator<Buffer, undefined> {
    const { partSize } = this.#plan
    let part: Buffer | undefined
    let used = 0
    for (;;) {
      await buffer.fill(batch)
      const chunks = buffer.drain()
      if (chunks.length === 0) break
      for (const chunk of chunks) {
        for (let offset = 0; offset < chunk.length;) {
          part ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(partSize)
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

  /** Never rejects: a part that fails aborts the upload. */
  async #send(body: Buffer): Promise<void> {
    const { stop, partSize } = this.#plan
    const { client, bucket } = this.#plan.settings
    const PartNumber = ++this.#count
    const part = new UploadPartCommand({ ...this.#location, ...this.#checksum, PartNumber, Body: body })
    try {
      const sent = client.send(part, { abortSignal: stop.signal })
      const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } =
        await answerOf('UploadPart', bucket, sent)
      this.#sent.push({
        PartNumber,
        ETag,
        ChecksumCRC32,
        ChecksumCRC32C,
        ChecksumCRC64NVME,
        ChecksumSHA1,
        ChecksumSHA256,
      })
      if (body.length === partSize) this.#free.push(body)
    } catch (error) {
      stop.abort(error)
    }
  }

  /** Joins the parts to an object. Ignores the signal, so that the outcome is known. */
  async complete(size: number): Promise<Committed> {
    const { client, bucket } = this.#plan.settings
    const Parts = this.#sent.toSorted((one, other) => (one.PartNumber ?? 0) - (other.PartNumber ?? 0))
    const complete = new CompleteMultipartUploadCommand({
      ...this.#location,
      MultipartUpload: { Parts },
      ...(this.#plan.guarded && { IfNoneMatch: '*' }),
    })
    const { ETag, VersionId } = await answerOf('CompleteMultipartUpload', bucket, client.send(complete))
    return { etag: ETag, versionId: VersionId, size }
  }

  /** Aborts the upload until the store has removed all parts. */
  async abort(): Promise<void> {
    const { client, bucket } = this.#plan.settings
    await Promise.all(this.#sending)
    // The store may still be working on a part that it has not answered.
    const areAllAnswered = this.#sent.length === this.#count
    for (let attempt = 0; attempt < abortAttempts; attempt++) {
      const aborted = client.send(new AbortMultipartUploadCommand(this.#location))
      await answerOf('AbortMultipartUpload', bucket, aborted).catch(unless(404))
      if (areAllAnswered) return
      const listed = client.send(new ListPartsCommand(this.#location))
      // If the credentials do not allow to list, one abort must do.
      if ((await answerOf('ListParts', bucket, listed).catch(unless(403, 404))) === undefined) return
    }
  }
}

/** Turns errors with these statuses into `undefined`. */
function unless(...statuses: readonly number[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof S3StorageError && statuses.includes(error.status ?? 0)) return undefined
    throw error
  }
}
