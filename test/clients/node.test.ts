import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Agent, fetch as undiciFetch, FormData as UndiciFormData, request as undiciRequest } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accepted, file, refused, type Answer } from './answers.js'
import { fileSize } from './echo.js'
import { useApps } from './everywhere.js'

const large = Buffer.alloc(300_000, 'large ')

const everywhere = useApps()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'formgate-node-'))
  await writeFile(join(folder, 'large.bin'), large)
})
afterAll(() => rm(folder, { recursive: true }))

/** The fetch of Node and that of undici's package, which is newer. */
const fetches = [
  { name: 'fetch', fetch: globalThis.fetch, FormData: globalThis.FormData },
  {
    name: 'fetch of undici',
    fetch: undiciFetch as unknown as typeof globalThis.fetch,
    FormData: UndiciFormData as unknown as typeof globalThis.FormData,
  },
]

describe.each(fetches)('$name', ({ fetch, FormData }) => {
  /** Posts to a route of each app. A body that can be sent only once comes from a function. */
  function post(route: string, init: RequestInit | (() => RequestInit)): Promise<Answer> {
    return everywhere(async (url) => {
      const response = await fetch(url + route, {
        method: 'POST',
        ...(typeof init === 'function' ? init() : init),
      })
      return read(response)
    })
  }

  async function read(response: Response): Promise<Answer> {
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.json(),
    }
  }

  function form(...entries: [string, string | Blob, string?][]): FormData {
    const form = new FormData()
    for (const [name, value, filename] of entries) {
      if (typeof value === 'string') form.append(name, value)
      else if (filename === undefined) form.append(name, value)
      else form.append(name, value, filename)
    }
    return form
  }

  describe('a FormData', () => {
    test('arrives with its fields and files', async () => {
      const body = form(
        ['username', 'Jürgen'],
        ['tag', 'a'],
        ['tag', 'b'],
        ['empty', ''],
        ['photo', new File(['\x89PNG'], 'photo.png', { type: 'image/png' })],
        ['photo', new File([large], 'large.bin')],
      )
      expect(await post('/echo', { body })).toEqual(
        accepted(
          {
            username: 'Jürgen',
            tag: ['a', 'b'],
            empty: '',
            photo: ['File photo.png', 'File large.bin'],
          },
          {
            photo: [
              file('photo.png', '\x89PNG', { type: 'image/png' }),
              file('large.bin', large, { type: 'application/octet-stream' }),
            ],
          },
        ),
      )
    })

    test('has a file called "blob" for a Blob, and another name where one is given', async () => {
      const blob = new Blob(['{"age":42}'], { type: 'application/json' })
      expect(await post('/echo', { body: form(['profile', blob], ['named', blob, 'profile.json']) })).toEqual(
        accepted(
          { profile: 'File blob', named: 'File profile.json' },
          {
            profile: [file('blob', '{"age":42}', { type: 'application/json' })],
            named: [file('profile.json', '{"age":42}', { type: 'application/json' })],
          },
        ),
      )
    })

    test.each([
      { what: 'quotes', name: 'the "final" one.txt' },
      { what: 'an emoji', name: '🌻.txt' },
      { what: 'Japanese', name: '写真.txt' },
      { what: 'a percent sign', name: '100%.txt' },
      { what: 'a backslash', name: String.raw`back\slash.txt`, safe: 'slash.txt' },
      { what: 'a backslash before a quote', name: String.raw`a\"b.txt`, safe: '"b.txt' },
      { what: 'line breaks', name: 'two\r\nlines.txt', safe: 'twolines.txt' },
      { what: 'a tab, a bell and a NUL', name: 'a\t\u0007\0b.txt', safe: 'ab.txt' },
    ])('has a file name with $what', async ({ name, safe = name }) => {
      expect(await post('/echo', { body: form(['f', new File(['x'], name)]) })).toMatchObject({
        status: 200,
        body: { files: { f: [{ name: safe, originalName: name }] } },
      })
    })

    test('has field names with quotes, line breaks and umlauts', async () => {
      const body = form(['the "name"', '1'], ['two\nlines', '2'], ['größe[x]', '3'], ['__proto__', '4'])
      // Every line break in a form is sent as CR and LF (WHATWG HTML, 4.10.21.8).
      const data = { 'the "name"': '1', 'two\r\nlines': '2', 'größe[x]': '3', ['__proto__']: '4' }
      expect(await post('/echo', { body })).toEqual(accepted(data))
    })

    test('without any entry arrives as no data', async () => {
      expect(await post('/echo', { body: form() })).toEqual(accepted({}))
    })

    test('under a Content-Type set by hand is refused, and the hint says to pass the FormData alone', async () => {
      const answer = await post('/echo', {
        body: form(['a', '1']),
        headers: { 'Content-Type': 'multipart/form-data' },
      })
      expect(answer).toEqual(
        refused(400, 'MISSING_BOUNDARY', { hint: 'with fetch or axios pass the FormData alone' }),
      )
      expect(answer).toEqual(
        refused(400, 'MISSING_BOUNDARY', { hint: 'seems to use the boundary "BOUNDARY"' }),
      )
    })

    test('under a JSON header is refused, and the hint says that the body looks like multipart', async () => {
      const headers = { 'Content-Type': 'application/json' }
      expect(await post('/echo', { body: form(['a', '1']), headers })).toEqual(
        refused(400, 'MALFORMED_JSON', { hint: 'The body looks like multipart/form-data' }),
      )
    })

    test('with a file over the limit is answered 413', async () => {
      const body = form(['f', new Blob([new Uint8Array(fileSize + 1)])])
      expect(await post('/echo', { body })).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })
  })

  test('URLSearchParams arrive as a URL-encoded form', async () => {
    const body = new URLSearchParams([
      ['a', '1 & 2'],
      ['a', 'ü'],
      ['b', ''],
    ])
    expect(await post('/echo', { body })).toEqual(accepted({ a: ['1 & 2', 'ü'], b: '' }))
  })

  test('JSON with its header arrives as JSON', async () => {
    const init = { body: JSON.stringify({ a: ['ü', null] }), headers: { 'Content-Type': 'application/json' } }
    expect(await post('/echo', init)).toEqual(accepted({ a: ['ü', null] }))
  })

  test('JSON without its header goes out as text, which is answered 415', async () => {
    expect(await post('/echo', { body: JSON.stringify({ a: 1 }) })).toEqual(
      refused(415, 'UNSUPPORTED_MEDIA_TYPE', {
        detail: 'text/plain;charset=UTF-8',
        hint: 'This route takes application/json',
      }),
    )
  })

  test('a string arrives at the route for plain text', async () => {
    expect(await post('/text', { body: 'wörter' })).toEqual(accepted('wörter'))
  })

  test('a Blob of CSV arrives as the rows of a custom parser', async () => {
    expect(await post('/csv', { body: new Blob(['a,b\n1,2'], { type: 'text/csv' }) })).toEqual(
      accepted([
        ['a', 'b'],
        ['1', '2'],
      ]),
    )
  })

  test('a Blob is stored as a raw file', async () => {
    const body = new Blob([large], { type: 'video/mp4' })
    expect(await post('/raw/film.mp4', { method: 'PUT', body })).toEqual(
      accepted({ file: 'File film.mp4' }, { file: [file('film.mp4', large, { type: 'video/mp4' })] }),
    )
  })

  test('a file of JSON is not stored if a mounted parser has read it, and the hint says so', async () => {
    const body = new Blob(['{"a":1}'], { type: 'application/json' })
    const hint = 'The multipart() above this route already read the body as application/json'
    expect(await post('/raw/data.json', { method: 'PUT', body })).toEqual(
      refused(415, 'UNSUPPORTED_MEDIA_TYPE', { hint }),
    )
    const headers = { 'Content-Type': 'application/octet-stream' }
    expect(await post('/raw/data.json', { method: 'PUT', body, headers })).toMatchObject({ status: 200 })
  })

  test('a stream is stored as a raw file, however it is cut', async () => {
    const answer = await post('/raw/stream.bin', () => ({
      method: 'PUT',
      duplex: 'half',
      body: ReadableStream.from([large.subarray(0, 1), large.subarray(1, 90_000), large.subarray(90_000)]),
    }))
    expect(answer).toEqual(accepted({ file: 'File stream.bin' }, { file: [file('stream.bin', large)] }))
  })

  test('a stream of a form that was written by hand arrives', async () => {
    const lines = [
      '--X',
      'Content-Disposition: form-data; name="f"; filename="a.txt"',
      'Content-Type: text/plain',
      '',
      'content',
      '--X--',
      '',
    ]
    const answer = await post('/echo', () => ({
      duplex: 'half',
      headers: { 'Content-Type': 'multipart/form-data; boundary=X' },
      body: ReadableStream.from(Array.from(lines.join('\r\n'), (character) => Buffer.from(character))),
    }))
    expect(answer).toEqual(
      accepted({ f: 'File a.txt' }, { f: [file('a.txt', 'content', { type: 'text/plain' })] }),
    )
  })

  test('a stream with no bytes arrives as no data', async () => {
    const answer = await post('/echo', () => ({ duplex: 'half', body: ReadableStream.from([]) }))
    expect(answer).toEqual(accepted({}))
  })

  test('a stream that goes on past the limit is answered 413', async () => {
    const chunks = Array.from({ length: 20 }, () => new Uint8Array(fileSize / 16))
    const answer = await post('/raw/endless', () => ({
      method: 'PUT',
      duplex: 'half',
      body: ReadableStream.from(chunks),
    }))
    expect(answer).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
  })

  test('an error in one request does not affect the next one', async () => {
    const body = form(['a', '1'])
    await post('/echo', { body, headers: { 'Content-Type': 'multipart/form-data' } })
    expect(await post('/echo', { body })).toEqual(accepted({ a: '1' }))
  })
})

