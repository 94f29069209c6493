/** An object on its way into a bucket: under which key it comes there, and that nothing of it stays where it fails. */

import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { FileInfo } from '@formgate/core'
import {
  type ChunkBuffer,
  randomName,
  reportLeftover,
  safeExtension,
  safeFileName,
  withSuffix,
} from '@formgate/core/storage'
import { uploadInParts } from './multipart-upload.js'
import { headersOf, type ObjectHeaders } from './object-headers.js'
import { openObject, S3File } from './s3-file.js'
import type { S3Settings } from './s3-options.js'
import { answerOf, S3StorageError } from './s3-storage-error.js'

/** Metadata that tells an object of ours from one that somebody else has put under the same key. */
const claimName = 'formgate-upload'

/** What the store says of an object that it has taken. */
interface Receipt {
  readonly etag: string | undefined
  readonly versionId: string | undefined
}

/** One upload, from its key to the stored file. */
export class NewObject {
  readonly #settings: S3Settings
  readonly #headers: ObjectHeaders
  readonly #firstKey: string
  /** Only where the key may be somebody else's too: 128 random bits never are. */
  readonly #claim: string | undefined
  #key: string

  private constructor(settings: S3Settings, headers: ObjectHeaders, key: string, claim: string | undefined) {
    this.#settings = settings
    this.#headers = headers
    this.#firstKey = key
    this.#key = key
    this.#claim = claim
  }

  /** @throws TypeError for a key or metadata that is not safe; or what the user's own functions throw */
  static async named(settings: S3Settings, info: FileInfo): Promise<NewObject> {
    const headers = headersOf(settings, info)
    if (settings.key === undefined)
      return new NewObject(settings, headers, randomKey(settings, info), undefined)
    const claim = randomName()
    const Metadata = { ...headers.Metadata, [claimName]: claim }
    return new NewObject(settings, { ...headers, Metadata }, await chosenKey(settings, info), claim)
  }

  /** Sends all bytes by one request, which is not cut short: so it is known whether there is an object. */
  async putWhole(body: Buffer): Promise<S3File> {
    for (;;) {
      try {
        return await this.#receive(await this.#put(body), body.length)
      } catch (error) {
        if (!this.#guarded || !isTaken(error)) throw this.#failed(error)
        // A request that was sent again, since its answer was lost, finds its own object in its way.
        const there = await this.#find()
        if (there) return there
        this.#key = otherKey(this.#firstKey)
      }
    }
  }

  /** Sends all that an intake gathers, in parts of a size. */
  async putParts(intake: ChunkBuffer, partSize: number, stop: AbortController): Promise<S3File> {
    const { client, bucket, queueSize } = this.#settings
    while (this.#guarded && (await this.#isKeyTaken())) this.#key = otherKey(this.#firstKey)
    try {
      const { size, ...receipt } = await uploadInParts(intake, {
        client,
        bucket,
        key: this.#key,
        headers: this.#headers,
        checksum: await this.#settings.checksumOf(),
        partSize,
        queueSize,
        guarded: this.#guarded,
        stop,
      })
      return await this.#receive(receipt, size)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Whether the store must see to it that nothing is overwritten. */
  get #guarded(): boolean {
    return this.#claim !== undefined && !this.#settings.overwrite
  }

  async #put(body: Buffer): Promise<Receipt> {
    const { client, bucket } = this.#settings
    const checksum = await this.#settings.checksumOf()
    const put = new PutObjectCommand({
      ...this.#headers,
      Bucket: bucket,
      Key: this.#key,
      Body: body,
      ...(checksum !== undefined && { ChecksumAlgorithm: checksum }),
      ...(this.#guarded && { IfNoneMatch: '*' }),
    })
    const { ETag, VersionId } = await answerOf('PutObject', bucket, client.send(put))
    return { etag: ETag, versionId: VersionId }
  }

  async #receive({ etag, versionId }: Receipt, size: number): Promise<S3File> {
    // Ceph before version 17 completes a multipart upload without saying which ETag the object has.
    const known = etag ? etag : (await this.#find().catch(() => undefined))?.etag
    return new S3File(this.#settings, { key: this.#key, etag: known ?? '', versionId, size }, this.#headers)
  }

  async #isKeyTaken(): Promise<boolean> {
    try {
      return (await openObject(this.#settings, this.#key)) !== undefined
    } catch (error) {
      // Who may not look learns it at the end of the upload.
      if (error instanceof S3StorageError && error.status === 403) return false
      throw error
    }
  }

  /** What is under the key, where it is of this upload. */
  async #find(): Promise<S3File | undefined> {
    const file = await openObject(this.#settings, this.#key)
    return this.#claim === undefined || file?.metadata[claimName] === this.#claim ? file : undefined
  }

  /** Clears away, without keeping the answer waiting for it, what the store may have although it has not said so. */
  #failed(reason: unknown): unknown {
    if (reason instanceof S3StorageError && reason.isUncertain) void this.#clearAway()
    return reason
  }

  async #clearAway(): Promise<void> {
    try {
      await (await this.#find())?.remove()
    } catch (error) {
      reportLeftover(error)
    }
  }
}

/** 409 where somebody else is writing the same key at this moment. */
function isTaken(error: unknown): boolean {
  return error instanceof S3StorageError && (error.status === 412 || error.status === 409)
}

/** 128 random bits, which are never taken, and the extension of the client's name where it is plain. */
function randomKey({ prefix }: S3Settings, info: FileInfo): string {
  return prefix + randomName() + safeExtension(info.name)
}

/** @throws TypeError for a key of the user's that has a segment which is no safe file name */
async function chosenKey({ prefix, key }: S3Settings, info: FileInfo): Promise<string> {
  const chosen = await key?.(info)
  const segments = typeof chosen === 'string' ? chosen.split('/') : ['']
  if (segments.some((segment) => safeFileName(segment) !== segment)) {
    throw new TypeError(`s3({ key }) gave ${JSON.stringify(chosen)}, which is no safe key.`)
  }
  return prefix + segments.join('/')
}

/** Another key, for one that is taken: eight random characters before its extension. */
function otherKey(key: string): string {
  const slash = key.lastIndexOf('/') + 1
  return key.slice(0, slash) + withSuffix(key.slice(slash), `_${randomName().slice(0, 8)}`)
}
