import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { UploadedFile, type FileInfo } from '@formgate/core'
import { s3, s3File, S3StorageError, type S3File, type S3Options } from '@formgate/s3'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { info, source } from '../storage-contract.js'
import { describeWithStore } from './store.js'

const MiB = 1024 * 1024
const never = (): AbortSignal => new AbortController().signal

await describeWithStore('s3()', ({ client, config, bucket, prefix, contents }) => {
  afterEach(() => expect.poll(contents).toEqual([]))

  const put = (options: Partial<S3Options> = {}, size = 10, file: Partial<FileInfo> = {}): Promise<S3File> =>
    s3({ client, bucket, prefix, ...options }).store(source(size), { ...info, ...file }, never())

  const head = async ({ key }: S3File) => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))

  describe.each([
    ['in one request', 10],
    ['in parts', 6 * MiB],
  ])('a file that is sent %s', (_how, size) => {
    test('has a random key with a plain extension, and the properties of the object', async () => {
      const file = await put({}, size, { name: 'Photo of me.PNG' })
      expect(file).toMatchObject({ bucket, size, type: 'image/png', versionId: undefined })
      expect(file.key.slice(prefix.length)).toMatch(/^[0-9a-f]{32}\.png$/)
      expect(file.etag).toBe((await head(file)).ETag)
      expect(await contents()).toEqual([file.key])
      await file.remove()
    })

    test('has its media type, its original name and custom metadata', async () => {
      const originalName = '../Ünï\r\n\u202e "çödé" %41 \ud800.png'
      const file = await put({ metadata: ({ field }) => ({ field, tenant: '42' }) }, size, { originalName })
      const { ContentType, Metadata } = await head(file)
      expect(ContentType).toBe('image/png')
      expect(Metadata).toMatchObject({ field: 'photo', tenant: '42', 'original-name': expect.any(String) })
      const opened = await s3({ client, bucket }).open(file.key)
      expect(opened?.originalName).toBe(originalName.replace('\ud800', '\ufffd'))
      await file.remove()
    })

    test('accepts parameters of PutObject', async () => {
      const file = await put({ params: { CacheControl: 'no-store', ContentDisposition: 'attachment' } }, size)
      expect(await head(file)).toMatchObject({ CacheControl: 'no-store', ContentDisposition: 'attachment' })
      await file.remove()
    })

    test.each([
      { checksum: 'SHA256' as const },
      { checksum: 'CRC32C' as const },
      { client: new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' as const }) },
    ])('is stored unchanged with other checksums (%#)', async (options) => {
      const file = await put(options, size)
      const sent = await buffer(source(size))
      expect((await buffer(file.createReadStream())).equals(sent)).toBe(true)
      await file.remove()
    })

    test('does not replace another with the same key, even if several are uploaded', async () => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}a/report.pdf`, Body: 'mine' }))
      const options: Partial<S3Options> = { key: () => 'a/report.pdf' }
      const files = [await put(options, size), await put(options, size)]
      const suffixed = new RegExp(`^${prefix}a/report_[0-9a-f]{8}\\.pdf$`)
      for (const { key } of files) expect(key).toMatch(suffixed)
      const mine = await s3({ client, bucket }).open(`${prefix}a/report.pdf`)
      expect(mine && (await text(mine.createReadStream()))).toBe('mine')
      for (const file of [...files, mine]) await file?.remove()
    })

    test('replaces another with overwrite: true', async () => {
      const options: Partial<S3Options> = { key: () => 'report.pdf', overwrite: true }
      await put(options)
      const file = await put(options, size)
      expect((await head(file)).ContentLength).toBe(size)
      await file.remove()
    })

    test('is found by another process by its key, but not without the prefix', async () => {
      const file = await put({}, size)
      const opened = await s3({ client, bucket, prefix }).open(file.key)
      expect(opened).toMatchObject({ key: file.key, etag: file.etag, size, type: 'image/png' })
      expect(await s3({ client, bucket, prefix: 'other/' }).open(file.key)).toBeUndefined()
      await file.remove()
      expect(await s3({ client, bucket, prefix }).open(file.key)).toBeUndefined()
    })

    test('can be copied inside the bucket, with its type and metadata', async () => {
      const file = await put({ params: { CacheControl: 'no-store' } }, size)
      const copy = await file.copyTo(`${prefix}kept/ü & 1.png`)
      await file.remove()
      expect(copy).toMatchObject({ key: `${prefix}kept/ü & 1.png`, size, originalName: '../photo.png' })
      expect((await buffer(copy.createReadStream())).equals(await buffer(source(size)))).toBe(true)
      await copy.remove()
    })

    test('cannot be read after another has replaced it', async () => {
      const file = await put({}, size)
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: file.key, Body: 'other' }))
      await expect(buffer(file.createReadStream())).rejects.toMatchObject({ code: 'PreconditionFailed' })
      await file.remove()
    })
  })

  test('a media type that does not fit into a header becomes application/octet-stream', async () => {
    for (const type of ['', 'image/pñg']) {
      const file = await put({}, 10, { type })
      expect((await head(file)).ContentType).toBe('application/octet-stream')
      await file.remove()
    }
  })

  test('an original name of any length fits into the metadata', async () => {
    const file = await put({}, 10, { originalName: 'ü'.repeat(20_000) })
    expect(file.originalName).toBe('ü'.repeat(170))
    await file.remove()
  })

  test.each(['../x', '/x', 'a//b', 'a\0b', '', 'CON', 'x.'])('the key %j fails the upload', async (key) => {
    const message = `s3({ key }) returned ${JSON.stringify(key)}, which is not a safe key of at most 1024 bytes.`
    await expect(put({ key: () => key })).rejects.toThrow(message)
  })

  test('metadata that is not printable ASCII fails the upload', async () => {
    await expect(put({ metadata: () => ({ a: 'ü' }) })).rejects.toThrow('not printable ASCII')
  })

  test('an UploadedFile has its object, has no path, and can be moved out of the bucket', async () => {
    const stored = await put({}, 6 * MiB)
    const file = new UploadedFile(stored, info)
    expect(s3File(file)).toBe(stored)
    expect(file.path).toBeUndefined()
    expect(JSON.stringify(file)).not.toContain(stored.key)
    const folder = await mkdtemp(join(tmpdir(), 's3-'))
    const moved = await file.moveTo(join(folder, 'photo.png'))
    expect((await readFile(join(folder, 'photo.png'))).equals(await buffer(source(6 * MiB)))).toBe(true)
    expect(s3File(moved)).toBeUndefined()
    await rm(folder, { recursive: true })
  })

  test('a stream sends no request until it is read, and closes its connection when it is destroyed', async () => {
    const file = await put({}, 20 * MiB)
    const spy = vi.spyOn(client, 'send')
    file.createReadStream()
    expect(spy).not.toHaveBeenCalled()
    spy.mockRestore()
    const stream = file.createReadStream()
    await once(stream, 'readable')
    expect(stream.readableLength).toBeLessThan(MiB)
    stream.destroy()
    await once(stream, 'close')
    await file.remove()
    await expect(buffer(file.createReadStream())).rejects.toBeInstanceOf(S3StorageError)
  })

  test('a range beyond the end is empty, and an invalid range is an error', async () => {
    const file = await put({}, 10)
    expect(await buffer(file.createReadStream({ start: 10 }))).toHaveLength(0)
    expect(() => file.createReadStream({ start: 5, end: 4 })).toThrow(RangeError)
    expect(() => file.createReadStream({ start: -1 })).toThrow(RangeError)
    await file.remove()
  })

  test('a slow store pauses its source', async () => {
    const slow = new S3Client(config)
    slow.middlewareStack.add((next) => async (args) => {
      await new Promise((resolve) => setTimeout(resolve, 150))
      return next(args)
    })
    let taken = 0
    const stream = new Readable({
      read() {
        taken += 64 * 1024
        this.push(taken <= 40 * MiB ? Buffer.alloc(64 * 1024) : null)
      },
    })
    const storing = s3({ client: slow, bucket, prefix, queueSize: 2 }).store(stream, info, never())
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(taken).toBeLessThanOrEqual((2 + 1) * 5 * MiB + 2 * MiB)
    await (await storing).remove()
  })
})
