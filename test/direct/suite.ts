/** Direct uploads on all frameworks, with whatever store the caller has. */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { hash, type UploadedFile } from '@formgate/core'
import { s3, s3File } from '@formgate/s3'
import { directUploads, type UploadRequest, type UploadTicket } from '@formgate/s3/direct'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { accept, sniff } from '@formgate/core/checks'
import { frameworks, startForEach, type Description } from '../adapters/frameworks.js'

/** A store, and a prefix for the keys of this run. */
interface DirectStore {
  readonly config: S3ClientConfig
  readonly bucket: string
  readonly prefix: string
  /** All keys below the prefix. */
  readonly contents: () => Promise<string[]>
}

const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000049444154', 'hex'), Buffer.alloc(5000, 'a')])
const page = Buffer.from(`<!doctype html><script>alert(1)</script>${' '.repeat(png.length)}`).subarray(
  0,
  png.length,
)

export const User = z.object({
  username: z.string().min(3),
  photo: z.file().max(10_000, 'At most 10 kB').check(accept('image/*')),
  scans: z.array(z.file().max(10_000).check(sniff())).optional(),
})

interface Answer {
  readonly status: number
  readonly body: { readonly code?: string; readonly detail?: string; readonly hint?: string } & Record<
    string,
    unknown
  >
}

type Store = () => DirectStore

