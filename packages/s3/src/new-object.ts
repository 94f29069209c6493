/** The upload of one object under a key that is not taken. */

import { PutObjectCommand } from '@aws-sdk/client-s3'
import { BodyError, type FileInfo } from '@formgate/core'
import {
  type ChunkBuffer,
  randomName,
  reportLeftover,
  safeExtension,
  safeFileName,
  shownName,
  unsafeNameHint,
  withSuffix,
} from '@formgate/core/storage'
import { uploadInParts, type Committed } from './multipart-upload.js'
import { headersOf, type ObjectHeaders } from './object-headers.js'
import { openObject, S3File } from './s3-file.js'
import type { S3Settings } from './s3-options.js'
import { answerOf, S3StorageError } from './s3-storage-error.js'

/** Metadata that tells our object from another with the same key. */
const claimName = 'formgate-upload'

export class NewObject {
  readonly #settings: S3Settings
  readonly #headers: ObjectHeaders
  readonly #firstKey: string
  /** Only for a key that other uploads may choose too: 128 random bits are unique. */
  readonly #claim: string | undefined
  #key: string

  private constructor(settings: S3Settings, headers: ObjectHeaders, key: string, claim: string | undefined) {
    this.#settings = settings
    this.#headers = headers
    this.#firstKey = key
    this.#key = key
    this.#claim = claim
  }

  /** @throws BodyError for an unsafe key; TypeError for such metadata; any error of the functions `key` and `metadata` */
  static async named(settings: S3Settings, info: FileInfo): Promise<NewObject> {
    const headers = await headersOf(settings, info)
    if (settings.key === undefined) {
      const key = settings.prefix + randomName() + safeExtension(info.name)
      return new NewObject(settings, headers, key, undefined)
    }
    const key = checkKey(settings.prefix, await settings.key(info), info.field)
    const claim = randomName()
    const Metadata = { ...headers.Metadata, [claimName]: claim }
    return new NewObject(settings, { ...headers, Metadata }, key, claim)
  }

  /** Sends all bytes in one request. Ignores the signal, so that the outcome is known. */
  async putWhole(body: Buffer): Promise<S3File> {
    for (;;) {
      try {
        return await this.#toFile(await this.#put(body))
      } catch (error) {
        if (!this.#guarded || !isTaken(error)) throw this.#failed(error)
        // A request that was retried, since its answer was lost, conflicts with its own object.
        const existing = await this.#find()
        if (existing) return existing
        this.#key = otherKey(this.#firstKey)
      }
    }
  }

  /** Sends all bytes of a buffer in parts. */
  async putParts(buffer: ChunkBuffer, partSize: number, stop: AbortController): Promise<S3File> {
    while (this.#guarded && (await this.#isKeyTaken())) this.#key = otherKey(this.#firstKey)
    try {
      const committed = await uploadInParts(buffer, {
        settings: this.#settings,
        key: this.#key,
        headers: this.#headers,
        checksum: await this.#settings.checksumOf(),
        partSize,
        guarded: this.#guarded,
        stop,
      })
      return await this.#toFile(committed)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** True if the store must refuse to replace an object. */
  get #guarded(): boolean {
    return this.#claim !== undefined && !this.#settings.overwrite
  }

  async #put(body: Buffer): Promise<Committed> {
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
    return { etag: ETag, versionId: VersionId, size: body.length }
  }

  async #toFile({ etag, versionId, size }: Committed): Promise<S3File> {
    // Ceph before version 17 completes a multipart upload without an ETag in its answer.
    const known = etag || (await this.#find().catch(() => undefined))?.etag || ''
    return new S3File(this.#settings, { key: this.#key, etag: known, versionId, size }, this.#headers)
  }

  async #isKeyTaken(): Promise<boolean> {
    try {
      return (await openObject(this.#settings, this.#key)) !== undefined
    } catch (error) {
      // Without permission to look, a conflict shows at the end of the upload.
      if (error instanceof S3StorageError && error.status === 403) return false
      throw error
    }
  }

  /** The object of this upload, if it exists. */
  async #find(): Promise<S3File | undefined> {
    const file = await openObject(this.#settings, this.#key)
    return this.#claim === undefined || file?.metadata[claimName] === this.#claim ? file : undefined
  }

  /** Removes, in the background, an object that the store may have created without an answer. */
  #failed(reason: unknown): unknown {
    if (reason instanceof S3StorageError && reason.isUncertain) void this.#removeObject()
    return reason
  }

  async #removeObject(): Promise<void> {
    try {
      await (await this.#find())?.remove()
    } catch (error) {
      reportLeftover(error)
    }
  }
}

/** A 409 means that another upload to the same key is under way. */
export function isTaken(error: unknown): boolean {
  return error instanceof S3StorageError && (error.status === 412 || error.status === 409)
}

/** Bytes of a whole key, in S3. */
const longestKey = 1024

/** @returns the whole key @throws BodyError for a key that is too long, or has a segment that is not a safe file name */
function checkKey(prefix: string, key: unknown, field: string): string {
  if (typeof key === 'string' && key.split('/').every((segment) => safeFileName(segment) === segment)) {
    const whole = prefix + key
    if (Buffer.byteLength(whole) <= longestKey) return whole
  }
  const detail = `s3({ key }) returned ${shownName(key)}, which is not a safe key of at most ${longestKey} bytes.`
  throw new BodyError('STORAGE_FAILED', { detail, hint: unsafeNameHint, field })
}

/** A new key with eight random characters before its extension. */
function otherKey(key: string): string {
  const slash = key.lastIndexOf('/') + 1
  return key.slice(0, slash) + withSuffix(key.slice(slash), `_${randomName().slice(0, 8)}`)
}
