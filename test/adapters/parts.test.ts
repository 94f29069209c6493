import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { hash, JSONParser, MultiPartParser, type BodyError, type FilePart, type Part } from '@formgate/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chunk, Connection, exchange, expectInStep, field, file, form, head, multipartX } from './client.js'
import { frameworks, type App, type Handling } from './frameworks.js'

const MiB = 1024 * 1024
const large = 'x'.repeat(3 * MiB)
const digestOf = (bytes: string): string => createHash('sha256').update(bytes).digest('hex')

/** What the last handler met. */
let met: { parts: string[]; error?: unknown; closed: string[] }
let handled: Promise<void>

/** Runs a loop, and records what it meets and how it ends. */
function looping(
  visit: (part: Part, handling: Handling) => unknown,
  after?: (handling: Handling) => unknown,
): (handling: Handling) => Promise<unknown> {
  return async (handling) => {
    let settle = (): void => undefined
    handled = new Promise((resolve) => (settle = resolve))
    try {
      for await (const part of handling.parts()) {
        met.parts.push(part.kind === 'field' ? `${part.name}=${part.value}` : `${part.name}:${part.filename}`)
        if (part.kind === 'file') part.stream.on('close', () => met.closed.push(part.filename))
        if ((await visit(part, handling)) === 'break') break
      }
      return (await after?.(handling)) ?? { parts: met.parts }
    } catch (error) {
      met.error = error
      throw error
    } finally {
      settle()
    }
  }
}

let sizes: Record<string, string> = {}
const readAll = async (part: Part): Promise<void> => {
  if (part.kind === 'file') sizes[part.filename] = await text(part.stream)
}

