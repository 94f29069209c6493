/** Uploads that wait for their form: the tickets in the form, and the storage that takes the files over. */
import { PutObjectCommand } from '@aws-sdk/client-s3'
import {
  BodyError,
  DataAndFiles,
  sniff,
  UploadedFile,
  type Entry,
  type FileDescription,
  type FileInfo,
  type ParserContext,
  type Storage,
} from '@formgate/core'
import { randomName, reportLeftover, safeFileName } from '@formgate/core/storage'
import { Readable } from 'node:stream'
import { headersOf, randomKey } from './new-object.js'
import { copyObject, openObject, type S3File } from './s3-file.js'
import type { S3Settings } from './s3-options.js'
import { isTaken, S3StorageError, send } from './s3-storage-error.js'
import { bucketStorage, type S3Storage } from './s3.js'
import { isTicket, type Ticket, type Tickets } from './tickets.js'

/** A file that a form names by its ticket. */
interface ExpectedUpload {
  readonly ticket: Ticket
  readonly info: FileDescription
  /** The bytes, which can be read once the file was moved. */
  readonly content: Readable
  file?: Promise<S3File>
}

export class PendingUploads implements Storage<S3File> {
  readonly name = 's3'
  readonly #settings: S3Settings
  readonly #prefix: string
  readonly #tickets: Tickets
  readonly #bucket: S3Storage
  /** By the `headers` of their info, which no other file has. */
  readonly #expected = new WeakMap<object, ExpectedUpload>()

  constructor(settings: S3Settings, prefix: string, tickets: Tickets) {
    this.#settings = settings
    this.#prefix = prefix
    this.#tickets = tickets
    this.#bucket = bucketStorage(settings)
  }

  /** The key to which the file of a ticket is uploaded. */
  keyOf({ id }: Ticket): string {
    return this.#prefix + id
  }

  /** Puts files in the place of tickets: one after the other, since each costs several requests to the store. */
  async redeem(form: DataAndFiles, context: ParserContext): Promise<DataAndFiles> {
    const { entries = [] } = form
    if (!entries.some(isTicket)) return form
    const limit = context.limits.files
    if (entries.filter((entry) => entry.kind === 'file' || isTicket(entry)).length > limit)
      throw new BodyError('LIMIT_FILES', { limit })
    const owner = await this.#tickets.ownerOf(context.request)
    const read: Entry[] = []
    for (const entry of entries) {
      if (!isTicket(entry)) {
        read.push(entry)
        continue
      }
      const { name, value } = entry
      const { info, content } = this.#expect(this.#tickets.read(value, name, owner), name)
      if ((await context.filter?.(info)) === false) continue
      read.push({ kind: 'file', name, value: await context.storeFile(content, info) })
    }
    return DataAndFiles.fromEntries(read)
  }

  /** What `store` wants, to take over the file of a ticket. */
  #expect(ticket: Ticket, field: string): ExpectedUpload {
    const { name: originalName, type, size: expectedSize } = ticket
    const name = safeFileName(originalName) ?? 'file'
    const info = { field, name, originalName, type, headers: {}, expectedSize }
    const content = Readable.from(bytesOf(), { objectMode: false })
    const upload: ExpectedUpload = { ticket, info, content }
    this.#expected.set(info.headers, upload)
    return upload

