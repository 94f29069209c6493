/** An object that is sent in parts, since its size is not known or is too large for one request. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm, CompletedPart, S3Client } from '@aws-sdk/client-s3'
import type { ChunkBuffer } from '@formgate/core/storage'
import { reportLeftover } from '@formgate/core/storage'
import type { ObjectHeaders } from './object-headers.js'
import { PartBuffers } from './part-buffers.js'
import { answerOf, S3StorageError } from './s3-storage-error.js'

/** S3 says that parts which are on their way may outlive an abort, so that it has to be repeated. */
const abortAttempts = 5

/** How a multipart upload is done. */
export interface MultipartPlan {
  readonly client: S3Client
  readonly bucket: string
  readonly key: string
  readonly headers: ObjectHeaders
  readonly checksum: ChecksumAlgorithm | undefined
  /** Bytes of a part. */
  readonly partSize: number
  /** Parts that are on their way at once. */
  readonly queueSize: number
  /** Whether the store must see to it that the object takes nobody's place. */
  readonly guarded: boolean
  /** Aborted when the request has failed, and by the first part that fails. */
  readonly stop: AbortController
}

/** What came of it. */
export interface Committed {
  readonly etag: string | undefined
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
}

/**
 * Sends all that an intake gathers.
 *
 * @throws the first error. By then nothing is on its way any more, and the store was told to forget all parts.
 */
export async function uploadInParts(intake: ChunkBuffer, plan: MultipartPlan): Promise<Committed> {
  const upload = await MultipartUpload.create(plan)
  try {
    const size = await upload.sendAll(intake)
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
  readonly #buffers: PartBuffers
  readonly #sending = new Set<Promise<void>>()
  readonly #sent: CompletedPart[] = []
  #count = 0

  private constructor(plan: MultipartPlan, uploadId: string) {
    this.#plan = plan
    this.#location = { Bucket: plan.bucket, Key: plan.key, UploadId: uploadId }
    this.#checksum = plan.checksum === undefined ? {} : { ChecksumAlgorithm: plan.checksum }
    this.#buffers = new PartBuffers(plan.partSize)
  }

  /** Never cut short by the signal: an upload whose id nobody has learned could not be aborted. */
  static async create(plan: MultipartPlan): Promise<MultipartUpload> {
    const { client, bucket, key, headers, checksum } = plan
    const create = new CreateMultipartUploadCommand({
      ...headers,
      Bucket: bucket,
      Key: key,
      ...(checksum !== undefined && { ChecksumAlgorithm: checksum }),
    })
    const { UploadId } = await answerOf('CreateMultipartUpload', bucket, client.send(create))
    if (UploadId === undefined) throw new Error('The store gave a multipart upload no id.')
    return new MultipartUpload(plan, UploadId)
  }

  /** @returns bytes */
  async sendAll(intake: ChunkBuffer): Promise<number> {
    const { queueSize, stop } = this.#plan
    let size = 0
    for await (const part of this.#buffers.filledFrom(intake)) {
      size += part.length
      const sending = this.#send(part)
      this.#sending.add(sending)
      void sending.finally(() => this.#sending.delete(sending))
      if (this.#sending.size >= queueSize) await Promise.race(this.#sending)
      stop.signal.throwIfAborted()
    }
    await Promise.all(this.#sending)
    stop.signal.throwIfAborted()
    return size
  }

  /** Never rejects: a part that fails ends the upload through its signal. */
  async #send(body: Buffer): Promise<void> {
    const { client, bucket, stop } = this.#plan
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
      this.#buffers.giveBack(body)
    } catch (error) {
      stop.abort(error)
    }
  }

  /** Makes one object of the parts. Not cut short by the signal, so that it is known whether there is one. */
  async complete(size: number): Promise<Committed> {
    const { client, bucket, guarded } = this.#plan
    const Parts = this.#sent.toSorted((one, other) => (one.PartNumber ?? 0) - (other.PartNumber ?? 0))
    const complete = new CompleteMultipartUploadCommand({
      ...this.#location,
      MultipartUpload: { Parts },
      ...(guarded && { IfNoneMatch: '*' }),
    })
    const { ETag, VersionId } = await answerOf('CompleteMultipartUpload', bucket, client.send(complete))
    return { etag: ETag, versionId: VersionId, size }
  }

  /** Tells the store to forget the parts, until it has. */
  async abort(): Promise<void> {
    await Promise.all(this.#sending)
    // The store may still be at work on a part that it has not answered.
    const areAllAnswered = this.#sent.length === this.#count
    for (let attempt = 0; attempt < abortAttempts; attempt++) {
      await this.#forget()
      if (areAllAnswered || (await this.#isForgotten())) return
    }
  }

  async #forget(): Promise<void> {
    const { client, bucket } = this.#plan
    const sent = client.send(new AbortMultipartUploadCommand(this.#location))
    await answerOf('AbortMultipartUpload', bucket, sent).catch(unless(404))
  }

  async #isForgotten(): Promise<boolean> {
    const { client, bucket } = this.#plan
    const sent = client.send(new ListPartsCommand(this.#location))
    // Where the credentials do not allow to look, one abort has to be enough.
    const parts = await answerOf('ListParts', bucket, sent).catch(unless(403, 404))
    return parts === undefined
  }
}

/** Lets answers with these statuses pass for `undefined`. */
function unless(...statuses: readonly number[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof S3StorageError && statuses.includes(error.status ?? 0)) return undefined
    throw error
  }
}