export function directUploadSuite(store: Store): void {
  describe.each(frameworks)('$name', ({ start }) => {
    const startApp = startForEach(start)
    let origin = ''
    let client: S3Client
    /** Runs before each request to the store. */
    let intercept: (operation: string) => Promise<void> | void = () => undefined
    let lost: string | undefined

    beforeAll(() => {
      client = new S3Client({ ...store().config, maxAttempts: 1 })
      client.middlewareStack.add(
        (next, { commandName = '' }) =>
          async (args) => {
            const operation = commandName.replace(/Command$/, '')
            await intercept(operation)
            const answer = await next(args)
            if (lost !== operation) return answer
            // The SDK sends a request again if its answer is lost.
            lost = undefined
            return next(args)
          },
        { step: 'finalizeRequest' },
      )
    })
    let kept: string[] = []
    const keptNow = async () => (await store().contents()).filter((key) => key.includes('users/'))
    beforeEach(async () => {
      kept = await keptNow()
    })
    afterEach(() => {
      intercept = () => undefined
      vi.useRealTimers()
    })

    const uploadsOf = (name: string) =>
      directUploads(User, {
        name,
        secret: 'a secret of at least 32 characters',
        owner: (request: { headers: Record<string, unknown> }) => String(request.headers['x-user']),
        bucket: store().bucket,
        client,
        prefix: `${store().prefix}users/`,
        pending: `${store().prefix}incoming/`,
      })

    /** `/tickets` hands out tickets, `/users` takes the form and keeps its files, `/refused` keeps none. */
    const listen = async (description: Description = {}): Promise<void> => {
      const uploads = uploadsOf('users')
      const others = uploadsOf('others')
      const shown = async (file: UploadedFile, isKept: boolean) => {
        if (isKept) file.keep()
        const { key } = s3File(file)!
        const bytes = await buffer(file.createReadStream())
        return { ...file.toJSON(), key, isWhole: bytes.equals(png), hash: file.hash }
      }
      const form = (path: string, isKept: boolean, inspect = {}) => ({
        path,
        typed: ({ form }: { form: (schema: typeof User, options: object) => unknown }) =>
          form(User, { ...uploads.options, limits: { files: 3 }, ...inspect }),
        handler: async ({ data }: { data: unknown }) => {
          const { username, photo, scans = [] } = data as z.infer<typeof User>
          const files = [photo, ...scans] as UploadedFile[]
          return { username, files: await Promise.all(files.map((file) => shown(file, isKept))) }
        },
      })
      const app = await startApp({
        ...description,
        errorHandler: true,
        routes: [
          {
            path: '/tickets',
            typed: ({ body }) => body(uploads.request),
            handler: ({ data, request }) => uploads.sign(data as UploadRequest, request),
          },
          {
            path: '/other-tickets',
            typed: ({ body }) => body(others.request),
            handler: ({ data, request }) => others.sign(data as UploadRequest, request),
          },
          form('/users', true),
          form('/preview', false),
          form('/hashed', true, { inspect: hash() }),
          form('/filtered', true, { filter: ({ field }: { field: string }) => field !== 'scans' }),
        ],
      })
      origin = `http://127.0.0.1:${app.port}`
    }

    const send = async (path: string, init: RequestInit, user = 'ann'): Promise<Answer> => {
      const headers = { ...(init.headers as Record<string, string>), 'X-User': user }
      const answer = await fetch(origin + path, { ...init, method: 'POST', headers })
      return { status: answer.status, body: (await answer.json()) as Answer['body'] }
    }
    const photo = { field: 'photo', name: 'Ann "1".png', type: 'image/png', size: png.length }
    const ask = (file: object, user?: string, path = '/tickets'): Promise<Answer> => {
      const headers = { 'Content-Type': 'application/json' }
      return send(path, { headers, body: JSON.stringify(file) }, user)
    }
    const ticketFor = async (file: object = photo, ...rest: [string?, string?]): Promise<UploadTicket> => {
      const { status, body } = await ask(file, ...rest)
      expect(status).toBe(200)
      return body as unknown as UploadTicket
    }
    /** Uploads as a page does. @returns the status of the store */
    const upload = async (
      { url, fields }: UploadTicket,
      bytes = png,
      changed: Record<string, string> = {},
    ): Promise<number> => {
      const form = new FormData()
      for (const [name, value] of Object.entries({ ...fields, ...changed })) form.set(name, value)
      form.set('file', new Blob([new Uint8Array(bytes)]))
      return (await fetch(url, { method: 'POST', body: form })).status
    }
    const uploaded = async (file?: object): Promise<UploadTicket> => {
      const ticket = await ticketFor(file)
      expect(await upload(ticket)).toBe(204)
      return ticket
    }
    const confirm = (fields: Record<string, string | string[]>, user?: string, path = '/users') => {
      const form = new FormData()
      form.set('username', 'ann')
      for (const [name, values] of Object.entries(fields))
        for (const [at, value] of [values].flat().entries())
          if (at === 0) form.set(name, value)
          else form.append(name, value)
      return send(path, { body: form }, user)
    }
    const keyOf = ({ fields }: UploadTicket): string => fields['key']!
    /** Writes to the place of an upload without its presigned POST. */
    const overwrite = (ticket: UploadTicket, Body: Buffer, ContentType = 'image/png') =>
      client.send(new PutObjectCommand({ Bucket: store().bucket, Key: keyOf(ticket), Body, ContentType }))
    const bytesAt = async (key: string): Promise<Buffer> => {
      const found = await s3({ client, bucket: store().bucket }).open(key)
      return buffer(found!.createReadStream())
    }
    const keysOf = ({ body }: Answer): string[] => (body['files'] as { key: string }[]).map(({ key }) => key)

    test('a form whose photo is in the bucket already gets the same data as one that has it inside', async () => {
      await listen()
      const ticket = await uploaded()
      const direct = await confirm({ photo: ticket.ticket })
      const [key] = keysOf(direct)
      expect(direct).toMatchObject({
        status: 200,
        body: {
          username: 'ann',
          files: [
            {
              field: 'photo',
              name: 'Ann "1".png',
              type: 'image/png',
              size: png.length,
              key: expect.stringMatching(/users\/[0-9a-f]{32}\.png$/) as unknown,
              isWhole: true,
            },
          ],
        },
      })
      const inside = new FormData()
      inside.set('username', 'ann')
      inside.set('photo', new File([png], 'Ann "1".png', { type: 'image/png' }))
      const plain = await send('/users', { body: inside })
      const [otherKey] = keysOf(plain)
      expect({ ...plain, body: JSON.stringify(plain.body).replace(otherKey!, key!) }).toEqual({
        ...direct,
        body: JSON.stringify(direct.body),
      })
      const found = await s3({ client, bucket: store().bucket }).open(key!)
      expect(found).toMatchObject({ type: 'image/png', size: png.length, originalName: 'Ann "1".png' })
      expect(await store().contents()).not.toContain(keyOf(ticket))
    })

    test('a URL-encoded form and a list of files take tickets too', async () => {
      await listen()
      const [first, second, third] = [
        await uploaded(),
        await uploaded({ ...photo, field: 'scans' }),
        await uploaded({ ...photo, field: 'scans' }),
      ]
      const body = new URLSearchParams({ username: 'ann', photo: first.ticket })
      for (const { ticket } of [second, third]) body.append('scans', ticket)
      const { status, body: data } = await send('/users', { body })
      expect([status, data['files']]).toMatchObject([
        200,
        [{ field: 'photo' }, { field: 'scans', isWhole: true }, { field: 'scans', isWhole: true }],
      ])
    })

    test('a file that the handler does not keep is removed after the response', async () => {
      await listen()
      const ticket = await uploaded()
      const answer = await confirm({ photo: ticket.ticket }, 'ann', '/preview')
      expect(answer.status).toBe(200)
      await expect.poll(store().contents).not.toContain(keysOf(answer)[0])
    })

    test('a form that is refused leaves no file', async () => {
      await listen()
      const answer = await confirm({ username: 'a', photo: (await uploaded()).ticket })
      expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } })
      await expect.poll(keptNow).toEqual(kept)
    })

    test('50 clients that go away while their form is handled leave no file', async () => {
      await listen()
      const tickets = await Promise.all(Array.from({ length: 50 }, () => uploaded()))
      const sending = tickets.map(async ({ ticket }, at) => {
        const body = new URLSearchParams({ username: 'ann', photo: ticket })
        const signal = AbortSignal.timeout(at * 3)
        return send('/preview', { body, signal }).catch((error: unknown) => (error as Error).name)
      })
      const ends = await Promise.all(sending)
      expect(ends.filter((end) => end === 'TimeoutError').length).toBeGreaterThan(0)
      // What the last of them began may still be under way.
      await delay(500)
      await expect.poll(keptNow).toEqual(kept)
    })

    test('inspectors see the bytes, and a filter may leave the file out', async () => {
      await listen()
      const sha256 = createHash('sha256').update(png).digest('hex')
      const hashed = await confirm({ photo: (await uploaded()).ticket }, 'ann', '/hashed')
      expect(hashed).toMatchObject({ status: 200, body: { files: [{ hash: sha256, isWhole: true }] } })
      const scans = (await uploaded({ ...photo, field: 'scans' })).ticket
      const filtered = await confirm({ photo: (await uploaded()).ticket, scans }, 'ann', '/filtered')
      expect(filtered).toMatchObject({ status: 200, body: { files: [{ field: 'photo' }] } })
    })

    test('a lazy multipart() above leaves the form to the route, and an eager one is a 500 that says so', async () => {
      await listen({ mount: { lazy: true } })
      expect(await confirm({ photo: (await uploaded()).ticket })).toMatchObject({ status: 200 })
      await listen({ mount: {} })
      expect(await confirm({ photo: (await uploaded()).ticket })).toMatchObject({
        status: 500,
        body: { code: 'BODY_ALREADY_READ' },
      })
    })

    test('a request without an owner gets no ticket, and its form no file', async () => {
      await listen()
      const { ticket } = await uploaded()
      expect(await ask(photo, '')).toMatchObject({ status: 500 })
      expect(await confirm({ photo: ticket }, '')).toMatchObject({ status: 500 })
      expect(await confirm({ photo: ticket })).toMatchObject({ status: 200 })
    })

    describe('a request for a ticket is refused', () => {
      test.each([
        ['for a file that the schema finds too large', { size: 10_001 }, 'photo', 'At most 10 kB'],
        [
          'for a type that the schema does not accept',
          { type: 'text/html' },
          'photo',
          'Invalid file type: text/html',
        ],
        ['for a field that is no file', { field: 'username' }, 'username', 'The form has no such file'],
        ['for an unknown field', { field: 'other' }, 'other', 'The form has no such file'],
        [
          'for a field with a name of a kilobyte',
          { field: 'x'.repeat(1024) },
          'field',
          'Expected the name of a field',
        ],
        ['without a name', { name: '' }, 'name', 'Expected a file name'],
        ['with a size that is no number', { size: '1' }, 'size', 'Expected a size in bytes'],
        ['with a type that is no media type', { type: 'a b/c' }, 'type', 'Expected a media type'],
      ])('%s', async (_what, changed, path, message) => {
        await listen()
        expect(await ask({ ...photo, ...changed })).toMatchObject({
          status: 422,
          body: { code: 'VALIDATION_FAILED', errors: [{ path, message }] },
        })
      })
    })

    describe('the store refuses an upload', () => {
      test('that is larger or smaller than its ticket says', async () => {
        await listen()
        const ticket = await ticketFor()
        expect(await upload(ticket, Buffer.concat([png, png]))).toBe(400)
        expect(await upload(ticket, png.subarray(1))).toBe(400)
      })

      test('of another type, and to another key', async () => {
        await listen()
        const ticket = await ticketFor()
        expect(await upload(ticket, png, { 'Content-Type': 'text/html' })).toBe(403)
        expect(await upload(ticket, png, { key: `${store().prefix}users/mine.png` })).toBe(403)
      })
    })

    describe('a form is refused, and says why', () => {
      const invalid = { status: 403, body: { code: 'INVALID_TICKET', hint: expect.any(String) as unknown } }
      const missing = { status: 409, body: { code: 'UPLOAD_MISSING', hint: expect.any(String) as unknown } }
      const used = {
        status: 409,
        body: { code: 'USED_TICKET', field: 'photo', hint: expect.any(String) as unknown },
      }
      const refused = (detail: string) => ({
        status: 422,
        body: { code: 'FILE_REFUSED', field: 'photo', detail: expect.stringContaining(detail) as unknown },
      })

      test('with the ticket of another user', async () => {
        await listen()
        const { ticket } = await uploaded()
        expect(await confirm({ photo: ticket }, 'bob')).toMatchObject(invalid)
        expect(await confirm({ photo: ticket }, 'ann')).toMatchObject({ status: 200 })
      })

      test('with the ticket of another field or another form', async () => {
        await listen()
        const { ticket } = await uploaded()
        expect(await confirm({ scans: ticket, photo: (await uploaded()).ticket })).toMatchObject(invalid)
        const other = await ticketFor(photo, 'ann', '/other-tickets')
        await upload(other)
        expect(await confirm({ photo: other.ticket })).toMatchObject(invalid)
      })

      test('with a ticket that was changed or made up', async () => {
        await listen()
        const { ticket } = await uploaded()
        const [name, content, signature] = ticket.split('.') as [string, string, string]
        const claims = JSON.parse(Buffer.from(content, 'base64url').toString()) as object
        const larger = Buffer.from(JSON.stringify({ ...claims, size: 1 })).toString('base64url')
        for (const forged of [
          [name, larger, signature],
          [name, content, signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
          [name, content, ''],
          [name, content],
          [name, ''],
          [name, '', ''],
        ])
          expect(await confirm({ photo: forged.join('.') })).toMatchObject(invalid)
        expect(await confirm({ photo: 'no ticket' })).toMatchObject({
          status: 422,
          body: { code: 'VALIDATION_FAILED' },
        })
      })

      test('with a ticket that has expired', async () => {
        await listen()
        const { ticket } = await uploaded()
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
        expect(await confirm({ photo: ticket })).toMatchObject({
          ...invalid,
          body: { detail: 'The ticket in the field "photo" has expired.' },
        })
      })

      test('with a ticket whose file was not uploaded', async () => {
        await listen()
        const ticket = await ticketFor()
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(missing)
        await upload(ticket)
        expect(await confirm({ photo: ticket.ticket })).toMatchObject({ status: 200 })
      })

      test('with a ticket that was used, also after a late overwrite, which does not reach the file', async () => {
        await listen()
        const ticket = await uploaded()
        const first = await confirm({ photo: ticket.ticket })
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(used)
        expect(await upload(ticket, page)).toBe(204)
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(used)
        expect(await upload(ticket, png)).toBe(204)
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(used)
        expect(await bytesAt(keysOf(first)[0]!)).toEqual(png)
      })

      test('with one ticket twice', async () => {
        await listen()
        const { ticket } = await uploaded({ ...photo, field: 'scans' })
        const answer = await confirm({ photo: (await uploaded()).ticket, scans: [ticket, ticket] })
        expect(answer).toMatchObject({ status: 409, body: { code: 'USED_TICKET', field: 'scans' } })
      })

      test('unless it is the first of many that are sent at once', async () => {
        await listen()
        const { ticket } = await uploaded()
        const answers = await Promise.all(Array.from({ length: 8 }, () => confirm({ photo: ticket })))
        const good = answers.filter(({ status }) => status === 200)
        expect(good).toHaveLength(1)
        for (const answer of answers) if (answer !== good[0]) expect(answer).toMatchObject(used)
        expect(await bytesAt(keysOf(good[0]!)[0]!)).toEqual(png)
      })

      test('if the file is larger, or of another type, than the ticket says', async () => {
        await listen()
        const ticket = await uploaded()
        await overwrite(ticket, Buffer.concat([png, png]))
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(refused(`has ${2 * png.length} bytes`))
        await overwrite(ticket, png, 'text/html')
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(refused('and the type "text/html".'))
      })

      test('if the first bytes are not of the type that the ticket says, which uses it up', async () => {
        await listen()
        const ticket = await ticketFor()
        expect(await upload(ticket, page)).toBe(204)
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(refused('not of the type'))
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(used)
        expect(await keptNow()).toEqual(kept)
      })

      test('if the file is replaced after it was checked', async () => {
        await listen()
        const ticket = await uploaded()
        intercept = async (operation) => {
          if (operation !== 'CopyObject') return
          intercept = () => undefined
          expect(await upload(ticket, page)).toBe(204)
        }
        expect(await confirm({ photo: ticket.ticket })).toMatchObject(refused(''))
        expect(await keptNow()).toEqual(kept)
      })

      test('with more tickets than files are allowed', async () => {
        await listen()
        const scans = Array.from({ length: 3 }, () => 'formgate-upload.a.b')
        const answer = await confirm({ photo: 'formgate-upload.a.b', scans })
        expect(answer).toMatchObject({ status: 413, body: { code: 'LIMIT_FILES', limit: 3 } })
      })
    })

    test('a store that fails to move the file is a 500, and the form can be sent again', async () => {
      await listen()
      const ticket = await uploaded()
      intercept = (operation) => {
        if (operation === 'CopyObject') throw Object.assign(new Error('simulated'), { code: 'ECONNRESET' })
      }
      expect(await confirm({ photo: ticket.ticket })).toMatchObject({
        status: 500,
        body: { code: 'STORAGE_FAILED' },
      })
      intercept = () => undefined
      expect(await confirm({ photo: ticket.ticket })).toMatchObject({ status: 200 })
    })

    test('a ticket is good if the answer to its mark was lost, and the request repeated', async () => {
      await listen()
      const ticket = await uploaded()
      lost = 'PutObject'
      expect(await confirm({ photo: ticket.ticket })).toMatchObject({ status: 200 })
      expect(lost).toBeUndefined()
    })
  })
}