describe.each(frameworks)('$name', ({ start }) => {
  let app: App
  /** Streams that a handler reads while its loop goes on. */
  const background: Promise<string>[] = []
  let kept: FilePart | undefined

  beforeAll(async () => {
    const limits = { fileSize: 8 * MiB, files: 3, fields: 3, idle: 2000 }
    app = await start({
      mount: { lazy: true, limits, inspect: hash() },
      routes: [
        { path: '/read', handler: looping(readAll) },
        {
          path: '/details',
          handler: looping(
            (part) => {
              const { kind, name, type, headers } = part
              const rest = kind === 'file' ? [part.filename, part.originalName] : [part.value]
              met.parts = [JSON.stringify([kind, name, type, Object.keys(headers), ...rest])]
              if (kind === 'file') part.stream.resume()
            },
            () => ({ part: JSON.parse(met.parts[0] ?? 'null') }),
          ),
        },
        {
          path: '/hashes',
          handler: looping(async (part) => {
            if (part.kind !== 'file') return
            expect(part.findings).toEqual({})
            await pipeline(part.stream, new PassThrough().resume())
            met.parts.push(String(part.findings.hash))
          }),
        },
        { path: '/ignore', handler: looping(() => undefined) },
        { path: '/first', handler: looping(() => 'break') },
        {
          path: '/throw',
          handler: looping(() => {
            throw Object.assign(new Error('The handler has had enough.'), { status: 418 })
          }),
        },
        {
          path: '/some',
          handler: looping(async (part) => {
            if (part.kind === 'field') return undefined
            for await (const _ of part.stream) break
            return undefined
          }),
        },
        {
          path: '/some-and-break',
          handler: looping(async (part) => {
            if (part.kind === 'field') return undefined
            await once(part.stream, 'data')
            return 'break'
          }),
        },
        {
          path: '/background',
          handler: looping(
            (part) => {
              if (part.kind !== 'file') return
              const whole = text(part.stream)
              // The loop tells of a failure too.
              whole.catch(() => undefined)
              background.push(whole)
            },
            async () => (await Promise.all(background.splice(0))).map((each) => each.length),
          ),
        },
        {
          path: '/pipe-to-nowhere',
          handler: looping((part) => {
            if (part.kind !== 'file') return
            const sink = new Writable({ highWaterMark: 1, write: () => undefined })
            part.stream.pipe(sink)
            setTimeout(() => sink.destroy(), 20)
          }),
        },
        {
          path: '/late',
          handler: looping(
            (part) => {
              if (part.kind === 'file') kept ??= part
            },
            async () => ({ late: await text(kept!.stream).catch(String) }),
          ),
        },
        {
          path: '/by-hand',
          handler: async ({ parts }) => {
            const { value } = await parts().next()
            return { name: value?.name }
          },
        },
        {
          path: '/early-answer',
          handler: async ({ parts, response }) => {
            response.on('close', () => met.closed.push('response'))
            for await (const part of parts()) {
              met.parts.push(part.name)
              if (part.kind === 'file') kept = part
              break
            }
            return 'answered'
          },
        },
        {
          path: '/not-called',
          handler: () => 'nothing read',
        },
      ],
    })
  })
  afterAll(() => app.close())
  beforeEach(() => {
    met = { parts: [], closed: [] }
    kept = undefined
    sizes = {}
  })

  const send = (path: string, body: string, type = multipartX): ReturnType<typeof exchange> =>
    exchange(app.port, { path, type, body })

  const mixed = form(
    'X',
    [field('title'), 'one'],
    [file('a', 'a.txt'), 'first file'],
    [field('note'), ''],
    [file('b', 'b.txt'), large],
    [file('c', 'c.txt'), ''],
    [field('last'), 'é'],
  )
  const inOrder = ['title=one', 'a:a.txt', 'note=', 'b:b.txt', 'c:c.txt', 'last=é']

  test('parts come in the order of the body, with every byte of each file', async () => {
    const answer = await send('/read', mixed)
    expect(answer.json).toEqual({ parts: inOrder })
    expect(sizes).toEqual({ 'a.txt': 'first file', 'b.txt': large, 'c.txt': '' })
  })

  test.each(['whole', 'byte by byte'] as const)('the parts of a small form arrive, sent %s', async (cut) => {
    const body = form('X', [field('t'), '1'], [file('a', 'a.txt'), 'abc'], [field('u'), '2'])
    for (const framing of ['length', 'chunked'] as const) {
      met.parts = []
      const answer = await exchange(app.port, { path: '/read', type: multipartX, body, framing }, cut)
      expect(answer.json).toEqual({ parts: ['t=1', 'a:a.txt', 'u=2'] })
      expect(sizes['a.txt']).toBe('abc')
    }
  })

  test('a file has its field, safe name, original name, type and headers', async () => {
    const { json } = await send(
      '/details',
      form('X', [file('photo', '../../é.png', 'IMAGE/PNG; q=1'), 'abc']),
    )
    const headers = ['content-disposition', 'content-type']
    expect(json).toEqual({ part: ['file', 'photo', 'image/png', headers, 'é.png', '../../é.png'] })
  })

  test('a field with a media type of its own comes as text', async () => {
    const json = [`${field('meta')}\r\nContent-Type: application/json`, '{"a":1}'] as const
    const answer = await send('/details', form('X', json))
    const headers = ['content-disposition', 'content-type']
    expect(answer.json).toEqual({ part: ['field', 'meta', 'application/json', headers, '{"a":1}'] })
  })

  test('inspectors see the files, and a part has their findings once it is read', async () => {
    const { json } = await send('/hashes', form('X', [file('a', 'a.txt'), large]))
    expect(json).toEqual({ parts: ['a:a.txt', digestOf(large)] })
  })

  test.each(['', form('X')])('an empty body or form has no parts: %j', async (body) => {
    expect((await send('/read', body)).json).toEqual({ parts: [] })
  })

  test('files that are not read are discarded', async () => {
    expect((await send('/ignore', mixed)).json).toEqual({ parts: inOrder })
    expect(met.closed).toEqual(['a.txt', 'b.txt', 'c.txt'])
  })

  test('the rest of a file that was read in part is discarded', async () => {
    expect((await send('/some', mixed)).json).toEqual({ parts: inOrder })
  })

  test('the loop waits for a file that is being read', async () => {
    expect((await send('/background', mixed)).json).toEqual([10, large.length, 0])
  })

  test('a file that is piped to a closed stream does not hang', async () => {
    expect((await send('/pipe-to-nowhere', mixed)).json).toEqual({ parts: inOrder })
  })

  test('a file that is read after the loop went on fails, and does not look empty', async () => {
    const { json } = await send('/late', form('X', [file('a', 'a.txt'), 'abc']))
    expect(json.late).toMatch(/went on|closed/i)
  })

  test.each(['/first', '/some-and-break', '/by-hand', '/not-called'])(
    'a loop that is left early (%s) is answered, and its connection takes the next request',
    async (path) => {
      for (const body of [form('X', [file('a', 'a.txt'), 'abc']), form('X', [file('a', 'a.txt'), large])]) {
        for (const framing of ['length', 'chunked'] as const) {
          const answer = await exchange(app.port, { path, type: multipartX, body, framing })
          expect(answer.status).toBe(200)
        }
      }
    },
  )

  test('a loop that is left early is answered while the client still sends, and stays in step', async () => {
    const body = form('X', [field('a'), '1'], [file('b', 'b.txt'), large])
    const connection = await Connection.open(app.port)
    connection.write(head({ path: '/first', type: multipartX, body })).write(body.slice(0, 200_000))
    const answer = await connection.answer()
    expect(answer.json).toEqual({ parts: ['a=1'] })
    connection.write(body.slice(200_000))
    await expectInStep(connection, answer)
    connection.destroy()
  })

  test('a client that never ends its body after the loop was left is disconnected', async () => {
    const connection = await Connection.open(app.port)
    connection.write(head({ path: '/first', type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${field('a')}\r\n\r\n1\r\n--X\r\n${file('b', 'b')}\r\n\r\n`))
    expect((await connection.answer()).status).toBe(200)
    // Says nothing more for longer than limits.idle.
    await connection.closed()
  })

  test('a loop that throws is answered with its error, and the rest of the body is discarded', async () => {
    for (const body of [form('X', [field('a'), '1']), form('X', [file('a', 'a.txt'), large])]) {
      const answer = await send('/throw', body)
      expect(answer.status).toBe(418)
      expect(met.error).toMatchObject({ message: 'The handler has had enough.' })
    }
  })

  test('a stream that is still open when the response ends is closed', async () => {
    const connection = await Connection.open(app.port)
    const body = form('X', [file('a', 'a.txt'), large])
    connection.write(head({ path: '/early-answer', type: multipartX, body })).write(body.slice(0, 100_000))
    await connection.answer()
    await expect.poll(() => kept?.stream.destroyed).toBe(true)
    connection.destroy()
  })

  test.each([
    [
      'more files than the limit',
      form('X', ...[1, 2, 3, 4].map((n) => [file('f', `${n}`), 'x'] as const)),
      413,
      'LIMIT_FILES',
    ],
    [
      'more fields than the limit',
      form('X', ...[1, 2, 3, 4].map((n) => [field(`f${n}`), 'x'] as const)),
      413,
      'LIMIT_FIELDS',
    ],
    [
      'a file larger than the limit',
      form('X', [file('f', 'f'), 'x'.repeat(8 * MiB + 1)]),
      413,
      'LIMIT_FILE_SIZE',
    ],
    ['a body that is cut short', form('X', [file('f', 'f'), 'abc']).slice(0, -8), 400, 'TRUNCATED_BODY'],
    ['another boundary', form('Y', [field('f'), 'abc']), 400, 'BOUNDARY_MISMATCH'],
    ['a part without a name', form('X', ['Content-Disposition: form-data', 'x']), 400, 'MISSING_PART_NAME'],
    ['LF line ends', form('X', [field('f'), 'abc']).replaceAll('\r\n', '\n'), 400, 'LF_LINE_ENDINGS'],
  ])('%s ends the loop with an error, which is answered', async (_what, body, status, code) => {
    for (const path of ['/read', '/ignore', '/background']) {
      background.length = 0
      const answer = await send(path, body)
      expect([answer.status, answer.json.code]).toEqual([status, code])
    }
  })

  test.each([
    ['application/x-www-form-urlencoded', 'a=1', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['multipart/mixed; boundary=X', form('X'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [undefined, 'abc', 415, 'MISSING_CONTENT_TYPE'],
    ['multipart/form-data', form('X'), 400, 'MISSING_BOUNDARY'],
    ['multipart/form-data; boundary=', form('X'), 400, 'INVALID_BOUNDARY'],
  ])('a body of %j is refused', async (type, body, status, code) => {
    const answer = await exchange(app.port, { path: '/read', body, type })
    expect([answer.status, answer.json.code]).toEqual([status, code])
  })

  test('a client that stops in the middle of a file fails its stream with 408', async () => {
    const connection = await Connection.open(app.port)
    connection.write(head({ path: '/read', type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${file('b', 'b')}\r\n\r\nabc`))
    const answer = await connection.answer()
    expect([answer.status, answer.json.code]).toEqual([408, 'IDLE_TIMEOUT'])
    await connection.closed()
  })

  test.each([
    ['/read', (connection: Connection) => connection.destroy()],
    ['/read', (connection: Connection) => connection.reset()],
    ['/ignore', (connection: Connection) => connection.destroy()],
  ] as const)('a client that disconnects ends the loop of %s', async (path, leave) => {
    const connection = await Connection.open(app.port)
    connection.write(head({ path, type: multipartX, framing: 'chunked' }))
    connection.write(chunk(`--X\r\n${file('b', 'b')}\r\n\r\nabc`))
    await expect.poll(() => met.parts).toEqual(['b:b'])
    leave(connection)
    await handled
    expect((met.error as BodyError).code).toBe('CLIENT_ABORTED')
    await expect.poll(() => met.closed).toEqual(['b'])
  })

  test.each(['/twice', '/then-parse', '/then-data', '/parse-first'])(
    'a body is read once: %s is BODY_ALREADY_READ',
    async (path) => {
      const errors: unknown[] = []
      const own = await start({
        mount: { lazy: true, errors: 'next' },
        errorHandler: true,
        routes: [
          {
            path: '/twice',
            handler: async ({ parts }) => {
              for await (const part of parts()) if (part.kind === 'file') part.stream.resume()
              for await (const part of parts()) errors.push(part)
            },
          },
          {
            path: '/then-parse',
            handler: async ({ parts, parse }) => {
              for await (const part of parts()) if (part.kind === 'file') part.stream.resume()
              return parse()
            },
          },
          {
            path: '/then-data',
            handler: async (handling) => {
              for await (const part of handling.parts()) if (part.kind === 'file') part.stream.resume()
              return handling.data
            },
          },
          {
            path: '/parse-first',
            handler: async ({ parts, parse }) => {
              await parse()
              for await (const part of parts()) errors.push(part)
            },
          },
        ],
      })
      const answer = await exchange(own.port, {
        path,
        type: multipartX,
        body: form('X', [file('a', 'a'), 'abc']),
      })
      expect(answer.json).toEqual({ handler: 'own', code: 'BODY_ALREADY_READ', status: 500 })
      expect(errors).toEqual([])
      await own.close()
    },
  )
})

describe.each(frameworks)('$name, other mounts', ({ start }) => {
  const routes = [{ path: '/', handler: looping(readAll) }]
  const body = form('X', [field('a'), '1'])

  test('below an eager multipart() there are no parts, and the error says what to do', async () => {
    const app = await start({ mount: {}, errorHandler: true, routes })
    const answer = await exchange(app.port, { type: multipartX, body })
    expect(answer.json).toMatchObject({ code: 'BODY_ALREADY_READ' })
    expect((met.error as BodyError).hint).toContain('lazy: true')
    await app.close()
  })

  test('below an eager multipart() without a multipart parser the parts are there', async () => {
    const app = await start({ mount: { parsers: [JSONParser] }, routes })
    met = { parts: [], closed: [] }
    expect((await exchange(app.port, { type: multipartX, body })).json).toEqual({ parts: ['a=1'] })
    await app.close()
  })

  test('a field has its bytes, which its text may lose, and a part that is not text is a file', async () => {
    const seen: unknown[] = []
    const look = async (part: Part): Promise<void> => {
      if (part.kind === 'file')
        seen.push([part.filename, part.originalName, (await part.stream.toArray()).join()])
      else seen.push([part.value, part.bytes.toString('latin1'), part.headers['x-note'], Object.keys(part)])
    }
    const app = await start({ mount: { lazy: true }, routes: [{ path: '/', handler: looping(look) }] })
    const text = form(
      'X',
      [`${field('a')}\r\nX-Note: 1\r\nx-note: 2`, 'caf\xe9'],
      [`${field('b')}\r\nContent-Type: image/jpeg`, 'JPEG'],
      [`${field('c')}\r\nContent-Type: application/json`, '{}'],
    )
    await exchange(app.port, { type: multipartX, body: Buffer.from(text, 'latin1') })
    const keys = ['kind', 'name', 'value', 'type', 'headers']
    expect(seen).toEqual([
      ['caf\uFFFD', 'caf\xe9', '1, 2', keys],
      ['blob', '', 'JPEG'],
      ['{}', '{}', undefined, keys],
    ])
    await app.close()
  })

  test('the options of a MultiPartParser of the app apply', async () => {
    const parsers = [new MultiPartParser({ charsetField: true })]
    const app = await start({ mount: { lazy: true, parsers }, routes })
    met = { parts: [], closed: [] }
    const text = form('X', [field('_charset_'), 'latin1'], [field('a'), '\xe9'])
    const answer = await exchange(app.port, { type: multipartX, body: Buffer.from(text, 'latin1') })
    expect(answer.json).toEqual({ parts: ['_charset_=latin1', 'a=é'] })
    await app.close()
  })
})
