/** A file as it stands in a bucket. */

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

/** Where an object is, and which one of those that were there. */
export interface ObjectFacts {
  readonly key: string
  readonly etag: string
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
}

/** What the storage knows of an uploaded file: `s3File(file)` gives it. */
export class S3File implements StoredFile {
  readonly bucket: string
  readonly key: string
  /** As the store gives it, with its quotes. For more than one part it is no digest of the bytes. */
  readonly etag: string
  /** In a bucket that keeps versions. */
  readonly versionId: string | undefined
  /** Bytes. */
  readonly size: number
  /** The media type that the object is served with. */
  readonly type: string
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  readonly #settings: S3Settings

  /** Made by the storage. */
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

  /** The file name as the client sent it, cut where it is very long. Never use it in a path. */
  get originalName(): string | undefined {
    return originalNameIn(this.metadata)
  }

  /**
   * The bytes, asked for when the stream is read first. It fails where the object is no longer the one that was stored.
   *
   * @param range both ends inclusive; without it all bytes
   * @throws RangeError for a range whose start is negative or lies behind its end
   */
  createReadStream({ start = 0, end = Infinity }: ByteRange = {}): Readable {
    if (start < 0 || start > end) throw new RangeError(`There are no bytes from ${start} up to ${end}.`)
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

  /** Removes the object; where versions are kept, this version of it for good. One that is gone already is no error. */
  async remove(): Promise<void> {
    const sent = this.#settings.client.send(new DeleteObjectCommand(this.#location))
    await answerOf('DeleteObject', this.bucket, sent)
  }

  /**
   * Copies the object to another key of the bucket, inside the store: no byte passes through this process. An object
   * that is there is replaced.
   *
   * The copy stays, whatever becomes of the upload. S3 copies up to 5 GB.
   *
   * @param key whole, prefix included
   */
  async copyTo(key: string): Promise<S3File> {
    const { client, params } = this.#settings
    const version = this.versionId === undefined ? '' : `?versionId=${encodeURIComponent(this.versionId)}`
    const copy = new CopyObjectCommand({
      ...params,
      Bucket: this.bucket,
      Key: key,
      CopySource: `${this.bucket}/${this.key.split('/').map(encodeURIComponent).join('/')}${version}`,
    })
    await answerOf('CopyObject', this.bucket, client.send(copy))
    const file = await openObject(this.#settings, key)
    if (!file) throw new Error(`The copy to "${key}" is gone already.`)
    return file
  }

  get #location(): { Bucket: string; Key: string; VersionId?: string } {
    const { bucket, key, versionId } = this
    return { Bucket: bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
  }
}

/** What is in the bucket under a key; `undefined` where nothing is. */
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
 * Where an uploaded file is.
 *
 * @returns bucket, key, ETag and version; `undefined` for a file that another storage has, or that was moved away
 */
export function s3File(file: UploadedFile): S3File | undefined {
  return file.stored instanceof S3File ? file.stored : undefined
}

/**
 * Asks for the bytes at the first read, takes no more of them than its reader wants, and lets go of the connection when
 * it is destroyed.
 */
class ObjectStream extends Readable {
  readonly #open: (signal: AbortSignal) => Promise<Readable>
  readonly #stop = new AbortController()
  #body: Readable | undefined

  /** @param open asks the store for the bytes */
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