    async function* bytesOf(): AsyncGenerator<Buffer> {
      if (upload.file === undefined)
        throw new Error('A file that was uploaded to the bucket cannot go to another storage.')
      const file = await upload.file.catch(() => undefined)
      if (file !== undefined) yield* file.createReadStream()
    }
  }

  async store(stream: Readable, info: FileInfo, signal: AbortSignal): Promise<S3File> {
    const upload = this.#expected.get(info.headers)
    if (upload === undefined) return this.#bucket.store(stream, info, signal)
    upload.file = this.#takeOver(upload.ticket, info, signal)
    const file = await upload.file
    // Without an inspector, nothing needs the bytes.
    if (stream === upload.content) stream.push(null)
    return file
  }

  /**
   * Moves an upload out of the reach of its client, who can overwrite it for as long as the presigned POST is valid.
   *
   * @throws BodyError `UPLOAD_MISSING`, `USED_TICKET` or `FILE_REFUSED`; S3StorageError
   */
  async #takeOver(ticket: Ticket, info: FileInfo, signal: AbortSignal): Promise<S3File> {
    const { field } = info
    const upload = await openObject(this.#settings, this.keyOf(ticket))
    const fault = upload && faultOf(upload, ticket, field)
    if (upload === undefined || fault !== undefined) {
      if ((await openObject(this.#settings, this.#markKeyOf(ticket))) !== undefined)
        throw new BodyError('USED_TICKET', { field })
      throw fault ?? new BodyError('UPLOAD_MISSING', { field })
    }
    signal.throwIfAborted()
    await this.#markUsed(ticket, field)
    return this.#move(upload, ticket, info)
  }

  /** Checks the copy rather than the upload: not every store makes a copy conditional on an ETag (Ceph 16 does not). */
  async #move(upload: S3File, ticket: Ticket, info: FileInfo): Promise<S3File> {
    const settings = this.#settings
    const key = randomKey(settings, info)
    // The store may have made the copy without an answer.
    const removeObject = (key: string): Promise<void> =>
      openObject(settings, key)
        .then((file) => file?.remove())
        .catch(reportLeftover)
    try {
      const file = await copyObject(settings, upload, key, await headersOf(settings, info))
      const fault = faultOf(file, ticket, info.field) ?? (await contentFaultOf(file, info))
      if (fault !== undefined) throw fault
      await upload.remove().catch(reportLeftover)
      return file
    } catch (error) {
      await removeObject(key)
      if (error instanceof BodyError) throw error
      // Lets the client send the form again.
      await removeObject(this.#markKeyOf(ticket))
      const isReplaced = error instanceof S3StorageError && (error.status === 412 || error.status === 404)
      throw isReplaced ? refused('The file was replaced while it was moved.', info.field) : error
    }
  }

  /**
   * Lets one form use a ticket: the store creates the mark only if there is none. It has the prefix of the uploads, and so
   * expires after the ticket.
   *
   * @throws BodyError `USED_TICKET`
   */
  async #markUsed(ticket: Ticket, field: string): Promise<void> {
    const [Key, use] = [this.#markKeyOf(ticket), randomName()]
    const object = { Bucket: this.#settings.bucket, Key, Body: use, Metadata: { use } }
    try {
      await send(this.#settings, 'PutObject', new PutObjectCommand({ ...object, IfNoneMatch: '*' }))
    } catch (error) {
      if (!isTaken(error)) throw error
      // A request that was retried, since its answer was lost, conflicts with its own mark.
      if ((await openObject(this.#settings, Key))?.metadata['use'] !== use)
        throw new BodyError('USED_TICKET', { field })
    }
  }

  #markKeyOf(ticket: Ticket): string {
    return `${this.keyOf(ticket)}.used`
  }
}

/** What an upload is that its ticket is not for. */
function faultOf({ size, type }: S3File, ticket: Ticket, field: string): BodyError | undefined {
  if (size === ticket.size && type === ticket.type) return undefined
  const promised = `a file of ${ticket.size} bytes and the type "${ticket.type}"`
  return refused(
    `The ticket is for ${promised}, but the upload has ${size} bytes and the type "${type}".`,
    field,
  )
}

/** By the rules of `sniff()`. */
async function contentFaultOf(file: S3File, info: FileInfo): Promise<BodyError | undefined> {
  const issues: { readonly message: string }[] = []
  await sniff()({ value: new UploadedFile(file, info), issues })
  return issues[0] && refused(`${issues[0].message}.`, info.field)
}

function refused(detail: string, field: string): BodyError {
  const hint = 'Request a ticket for the file as it is, and upload that file.'
  return new BodyError('FILE_REFUSED', { field, detail, hint })
}
