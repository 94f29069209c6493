/** The rules of a schema apply while files arrive: a refused file is not stored. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  accept,
  FileUploadParser,
  sniff,
  type Limits,
  type MountOptions,
  type UploadedFile,
} from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { field, file, form as formOf, type Answer } from '../adapters/client.js'
import { frameworks, type Handling } from '../adapters/frameworks.js'
import { findCurl } from '../clients/programs.js'
import { multipart, readingMounts, serve, serveApp, WatchedStorage } from './app.js'

const curl = await findCurl()
if (curl === undefined) console.log('Skipped: a large upload with curl, since curl is not installed.')

const MiB = 1024 * 1024
const paths = ({ json }: Answer): string[] => json.errors.map(({ path }: { path: string }) => path)

const cases = frameworks.flatMap((framework) =>
  readingMounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  async function watching(schema: z.ZodType, handler?: (handling: Handling) => unknown) {
    const storage = new WatchedStorage()
    const above: { mount?: MountOptions } = mount === undefined ? {} : { mount }
    const send = await serve(framework, ({ form }) => form(schema, { storage }), {
      ...above,
      ...(handler !== undefined && { handler }),
    })
    return { send, storage }
  }
  const png = (name: string, filename = 'a.png') => file(name, filename, 'image/png')

  test('a file larger than its field admits is refused at the first byte too many', async () => {
    const { send, storage } = await watching(z.object({ f: z.file().max(5) }))
    expect((await send(multipart([png('f'), '12345']))).status).toBe(200)
    const { json } = await send(multipart([png('f'), '123456']))
    expect(json).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE', field: 'f', limit: 5 })
    expect(storage.held).toBe(0)
  })

  test('the rules of lists and of nested objects apply too', async () => {
    const Item = z.object({ scan: z.file().max(2) })
    const { send, storage } = await watching(
      z.object({ items: z.array(Item), all: z.array(z.file().max(3)) }),
    )
    for (const name of ['items[0].scan', 'items[0][scan]', 'items.0.scan', 'items[].scan', 'all', 'all[]']) {
      const { json } = await send(multipart([png(name), '1234']))
      expect(json).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE', field: name })
    }
    expect(storage.held).toBe(0)
  })

  test('a file of the wrong type is not stored, and its issue is listed with all others', async () => {
    const { send, storage } = await watching(
      z.object({ a: z.file().mime(['image/png']), b: z.file().check(accept('image/*')), n: z.number() }),
    )
    const answer = await send(
      multipart([file('a', 'a.txt'), 'x'.repeat(100_000)], [file('b', 'b.txt'), 'y'], [field('n'), 'z']),
    )
    expect(answer.status).toBe(422)
    expect(paths(answer)).toEqual(['a', 'b', 'n'])
    expect(storage).toMatchObject({ offered: [], bytes: 0 })
    expect((await send(multipart([png('a'), 'x'], [png('b'), 'y'], [field('n'), '1']))).status).toBe(200)
    expect(storage.offered).toEqual(['a.png', 'a.png'])
  })

  test('files beyond the length of their list are not stored', async () => {
    const { send, storage } = await watching(z.object({ list: z.array(z.file()).max(2), one: z.file() }))
    const answer = await send(
      multipart(
        [png('list', '1'), 'x'],
        [png('list', '2'), 'x'],
        [png('one', 'one'), 'x'],
        [png('list', '3'), 'x'],
        [png('one', 'other'), 'x'],
      ),
    )
    expect(answer.status).toBe(422)
    expect(paths(answer)).toEqual(['list', 'one'])
    expect(storage).toMatchObject({ offered: ['1', '2', 'one'], held: 0 })
  })

  test('an unknown file of a strict schema is drained, not stored', async () => {
    const { send, storage } = await watching(z.strictObject({ a: z.string(), f: z.file().optional() }))
    const answer = await send(
      multipart([png('virus', 'virus'), 'x'.repeat(300_000)], [field('a'), 'x'], [png('f', 'known'), 'y']),
    )
    expect(answer.status).toBe(422)
    expect(answer.json.errors).toMatchObject([{ path: '', code: 'unrecognized_keys' }])
    expect(storage).toMatchObject({ offered: ['known'], held: 0 })
  })

  test('a file with an unknown name is drained, not stored, and hidden from the handler', async () => {
    const { send, storage } = await watching(z.object({ a: z.string(), f: z.file().optional() }))
    const { status, json } = await send(
      multipart([png('virus', 'virus'), 'x'.repeat(300_000)], [field('a'), 'x'], [png('f', 'known'), 'y']),
    )
    expect(status).toBe(200)
    expect(json.data).toMatchObject({ a: 'x', f: { name: 'known' } })
    expect([Object.keys(json.data), Object.keys(json.files)]).toEqual([['a', 'f'], ['f']])
    expect(storage.offered).toEqual(['known'])
  })

  test('an unknown file of a nested strict object is drained, not stored', async () => {
    const { send, storage } = await watching(z.object({ a: z.strictObject({ b: z.string() }) }))
    const answer = await send(multipart([png('a.virus'), 'x'], [field('a.b'), 'x']))
    expect(answer.json.errors).toMatchObject([{ path: 'a', code: 'unrecognized_keys' }])
    expect(storage.offered).toEqual([])
  })

  test('files with unknown names count towards the limits', async () => {
    const storage = new WatchedStorage()
    const limits = { files: 2, fileSize: 5 }
    const send = await serve(framework, ({ form }) => form(z.object({}), { storage, limits }), {
      ...(mount !== undefined && { mount }),
    })
    const unknown = (size: number) => [png('virus'), 'x'.repeat(size)] as const
    expect((await send(multipart(unknown(5), unknown(5)))).json).toEqual({ data: {}, files: {} })
    expect((await send(multipart(unknown(6)))).json).toMatchObject({ code: 'LIMIT_FILE_SIZE', limit: 5 })
    expect((await send(multipart(unknown(1), unknown(1), unknown(1)))).json.code).toBe('LIMIT_FILES')
    expect(storage.offered).toEqual([])
  })

  test('a schema that accepts any name has its files stored', async () => {
    for (const schema of [
      z.looseObject({}),
      z.object({}).catchall(z.file()),
      z.record(z.string(), z.file()),
      z.preprocess((form) => form, z.record(z.string(), z.file())),
    ]) {
      const { send, storage } = await watching(schema)
      const { json } = await send(multipart([png('virus', 'virus'), 'x']))
      expect(Object.keys(json.files)).toEqual(['virus'])
      expect(storage.offered).toEqual(['virus'])
    }
  })

  test('a fault of the server stays a 500 when a client sends unknown files', async () => {
    const send = await serve(
      framework,
      ({ form }) =>
        form(
          z.object({ a: z.string() }).refine(() => {
            throw new Error('a fault')
          }),
        ),
      { ...(mount !== undefined && { mount }), errorHandler: true },
    )
    expect((await send(multipart([png('virus'), 'x'], [field('a'), 'x']))).status).toBe(500)
  })

  test('a raw file without a place in the schema is not stored', async () => {
    const storage = new WatchedStorage()
    const options = { parsers: [FileUploadParser], storage }
    const raw = {
      type: 'image/png',
      body: 'x'.repeat(100_000),
      headers: { 'Content-Disposition': 'attachment; filename=a.png' },
    }
    for (const schema of [z.object({ photo: z.file().optional() }), z.strictObject({})]) {
      const send = await serve(framework, ({ body }) => body(schema, options), {
        ...(mount !== undefined && { mount }),
      })
      const { status, json } = await send(raw)
      expect([status, json.files ?? {}]).toEqual([schema.def.catchall === undefined ? 200 : 422, {}])
    }
    expect(storage.offered).toEqual([])
  })

  test('sniff() also checks a refused file, and both issues are listed', async () => {
    const { send, storage } = await watching(
      z.object({
        f: z.file().check(accept('image/png'), sniff()),
        g: z.file().mime(['image/png']).check(sniff()),
      }),
    )
    const answer = await send(
      multipart([file('f', 'f.pdf', 'application/pdf'), 'no PDF'.repeat(2000)], [png('g'), 'no PNG']),
    )
    expect(answer.status).toBe(422)
    expect(paths(answer)).toEqual(['f', 'f', 'g'])
    expect(storage.offered).toEqual(['a.png'])
  })

  test('a refinement that reads a refused file does not turn the 422 into a 500', async () => {
    const { send } = await watching(
      z.object({
        f: z
          .file()
          .mime(['image/png'])
          .refine(async (file) => (await file.arrayBuffer()).byteLength > 0),
      }),
    )
    const answer = await send(multipart([file('f', 'f.txt'), 'x'.repeat(10_000)]))
    expect(answer.status).toBe(422)
    expect(paths(answer)).toEqual(['f'])
  })

  test('a file that one union option refuses and another omits never reaches the handler', async () => {
    const Card = z.object({ kind: z.literal('card'), scan: z.file().mime(['image/png']) })
    const Cash = z.object({ kind: z.literal('cash') })
    const { send } = await watching(z.union([Card, Cash]))
    const { json } = await send(multipart([field('kind'), 'cash'], [file('scan', 'scan.txt'), 'x']))
    expect(json).toEqual({ data: { kind: 'cash' }, files: {} })
  })

  test('a file that another union option accepts is stored', async () => {
    const read = async ({ data }: Handling) => (data as { f: UploadedFile }).f.text()
    for (const other of [z.any(), z.looseObject({}), z.record(z.string(), z.file())]) {
      const { send } = await watching(
        z.strictObject({ f: z.file().mime(['image/png']) }).or(other as never),
        read,
      )
      expect((await send(multipart([file('f', 'f.txt'), 'content']))).json).toBe('content')
    }
  })

  test('with a coerce option no file name is unknown, since it may rename files', async () => {
    const storage = new WatchedStorage()
    const send = await serve(
      framework,
      ({ form }) =>
        form(z.strictObject({ photo: z.file() }), { storage, coerce: (data) => ({ photo: data['bild'] }) }),
      mount === undefined ? {} : { mount },
    )
    expect((await send(multipart([png('bild'), 'x']))).json.data.photo).toMatchObject({
      name: 'a.png',
      size: 1,
    })
    expect(storage.offered).toEqual(['a.png'])
  })

  describe('1 GiB for a field of 1 MB', () => {
    const GiB = 1024 * MiB
    const limits: Partial<Limits> = { bodySize: 2 * GiB, fileSize: 2 * GiB }
    const limit = 1_000_000

    async function start() {
      const storage = new WatchedStorage()
      const schema = z.object({ f: z.file().max(limit) })
      const app = await serveApp(framework, ({ form }) => form(schema, { storage, limits }), {
        ...(mount !== undefined && { mount }),
      })
      return { storage, app }
    }
    const expectRefused = (answer: unknown, storage: WatchedStorage): void => {
      expect(answer).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE', field: 'f', limit })
      expect(storage.offered).toEqual(['f.bin'])
      expect(storage.bytes).toBeLessThanOrEqual(limit + 64 * 1024)
      expect(storage.held).toBe(0)
    }

    test('http.request receives the answer', async () => {
      const { storage, app } = await start()
      const [before = '', after = ''] = formOf('X', [file('f', 'f.bin'), '\0']).split('\0')
      const sending = request({
        port: app.port,
        method: 'POST',
        headers: {
          'Content-Type': 'multipart/form-data; boundary=X',
          'Content-Length': before.length + GiB + after.length,
        },
      })
      const answered = once(sending, 'response') as Promise<[IncomingMessage]>
      sending.on('error', () => undefined)
      const block = Buffer.alloc(MiB)
      let sent = 0
      const pour = (): void => {
        while (sent < GiB && !sending.destroyed) {
          sent += block.length
          if (!sending.write(block)) return void sending.once('drain', pour)
        }
        if (!sending.destroyed) sending.end(after)
      }
      sending.write(before)
      pour()
      const [response] = await answered
      expectRefused(JSON.parse(await text(response)), storage)
      expect(sent).toBeLessThan(64 * MiB)
      sending.destroy()
    })

    test.skipIf(curl === undefined)('curl reads the answer', async () => {
      const { storage, app } = await start()
      // It takes no room on the disk: all of it is a hole.
      const folder = await mkdtemp(join(tmpdir(), 'formgate-'))
      const large = join(folder, 'f.bin')
      await writeFile(large, '')
      await truncate(large, GiB)
      const upload = spawn(curl!, [
        '-sS',
        '-H',
        'Expect:',
        '-F',
        `f=@${large}`,
        `http://127.0.0.1:${app.port}/`,
      ])
      const [answer, complaint] = await Promise.all([text(upload.stdout), text(upload.stderr)])
      await rm(folder, { recursive: true })
      expect(complaint).toBe('')
      expectRefused(JSON.parse(answer), storage)
    })
  })
})

describe.each(frameworks)('$name below an eager multipart()', (framework) => {
  test('a file with an unknown name that was stored before is not among the files', async () => {
    const storage = new WatchedStorage()
    const schema = z.object({ f: z.file() })
    const send = await serve(framework, ({ form }) => form(schema), { mount: { storage } })
    const png = (name: string) => file(name, `${name}.png`, 'image/png')
    const { json } = await send(multipart([png('virus'), 'x'], [png('f'), 'y']))
    expect([Object.keys(json.data), Object.keys(json.files)]).toEqual([['f'], ['f']])
    expect(storage.offered).toEqual(['virus.png', 'f.png'])
    await expect.poll(() => storage.held).toBe(0)
  })
})
