/** A file in a bucket. */

import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3'
import type { ByteRange, StoredFile, UploadedFile } from '@formgate/core'
import { Readable } from 'node:stream'
import { type ObjectHeaders, originalNameIn } from './object-headers.js'
import type { S3Settings } from './s3-options.js'
import { answerOf, S3StorageError } from './s3-storage-error.js'

/** Identifies an object, and its version. */
export interface ObjectFacts {
  readonly key: string
  readonly etag: string
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
}

/** An object in a bucket. `s3File(file)` returns that of an uploaded file. */
export class S3File implements StoredFile {
  readonly bucket: string
  readonly key: string
  /** With its quotes, as the store returns it. After a multipart upload it is not a digest of the bytes. */
  readonly etag: string
  /** `undefined` unless the bucket keeps versions. */
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
  /** The media type with which the store serves the object. */
  readonly type: string
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  readonly #settings: S3Settings

  constructor(
    settings: S3Settings,
    facts: ObjectFacts,
    headers: Pick<ObjectHeaders, 'ContentType' | 'Metadata'>,
  ) {
    this.#settings = settings
    this.bucket = settings.bucket
    this.key = facts.key
    this.etag = facts.etag
    this.versionId = facts.versionId
    this.size = facts.size
    this.type = headers.ContentType
    this.metadata = headers.Metadata
  }

  /** The file name as the client sent it, cut if it is very long. Never use it in a path. */
  get originalName(): string | undefined {
    return originalNameIn(this.metadata)
  }

  /**
   * The bytes, requested at the first read. The stream fails if the object was replaced.
   *
   * @param range both ends inclusive; default all bytes
   * @throws RangeError if the start is negative or after the end
   */
  createReadStream({ start = 0, end = Infinity }: ByteRange = {}): Readable {
    if (start < 0) throw new RangeError(`Invalid range: start ${start} is negative.`)
    if (start > end) throw new RangeError(`Invalid range: start ${start} is after end ${end}.`)
    if (start >= this.size) return Readable.from([])
    const last = Math.min(end, this.size - 1)
    const isWhole = start === 0 && last === this.size - 1
    const request = {
      ...this.#location,
      ...(this.etag !== '' && { IfMatch: this.etag }),
      ...(!isWhole && { Range: `bytes=${start}-${last}` }),
    }
    return new ObjectStream(async (signal) => {
      const sent = this.#settings.client.send(new GetObjectCommand(request), { abortSignal: signal })
      const { Body } = await answerOf('GetObject', this.bucket, sent)
      return Body as Readable
    })
  }

  /** Removes the object, or in a bucket with versions this version. Succeeds if it is already gone. */
  async remove(): Promise<void> {
    const sent = this.#settings.client.send(new DeleteObjectCommand(this.#location))
    await answerOf('DeleteObject', this.bucket, sent)
  }

  /**
   * Copies the object to another key of the bucket, inside the store. Replaces an existing object. S3 copies up to 5 GB.
   *
   * Formgate does not remove the copy.
   *
   * @param key with the prefix
   */
  async copyTo(key: string): Promise<S3File> {
    return copyObject(this.#settings, this, key)
  }

  get #location(): { Bucket: string; Key: string; VersionId?: string } {
    const { bucket, key, versionId } = this
    return { Bucket: bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
  }
}

/**
 * Copies an object within its bucket. A store that can make a copy conditional, as S3 does, fails if the object was replaced.
 *
 * @param headers of the copy. Default: those of the object
 */
export async function copyObject(
  settings: S3Settings,
  { key: from, etag, versionId }: ObjectFacts,
  key: string,
  headers?: ObjectHeaders,
): Promise<S3File> {
  const { client, bucket, params } = settings
  const version = versionId === undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`
  const copy = new CopyObjectCommand({
    ...params,
    ...(headers && { ...headers, MetadataDirective: 'REPLACE', TaggingDirective: 'REPLACE' }),
    Bucket: bucket,
    Key: key,
    CopySource: `${bucket}/${from.split('/').map(encodeURIComponent).join('/')}${version}`,
    ...(etag !== '' && { CopySourceIfMatch: etag }),
  })
  await answerOf('CopyObject', bucket, client.send(copy))
  const file = await openObject(settings, key)
  if (!file) throw new Error(`The copy "${key}" was removed by other code.`)
  return file
}

/** The object with a key; `undefined` if there is none. */
export async function openObject(settings: S3Settings, key: string): Promise<S3File | undefined> {
  const { client, bucket } = settings
  const sent = client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
  const head = await answerOf('HeadObject', bucket, sent).catch((error: unknown) => {
    if (error instanceof S3StorageError && error.status === 404) return undefined
    throw error
  })
  if (head === undefined) return undefined
  const { ETag = '', VersionId, ContentLength = 0, ContentType = '', Metadata = {} } = head
  const facts = { key, etag: ETag, versionId: VersionId, size: ContentLength }
  return new S3File(settings, facts, { ContentType, Metadata })
}

/**
 * The object of an uploaded file.
 *
 * @returns `undefined` if the file is in another storage, or was moved
 */
export function s3File(file: UploadedFile): S3File | undefined {
  return file.stored instanceof S3File ? file.stored : undefined
}

/**
 * Requests the bytes at the first read, with the backpressure of its reader. Closes the connection when it is destroyed.
 */
class ObjectStream extends Readable {
  readonly #open: (signal: AbortSignal) => Promise<Readable>
  readonly #stop = new AbortController()
  #body: Readable | undefined

  constructor(open: (signal: AbortSignal) => Promise<Readable>) {
    super()
    this.#open = open
  }

  override _read(): void {
    if (this.#body) this.#body.resume()
    else void this.#start()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stop.abort()
    this.#body?.destroy()
    callback(error)
  }

  async #start(): Promise<void> {
    try {
      const body = await this.#open(this.#stop.signal)
      this.#body = body
      let ended = false
      body.on('data', (chunk: Uint8Array) => {
        if (!this.push(chunk)) body.pause()
      })
      body.on('end', () => {
        ended = true
        this.push(null)
      })
      body.on('error', (error) => this.destroy(error))
      body.on('close', () => {
        if (!ended) this.destroy(new Error('The store closed the connection before the end of the object.'))
      })
      if (this.destroyed) body.destroy()
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