describe('request of undici', () => {
  // Its own, since that of Node, which the two share on Node 24, does not send its FormData
  // (https://github.com/nodejs/undici/issues/5520).
  const dispatcher = new Agent()
  afterAll(() => dispatcher.close())

  function request(route: string, options: () => Parameters<typeof undiciRequest>[1]): Promise<Answer> {
    return everywhere(async (url) => {
      const { statusCode, headers, body } = await undiciRequest(url + route, {
        method: 'POST',
        dispatcher,
        ...options(),
      })
      return { status: statusCode, type: String(headers['content-type']), body: await body.json() }
    })
  }

  test('sends a FormData', async () => {
    const answer = await request('/echo', () => {
      const body = new UndiciFormData()
      body.append('a', '1')
      body.append('f', new File(['x'], 'a "b" ü.txt', { type: 'text/plain' }))
      return { body }
    })
    expect(answer).toEqual(
      accepted({ a: '1', f: 'File a "b" ü.txt' }, { f: [file('a "b" ü.txt', 'x', { type: 'text/plain' })] }),
    )
  })

  test('sends a file from disk as a raw body', async () => {
    const answer = await request('/raw/large.bin', () => ({
      method: 'PUT',
      body: createReadStream(join(folder, 'large.bin')),
    }))
    expect(answer).toEqual(accepted({ file: 'File large.bin' }, { file: [file('large.bin', large)] }))
  })

  test('sends JSON', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    expect(await request('/json', () => ({ body: '{"a":1}', headers }))).toEqual(accepted({ a: 1 }))
  })
})

