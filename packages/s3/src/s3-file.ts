/** A file in a bucket. */

import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3'
import type { ByteRange, StoredFile, UploadedFile } from '@formgate/core'
import { Readable } from 'node:stream'
import { type ObjectHeaders, originalName } from './new-object.js'
import type { S3Settings } from './s3-options.js'
import { send, unless } from './s3-storage-error.js'

/** Identifies an object, and its version. */
export type ObjectFacts = Pick<S3File, 'key' | 'etag' | 'versionId' | 'size'>

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
    try {
      const encoded = this.metadata[originalName]
      return encoded === undefined ? undefined : decodeURIComponent(encoded)
    } catch {
      // Formgate has not created the object.
      return undefined
    }
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
      IfMatch: this.etag || undefined,
      Range: isWhole ? undefined : `bytes=${start}-${last}`,
    }
    return lazyStream(async (signal) => {
      const { Body } = await send(this.#settings, 'GetObject', new GetObjectCommand(request), signal)
      return Body as Readable
    })
  }

  /** Removes the object, or in a bucket with versions this version. Succeeds if it is already gone. */
  async remove(): Promise<void> {
    await send(this.#settings, 'DeleteObject', new DeleteObjectCommand(this.#location))
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

  get #location(): { Bucket: string; Key: string; VersionId: string | undefined } {
    return { Bucket: this.bucket, Key: this.key, VersionId: this.versionId }
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
  const { bucket, params } = settings
  const version = versionId === undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`
  const copy = new CopyObjectCommand({
    ...params,
    ...(headers && { ...headers, MetadataDirective: 'REPLACE', TaggingDirective: 'REPLACE' }),
    Bucket: bucket,
    Key: key,
    CopySource: `${bucket}/${from.split('/').map(encodeURIComponent).join('/')}${version}`,
    CopySourceIfMatch: etag || undefined,
  })
  await send(settings, 'CopyObject', copy)
  const file = await openObject(settings, key)
  if (!file) throw new Error(`The copy "${key}" was removed by other code.`)
  return file
}

/** The object with a key; `undefined` if there is none. */
export async function openObject(settings: S3Settings, key: string): Promise<S3File | undefined> {
  const command = new HeadObjectCommand({ Bucket: settings.bucket, Key: key })
  const head = await send(settings, 'HeadObject', command).catch(unless(404))
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
function lazyStream(open: (signal: AbortSignal) => Promise<Readable>): Readable {
  const stop = new AbortController()
  let body: Readable | undefined
  const start = async (stream: Readable): Promise<void> => {
    const opened = await open(stop.signal)
    body = opened
    opened.on('data', (chunk: Uint8Array) => void (stream.push(chunk) || opened.pause()))
    opened.on('end', () => stream.push(null))
    opened.on('error', (error) => stream.destroy(error))
    opened.on('close', () => {
      if (opened.readableEnded) return
      stream.destroy(new Error('The store closed the connection before the end of the object.'))
    })
    if (stream.destroyed) opened.destroy()
  }
  return new Readable({
    read() {
      if (body) body.resume()
      else start(this).catch((error: unknown) => this.destroy(error as Error))
    },
    destroy(error, callback) {
      stop.abort()
      body?.destroy()
      callback(error)
    },
  })
}
