/** The sizes that a schema names are limits of their fields, above the defaults too. */
import { FileUploadParser, bytes, type Limits, type UploadedFile } from '@formgate/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Connection, exchange, field, file, form as formOf } from '../adapters/client.js'
import { frameworks, type Handling } from '../adapters/frameworks.js'
import { multipart, readingMounts, serve, serveApp, WatchedStorage } from './app.js'

const MiB = 1024 * 1024
const png = (name: string) => file(name, 'a.png', 'image/png')

let warnings: (Error & { code?: string; detail?: string })[] = []
const note = (warning: Error): void => void warnings.push(warning)
beforeEach(() => {
  warnings = []
  process.on('warning', note)
})
afterEach(() => void process.off('warning', note))
/** Warnings are emitted a tick later. */
const warned = async () => {
  await new Promise((resolve) => setImmediate(resolve))
  return warnings.filter(({ code }) => code === 'LIMIT_TOO_LOW')
}

const sizes = ({ data }: Handling) =>
  Object.fromEntries(
    Object.entries(data as Record<string, UploadedFile | UploadedFile[]>).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(({ size }) => size) : value.size,
    ]),
  )

// Below both kinds of mount, these send two gigabytes.
const above = process.env['FORMGATE_LONG'] === undefined ? readingMounts.slice(0, 1) : readingMounts
const cases = frameworks.flatMap((framework) =>
  above.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const start = (schema: z.ZodType, limits?: Partial<Limits>, more: object = {}) =>
    serveApp(
      framework,
      ({ form }) => form(schema, { storage: new WatchedStorage(), ...(limits && { limits }) }),
      { ...(mount !== undefined && { mount }), handler: sizes, ...more },
    )

  test('a file may be larger than the default of fileSize, up to the size of its field', async () => {
    const { port } = await start(z.object({ large: z.file().max(12 * MiB), small: z.file().optional() }))
    const send = (name: string, size: number) => exchange(port, multipart([png(name), 'x'.repeat(size)]))
    expect((await send('large', 12 * MiB)).json).toEqual({ large: 12 * MiB })
    expect((await send('large', 12 * MiB + 1)).json).toMatchObject({ status: 413, limit: 12 * MiB })
    // A field without a size keeps the default.
    expect((await send('small', 10 * MiB + 1)).json).toMatchObject({ status: 413, limit: 10 * MiB })
    expect(await warned()).toEqual([])
  })

  test('a body has room for the files of the schema', async () => {
    const { port } = await start(
      z.object({
        one: z.file().max(70 * MiB),
        list: z.array(z.file().max(20 * MiB)).max(3),
        text: z.string(),
      }),
    )
    const many = [1, 2, 3].map(() => [png('list'), 'x'.repeat(15 * MiB)] as const)
    const body = multipart([png('one'), 'x'.repeat(60 * MiB)], ...many, [field('text'), 'x'.repeat(MiB)])
    expect((await exchange(port, body)).json).toMatchObject({
      one: 60 * MiB,
      list: [15 * MiB, 15 * MiB, 15 * MiB],
    })
  })

  test('a form may have as many files as the lists of the schema', async () => {
    const { port } = await start(z.object({ list: z.array(z.file()).max(150) }))
    const files = (count: number) =>
      multipart(...Array.from({ length: count }, () => [png('list'), 'x'] as const))
    expect((await exchange(port, files(150))).json.list).toHaveLength(150)
    expect((await exchange(port, files(151))).json).toMatchObject({
      status: 413,
      code: 'LIMIT_FILES',
      limit: 150,
    })
  })

  test("the 413 has the schema's own message, with the path of the file", async () => {
    const Picture = z.file().max(5, 'Höchstens 5 Bytes').mime(['image/png'])
    const { port } = await start(
      z.object({
        one: Picture,
        maybe: Picture.nullish(),
        list: z.array(Picture).optional(),
        items: z.array(z.object({ scan: Picture })).optional(),
        texts: z.array(z.union([z.string(), Picture])).optional(),
        plain: z.file().max(5).optional(),
        computed: z
          .file()
          .max(5, { error: ({ input }) => `${(input as File).size} sind zu viel` })
          .optional(),
      }),
    )
    const small = [png('list'), 'x'] as const
    for (const [name, path, before, message = 'Höchstens 5 Bytes'] of [
      ['one', 'one', []],
      ['maybe', 'maybe', []],
      ['list', 'list[0]', []],
      ['list', 'list[2]', [small, small]],
      ['list[]', 'list[1]', [small]],
      ['list[3]', 'list[3]', []],
      ['items[1].scan', 'items[1].scan', []],
      ['items[0][scan]', 'items[0].scan', []],
      ['items[].scan', 'items[].scan', []],
      ['texts', 'texts', []],
      ['plain', 'plain', [], /^Too big: expected file to have <=?5 bytes$/],
      ['computed', 'computed', [], '6 sind zu viel'],
    ] as const) {
      const { json } = await exchange(port, multipart(...before, [png(name), '123456']))
      expect(json).toMatchObject({
        status: 413,
        code: 'LIMIT_FILE_SIZE',
        field: name,
        limit: 5,
        errors: [{ path, message: expect.stringMatching(message), code: 'too_big' }],
      })
    }
  })

  test('a limit that was set caps the size of the schema, and says so once', async () => {
    const { port } = await start(z.object({ f: z.file().max(50_000_000, 'zu groß') }), { fileSize: 5 })
    const send = (size: number) => exchange(port, multipart([png('f'), 'x'.repeat(size)]))
    expect((await send(5)).json).toEqual({ f: 5 })
    const { json } = await send(6)
    expect(json).toMatchObject({ status: 413, code: 'LIMIT_FILE_SIZE', limit: 5 })
    expect(json).not.toHaveProperty('errors')
    expect((await warned()).map(({ message }) => message)).toEqual([
      'A route allows a file of 50000000 bytes, but limits.fileSize is 5.',
    ])
    // Where the route is.
    expect((await warned())[0]?.detail).toContain('sizes.test.ts')
  })

  test('a bodySize that was set caps it too, and a smaller size than the limits is nothing to warn of', async () => {
    const { port } = await start(z.object({ f: z.file().max(2000) }), { bodySize: 1000 })
    expect((await exchange(port, multipart([png('f'), 'x'.repeat(1000)]))).json).toMatchObject({
      code: 'LIMIT_BODY_SIZE',
      limit: 1000,
    })
    expect((await warned()).map(({ message }) => message)).toEqual([
      'A route allows a file of 2000 bytes, but limits.bodySize is 1000.',
    ])
    const { port: other } = await start(z.object({ f: z.file().max(20) }), { fileSize: 30, bodySize: 1000 })
    expect((await exchange(other, multipart([png('f'), 'x'.repeat(20)]))).json).toEqual({ f: 20 })
    expect(await warned()).toHaveLength(1)
  })

  test('a file that a catch replaces is refused beyond its size or the limit, whichever is higher', async () => {
    const none = new File([], 'none')
    const { port } = await start(
      z.object({
        low: z.file().max(5).catch(none),
        high: z
          .file()
          .max(12 * MiB)
          .catch(none),
      }),
    )
    const send = (name: string, size: number) => exchange(port, multipart([png(name), 'x'.repeat(size)]))
    expect((await send('low', 6)).json).toEqual({ low: 0, high: 0 })
    expect((await send('high', 12 * MiB)).json).toEqual({ low: 0, high: 12 * MiB })
    expect((await send('high', 12 * MiB + 1)).status).toBe(413)
    expect((await send('low', 10 * MiB + 1)).status).toBe(413)
  })

  test('the size of a raw file is that of the field "file"', async () => {
    const schema = z.object({ file: z.file().max(12 * MiB, 'zu groß') })
    const { port } = await serveApp(framework, ({ body }) => body(schema, { parsers: [FileUploadParser] }), {
      ...(mount !== undefined && { mount }),
      handler: sizes,
    })
    const headers = { 'Content-Disposition': 'attachment; filename=a.png' }
    for (const framing of ['length', 'chunked'] as const) {
      const send = (size: number) =>
        exchange(port, { type: 'image/png', body: 'x'.repeat(size), headers, framing })
      expect((await send(12 * MiB)).json).toEqual({ file: 12 * MiB })
      expect((await send(12 * MiB + 1)).json).toMatchObject({
        status: 413,
        code: 'LIMIT_FILE_SIZE',
        limit: 12 * MiB,
        errors: [{ path: 'file', message: 'zu groß', code: 'too_big' }],
      })
    }
  })

  test('bytes({ max }) may be more than the default of bodySize', async () => {
    const max = 300 * MiB
    const { port } = await serveApp(framework, ({ body }) => body(bytes({ max })), {
      ...(mount !== undefined && { mount }),
    })
    const connection = await Connection.open(port)
    connection.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: ${max + 1}\r\n\r\n`,
    )
    expect((await connection.answer()).json).toMatchObject({ code: 'LIMIT_BODY_SIZE', limit: max })
    connection.destroy()
  })
})

describe.each(frameworks)('$name', (framework) => {
  test('a size above those of an eager multipart() is capped, and said once', async () => {
    const schema = z.object({ f: z.file().max(50_000_000) })
    const send = await serve(framework, ({ form }) => form(schema), { mount: {}, handler: sizes })
    expect((await send(multipart([png('f'), 'x']))).json).toEqual({ f: 1 })
    await send(multipart([png('f'), 'x']))
    expect((await warned()).map(({ message }) => message)).toEqual([
      'A route allows a file of 50000000 bytes, but limits.fileSize is 10485760.',
    ])
  })

  test('an eager multipart() that leaves forms to the route caps nothing', async () => {
    const schema = z.object({ f: z.file().max(12 * MiB) })
    const mount = { parsers: [FileUploadParserOfPdfs] }
    const send = await serve(framework, ({ form }) => form(schema), { mount, handler: sizes })
    expect((await send(multipart([png('f'), 'x'.repeat(12 * MiB)]))).json).toEqual({ f: 12 * MiB })
    expect(await warned()).toEqual([])
  })

  test('a fileSize above the default of bodySize has room in a body', async () => {
    const limits = { fileSize: 110 * MiB }
    const { port } = await framework.start({
      mount: { limits, storage: new WatchedStorage() },
      routes: [{ path: '/', handler: ({ files }) => files['f']![0]!.size }],
    })
    const body = formOf('X', [png('f'), 'x'.repeat(105 * MiB)])
    expect((await exchange(port, { type: 'multipart/form-data; boundary=X', body })).json).toBe(105 * MiB)
  })

  test('a fileSize of a route above the bodySize that was set above it is said once', async () => {
    const send = await serve(framework, ({ form }) => form(z.object({}), { limits: { fileSize: 5000 } }), {
      mount: { lazy: true, limits: { bodySize: 1000 } },
    })
    expect((await send(multipart([field('a'), 'x'.repeat(1000)]))).json).toMatchObject({ limit: 1000 })
    await send(multipart([field('a'), 'x']))
    expect((await warned()).map(({ message }) => message)).toEqual([
      'A route allows a file of 5000 bytes, but limits.bodySize is 1000.',
    ])
  })
})

class FileUploadParserOfPdfs extends FileUploadParser {
  override readonly mediaType = 'application/pdf'
}