describe('http.request', () => {
  /** Pipes a file of the folder into a request to each app. */
  function pipe(
    route: string,
    name: string,
    headers: Record<string, string | number>,
    method = 'POST',
  ): Promise<Answer> {
    return everywhere(async (url) => {
      const request = httpRequest(url + route, { method, headers })
      const answered = new Promise<Answer>((resolve, reject) => {
        request.on('error', reject).on('response', (response) => {
          const { statusCode = 0, headers } = response
          void text(response).then((body) =>
            resolve({ status: statusCode, type: headers['content-type'] ?? '', body: JSON.parse(body) }),
          )
        })
      })
      // Node reports an error if the answer comes before the whole request was sent.
      await pipeline(createReadStream(join(folder, name)), request).catch(() => {})
      return answered
    })
  }

  test('sends a piped file, with a declared length or without', async () => {
    const stored = accepted({ file: 'File large.bin' }, { file: [file('large.bin', large)] })
    expect(await pipe('/raw/large.bin', 'large.bin', {}, 'PUT')).toEqual(stored)
    const { size } = await stat(join(folder, 'large.bin'))
    expect(await pipe('/raw/large.bin', 'large.bin', { 'Content-Length': size }, 'PUT')).toEqual(stored)
  })

  test.each([
    { header: 'attachment; filename="a b.bin"', name: 'a b.bin' },
    { header: "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.bin", name: 'größe.bin' },
  ])('takes the name of the file from $header', async ({ header, name }) => {
    const answer = await pipe('/raw', 'large.bin', {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': header,
    })
    expect(answer).toEqual(
      accepted({ file: `File ${name}` }, { file: [file(name, large, { type: 'application/octet-stream' })] }),
    )
  })

  test('with a filename* that cannot be read is refused', async () => {
    const answer = await pipe('/raw', 'large.bin', {
      'Content-Disposition': "attachment; filename*=bogus''x",
    })
    expect(answer).toEqual(refused(400, 'INVALID_CHARSET', { detail: 'filename' }))
  })

  test('sends a form that was written by hand', async () => {
    const content = await readFile(join(folder, 'large.bin'))
    await writeFile(
      join(folder, 'form'),
      Buffer.concat([
        Buffer.from('--X Y\r\nContent-Disposition: form-data; name=f; filename=voilà\r\n\r\n'),
        content,
        Buffer.from('\r\n--X Y--'),
      ]),
    )
    const answer = await pipe('/echo', 'form', { 'Content-Type': 'multipart/form-data; boundary="X Y"' })
    expect(answer).toEqual(accepted({ f: 'File voilà' }, { f: [file('voilà', large)] }))
  })
})
